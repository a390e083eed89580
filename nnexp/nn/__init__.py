"""The network, from scratch: parameters, layers, activations, initializers, losses. Pure NumPy and SciPy."""
