"""Drafters, one module each: they propose tokens, which the base verifies."""
