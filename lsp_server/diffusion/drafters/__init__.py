"""Drafters: what proposes the tokens that the base then verifies. One module each."""
