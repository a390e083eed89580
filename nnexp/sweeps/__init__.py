"""Sweeps: many experiments, planned, executed by Hydra, recorded in a parent run, and reported."""
