"""Image files of one's own, in a folder for each class or named in a table, as a data set."""
