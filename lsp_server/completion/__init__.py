"""From a document and a cursor to a completion: a text or the reason for none, and its cost.

Works on spans and text; tokens and tensors belong to ``diffusion``, the protocol to ``server``.
"""
