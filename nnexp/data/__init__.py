"""Where examples come from: image sets and tables, downloads, the cache, splits, batches, augmentation."""
