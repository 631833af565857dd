"""The benchmarks: how fast, at what cost and how well a model fills holes.

Every benchmark measures what it compares in one run, in turns: the decoder with the given settings,
the same without the denoiser's drafts, one token at a time, another runtime. See README.md.
"""
