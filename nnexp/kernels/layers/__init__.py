"""Compiled twins of layers."""
