"""Models on disk and in memory: weights, tokenizers, tensors.

Knows nothing of documents or spans.
"""
