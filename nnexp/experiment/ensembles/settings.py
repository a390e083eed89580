"""The settings of an ensemble: data and tracking of its first member, with overrides."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnexp.config import Settings, build
from nnexp.config.recorded import load_recorded
from nnexp.experiment.ensembles.members import Member
from nnexp.run_folder import CONFIG, ENVIRONMENT
from nnexp.runs.ensembles import reference_to

OVERRIDE = re.compile(r"\+{0,2}(tracking(\.\w+)?|plugins|data\.(path|test_path|root))=")
"""What begins so is no run: the settings that can be changed."""
OF_A_RUN = ("register", "baseline", "system", "run_name")  # settings of tracking that are not taken over


@dataclass(frozen=True)
class EnsembleSettings:
    """The settings of an ensemble."""

    first: Settings  # of the first member, with overrides: data, tracking, metrics of one's own
    name: str  # of the run
    values: dict[str, Any]  # the configuration that is recorded


def is_override(text: str) -> bool:
    """Return whether an argument is a setting, not a run; names of runs may hold = too."""
    return OVERRIDE.match(text) is not None


def ensemble_settings(
    members: Sequence[Member],
    overrides: Sequence[str] = (),
    *,
    name: str | None = None,
    uri: str | None = None,
    config_dir: str | None = None,
) -> EnsembleSettings:
    """Read the settings of the first member, with overrides.

    Args:
        members: of the ensemble.
        overrides: of `tracking`, `plugins` and where the data are.
        name: of the run; None: that of an override, else one is made.
        uri: another store; None: that of an override, else that of the first member.
        config_dir: a folder of your own config groups.

    Raises:
        ConfigError: the recorded configuration or an override is invalid, or the data file is missing.
    """
    run = members[0].run
    project = run.json(ENVIRONMENT).get("folder")
    home = None if project is None else Path(project)
    values, _ = load_recorded(run.file(CONFIG), overrides, config_dir, home, is_resumed=True)
    keys = {text.partition("=")[0].lstrip("+") for text in overrides}
    tracking = dict(values["tracking"])
    tracking |= {key: None for key in OF_A_RUN if f"tracking.{key}" not in keys}
    if uri is not None and "tracking.uri" not in keys:
        tracking["uri"] = uri
    if name is not None:
        tracking["run_name"] = name
    settings = build(values | {"tracking": tracking})
    choices = settings.values["choices"]
    recorded = {
        "ensemble": {"members": [reference_to(member.run) for member in members]},
        "data": shared_data(members, settings.values["data"]),
        "tracking": settings.values["tracking"],
        "plugins": list(settings.plugins),
        "choices": {group: choices[group] for group in ("data", "tracking") if group in choices},
    }
    made = f"{members[0].dataset['name']}-ensemble-of-{len(members)}"
    return EnsembleSettings(settings, settings.tracking.run_name or made, recorded)


def shared_data(members: Sequence[Member], data: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of the data of the first member without those in which others differ."""

    def settings_of(member: Member, key: str) -> dict[str, str]:
        name = f"data.{key}"
        return {k: v for k, v in member.run.params.items() if k == name or k.startswith(f"{name}.")}

    first, *others = members
    return {
        key: value
        for key, value in data.items()
        if all(settings_of(other, key) == settings_of(first, key) for other in others)
    }
