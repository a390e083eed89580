"""The option of a config group that was meant, also of those in folders within it: paper/lenet5."""

from collections.abc import Sequence

from nnexp.messages import nearest


def nearest_option(option: str, known: Sequence[str]) -> str | None:
    """Return the most similar option of a group, by its whole name or by the name without its folder."""
    names = {name.rpartition("/")[2]: name for name in known}
    if whole := nearest(option, known):
        return whole
    near = nearest(option.rpartition("/")[2], names)
    return names[near] if near else None


def suggest_option(option: str, known: Sequence[str]) -> str:
    """Suggest the most similar option as a question that ends in a space; empty where nothing is near."""
    near = nearest_option(option, known)
    return f"did you mean {near}? " if near else ""
