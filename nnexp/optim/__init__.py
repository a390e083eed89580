"""Optimizers, schedules, averages of weights, regularization. Pure NumPy."""
