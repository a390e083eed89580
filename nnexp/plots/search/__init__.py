"""Plots of a search: history, intermediate values, importance, slices, contours, Pareto front."""
