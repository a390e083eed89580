"""Overrides of a command line: parsed, composed, validated, and explained where they are wrong."""
