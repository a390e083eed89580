"""The checks of `nnexp doctor`."""
