"""How a network learns: the trainer, what it measures, the weights it keeps. No config, no tracking, no plots."""
