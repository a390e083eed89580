"""YAML files of configurations: values that know their line, and errors that name it."""
