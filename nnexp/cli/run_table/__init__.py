"""The table of `nnexp runs`."""
