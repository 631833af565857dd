"""Canvases, drafters, samplers and the decoding loops; no model family is named here."""
