"""How weights move: optimizers and schedules. Pure NumPy."""
