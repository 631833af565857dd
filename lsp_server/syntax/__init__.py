"""Syntax: languages, trees, brackets, and the span being written at a place; no tokens here."""
