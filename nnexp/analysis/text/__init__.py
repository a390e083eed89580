"""The results in words and tables."""
