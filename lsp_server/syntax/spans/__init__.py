"""Spans: what is being written at a cursor or in a selection, and where it must end."""
