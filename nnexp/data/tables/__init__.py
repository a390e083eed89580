"""Tables: CSV, Parquet and NPZ files with a row per example."""
