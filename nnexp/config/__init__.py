"""From YAML and overrides to validated settings and built objects."""

from nnexp.config.build import build
from nnexp.config.compose import compose
from nnexp.config.errors import ConfigError, Problem
from nnexp.config.schema import Settings

__all__ = ["ConfigError", "Problem", "Settings", "build", "compose"]
