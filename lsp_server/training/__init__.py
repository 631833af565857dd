"""Training the denoiser of the embedded model; the base is never changed."""
