"""Sessions of a run: the first one, and those of a run that is resumed."""
