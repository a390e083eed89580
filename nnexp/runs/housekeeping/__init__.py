"""Changes of what is recorded: tags of one's own, and the deletion of runs and sweeps."""
