"""Image data sets: IDX files, downloads, the array cache."""
