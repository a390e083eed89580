"""Where examples come from: data sets, the IDX format, downloads, the cache, splits, batches."""
