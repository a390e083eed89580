"""Compiled twins of hot NumPy lines, with Numba (extra `fast`); nothing depends on them.

A twin is a subclass of a NumPy class that overrides its hot methods with fused loops, and nothing else: no
attribute, no state. `substitute` gives an object that is built already the class of its twin.
"""
