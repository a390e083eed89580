"""Where the jobs of a sweep run: the pool of workers, and the backends that start workers."""
