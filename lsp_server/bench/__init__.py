"""The benchmarks: how fast, at what cost and how well a model fills holes.

Every benchmark measures variants of decoding side by side in one run: the decoder as set, the same
with the denoiser off, and one token at a time, all on the same weights.
"""
