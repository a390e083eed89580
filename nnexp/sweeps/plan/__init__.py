"""What a sweep will run: its jobs as Hydra composes them, checked, named, compared with the record."""
