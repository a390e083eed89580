"""Encoding and scaling that training and serving share. NumPy only."""
