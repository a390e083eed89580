"""The configuration of the best run, to be trained again: as a command and as a preset."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from nnexp.analysis.results import GroupAnalysis, SettingSummary
from nnexp.config import ConfigError
from nnexp.config.overrides.composition_errors import CONFIG_NAME
from nnexp.config.preset import Preset, preset_of
from nnexp.config.recorded import read_config
from nnexp.run_folder import CONFIG
from nnexp.runs.backends import RunError
from nnexp.runs.run import Run
from nnexp.runs.sweeps import Sweep

MAX_PRESETS = 10  # of a Pareto front


def best_preset(
    group: GroupAnalysis, run_of: Mapping[str, Run], sweep: Sweep, plugins: Sequence[str]
) -> Preset | None:
    """Describe the best run of the best setting; None: there is none, or no overrides make its configuration.

    Args:
        group: of runs that can be compared.
        run_of: the run of each row of the table, by the row's id.
        sweep: that the runs are of.
        plugins: packages that may be imported: a record does not decide which code runs.
    """
    return setting_preset(group.best, run_of, sweep, plugins, "the best") if group.best is not None else None


def front_presets(
    group: GroupAnalysis, run_of: Mapping[str, Run], sweep: Sweep, plugins: Sequence[str]
) -> list[tuple[SettingSummary, Preset]]:
    """Describe the Pareto front of several objectives, best of the first one first; arguments as above."""
    presets = []
    for setting in group.front[:MAX_PRESETS]:
        preset = setting_preset(setting, run_of, sweep, plugins, "a Pareto-optimal one")
        presets += [(setting, preset)] if preset is not None else []
    return presets


def setting_preset(
    setting: SettingSummary, run_of: Mapping[str, Run], sweep: Sweep, plugins: Sequence[str], which: str
) -> Preset | None:
    """Describe the best run of a setting, whose note says `which` of all it is; None as above."""
    if setting.best is None:
        return None
    note = f"{which} of {sweep.name or 'several runs'}: {setting.label}"
    with suppress(RunError, OSError, ConfigError):
        return preset_of(
            read_config(run_of[setting.best.id].file(CONFIG)),
            config_dir=sweep.record.get("config_dir"),
            config_name=sweep.record.get("config_name") or CONFIG_NAME,
            plugins=plugins,
            note=note,
        )
    return None


def reproduction_command(group: GroupAnalysis) -> str:
    """Return the command that trains the best run again from its record, where no overrides do."""
    best = group.best.best if group.best is not None else None
    return f"nnexp reproduce {best.id}" if best is not None and best.id else ""
