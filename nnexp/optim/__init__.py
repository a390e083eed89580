"""How weights move: optimizers, schedules, averages, penalties. Pure NumPy."""
