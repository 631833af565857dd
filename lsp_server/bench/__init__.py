"""The benchmarks: how fast, at what cost and how well the shipped decoder fills holes.

Every benchmark measures its contestants side by side in one run: the decoder as shipped, the same
with the denoiser off, and one-token-at-a-time decoding of the same weights.
"""
