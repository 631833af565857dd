"""What is being written at a place in a text, and where it must end. Knows no tokens, no editor."""
