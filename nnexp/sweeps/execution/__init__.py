"""The jobs of a sweep at work: a launcher of Hydra, worker processes, and the events that report on them."""
