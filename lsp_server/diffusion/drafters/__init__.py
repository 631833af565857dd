"""Drafters: where drafted tokens come from, and how far each can be trusted."""
