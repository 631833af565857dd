"""Canvases, drafts, samplers and the decode loop.

Knows nothing of documents, editors or model families.
"""
