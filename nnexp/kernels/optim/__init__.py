"""Compiled twins of all that happens between the gradient and the new weights."""
