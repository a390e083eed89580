"""Image files as arrays: decoded, resized, found in folders. Shared by training and trained models."""
