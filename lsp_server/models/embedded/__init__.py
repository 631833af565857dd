"""The embedded model: Qwen2.5-Coder-0.5B, and the denoiser adapter on its upper layers."""
