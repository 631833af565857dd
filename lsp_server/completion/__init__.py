"""From a document and a cursor to a text worth showing, with its reason and its cost.

Knows spans and text; does not know tensors, tokens or the protocol.
"""
