"""Published masked diffusion models, loaded from their own folders."""
