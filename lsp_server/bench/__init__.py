"""The benchmarks: how fast, at what cost and how well a model fills holes.

Every benchmark measures variants of decoding in one run, with the same weights: the decoder with
the given settings, the same without the denoiser's drafts, and one token at a time.
"""
