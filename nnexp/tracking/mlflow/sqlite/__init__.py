"""The file of an SQLite store: its creation, and its rebuilding from the folders of runs."""
