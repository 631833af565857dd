"""Models on disk and in memory: weights, tokenizers, tensors.

A model's input and output are tokens; documents and spans belong to ``completion``.
"""
