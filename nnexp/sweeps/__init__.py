"""Many experiments: what happens at the end of a sweep."""
