"""Decoding measured on a synthetic language in which every hole has exactly one right answer.

``python -m tests.experiments.synthetic`` fills held-out holes with a small model made for it: by
every sampler, with and without caches, and with every way to choose the number of masks.
"""
