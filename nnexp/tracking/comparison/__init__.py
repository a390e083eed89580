"""Runs side by side: what differs in their configuration and in what came out, and whether that means anything."""
