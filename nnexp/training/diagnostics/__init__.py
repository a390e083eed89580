"""Diagnostics of each layer during training: activations, gradients, updates, weights."""
