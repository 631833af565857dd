"""A small two-sided model of code, trained from scratch, to compare length strategies on."""
