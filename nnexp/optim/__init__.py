"""How weights move: optimizers, schedules, averages. Pure NumPy."""
