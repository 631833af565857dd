"""A small two-sided model of code, trained from scratch, to compare ways of finding a length."""
