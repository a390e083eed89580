"""Encoding, missing values and scaling that training and trained models share. NumPy only."""
