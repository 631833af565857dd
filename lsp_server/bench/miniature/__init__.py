"""The claim of this project in miniature: a model of a language where every hole has one answer."""
