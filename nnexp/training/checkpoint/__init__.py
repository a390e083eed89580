"""Checkpoints: the whole state of training, captured, restored, written to and read from a file."""
