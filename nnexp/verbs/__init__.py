"""What `nnexp <verb>` does, a small file each."""
