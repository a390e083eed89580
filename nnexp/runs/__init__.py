"""Recorded runs: query, compare, reproduce."""
