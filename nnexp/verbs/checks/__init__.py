"""What `nnexp doctor` looks at, a file for each part: none of it makes or changes anything."""
