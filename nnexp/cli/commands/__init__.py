"""One file per command: `nnexp COMMAND ...`."""
