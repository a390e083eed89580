"""CSV files: their dialect, their numbers, and their rows block by block."""
