"""The report of a sweep: what its runs say together, as a page, images, a table and a configuration."""
