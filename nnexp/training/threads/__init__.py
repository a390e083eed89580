"""Threads of a run's matrix products: how they are shared, and how many are in use."""
