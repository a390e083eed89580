"""The options of config groups in a configuration whose sections were replaced in Python."""

import re
from typing import Any

from nnexp.config.compose import CONF
from nnexp.config.validation import TARGET

CUSTOM = "custom"  # the name of a section that is no option of nnexp


def current_choices(values: Any) -> dict[str, str]:
    """Return the option of each group: another one where its section has another class than the option's."""
    choices = dict(values["choices"])
    for group, option in choices.items():
        targets = option_targets(group)
        target = (values.get(group) or {}).get(TARGET)
        if target is not None and targets.get(option, target) != target:
            others = [other for other in targets if targets[other] == target]
            choices[group] = others[0] if len(others) == 1 else CUSTOM
    return choices


def option_targets(group: str) -> dict[str, str]:
    """Return the class that each option of a group builds."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted((CONF / group).glob("*.yaml"))}
    matches = {option: re.search(rf"^{TARGET}: *(\S+)", text, re.MULTILINE) for option, text in texts.items()}
    return {option: match[1] for option, match in matches.items() if match is not None}
