"""The configuration of a recorded run, ready to run here: with overrides and this machine's data folder.

A record may come from a server that others write to, so nothing in it decides which code runs: interpolations
are refused, a `_target_` must be a class of nnexp, and only `plugins` of the command line count.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from os import environ
from os.path import expanduser
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nnexp.config import ConfigError, Problem, Settings, compose
from nnexp.config.build import resolved
from nnexp.config.compose import CONF
from nnexp.config.naming import flattened
from nnexp.config.overrides.examiner import OPTIONAL
from nnexp.config.overrides.limits import beyond_limits
from nnexp.config.overrides.syntax import explain_syntax
from nnexp.config.overrides.text import annotation_at, rewrite_all
from nnexp.config.validation import TARGET
from nnexp.config.yaml.files import load_plain_yaml
from nnexp.data.images.folders import DEFAULT_ROOT
from nnexp.messages import did_you_mean, first_line, hydra_override, override_value

Values = dict[str, Any]
Note = tuple[str, str]  # a label and a text
Recorded = tuple[Values, list[Note]]
FIXED = (*OPTIONAL, "hydra", "tracking", "choices")  # sections that cannot be overridden


def load_recorded(
    path: Path,
    overrides: Sequence[str],
    config_dir: str | None = None,
    project: Path | None = None,
    *,
    is_resumed: bool = False,
) -> Recorded:
    """Load the configuration in a file, with overrides; also returns notes about what was changed.

    Args:
        path: of the file.
        overrides: of single keys or groups.
        config_dir: a folder of your own config groups.
        project: the working directory of the recorded run, if known; relative paths may lie below it.
        is_resumed: whether the run itself goes on, and is tracked; else it is repeated without tracking.

    Raises:
        ConfigError: the file or an override is invalid, or the recorded data file is missing.
    """
    values = read_config(path) | {"plugins": []}
    if problems := beyond_limits(list(overrides)):
        raise ConfigError(problems)
    written = rewrite_all(list(overrides), values, sweep=False)
    changes = {str(change.key_or_group): change for change in _parse(written, values, is_resumed)}
    before = dict(flattened(values)) | values.get("choices", {})
    notes = list(_use_local_data(values, changes.keys(), project))
    values = _with_overrides(values, changes, config_dir)
    for key, change in changes.items():
        recorded = f"; recorded is {override_value(before[key])}" if before.get(key) is not None else ""
        notes.append(("changed", f"{change.input_line}{recorded}"))
    if is_resumed:
        return values, notes
    run_name = (values.get("tracking") or {}).get("run_name")
    return values | {"tracking": {"enabled": False, "system": None, "run_name": run_name}}, notes


def read_config(path: Path) -> Values:
    """Read a run's config.yaml as plain values; a ConfigError if it is none, or holds interpolations."""
    values = load_plain_yaml(path)
    if not all(isinstance(key, str) for key in values):
        raise ConfigError([Problem(str(path), "expected a mapping of names to values")])
    leaves = [leaf for leaf in flattened(values, lists=True) if "${" in f"{leaf[0]}{leaf[1]}"]
    if problems := [Problem(hydra_override(*leaf), "refused: interpolation in a record") for leaf in leaves]:
        raise ConfigError(problems)
    return values


def _use_local_data(values: Values, overridden: Collection[str], project: Path | None) -> Iterator[Note]:
    """Replace the recorded data folder or file by this machine's where it does not exist here."""
    data = values.get("data")
    if not isinstance(data, dict) or "data" in overridden:
        return
    local = environ.get("NNEXP_DATA") or DEFAULT_ROOT
    root = data.get("root")
    if isinstance(root, str) and "data.root" not in overridden and not Path(expanduser(root)).is_dir():
        data["root"] = local
        if not isinstance(data.get("path"), str) and root != local:
            yield "data", f"looked for in {local}; the recorded folder does not exist here: {root}"
    for key in ("path", "test_path"):
        path = data.get(key)
        if not isinstance(path, str) or f"data.{key}" in overridden or Path(expanduser(path)).exists():
            continue
        name = Path(path).name
        candidates = [(project or Path.cwd()) / path, Path.cwd() / name, Path(expanduser(local)) / name]
        if (file := next(filter(Path.exists, candidates), None)) is None:
            what = f"missing, and no {name} in {Path.cwd()} or {local}; fix: data.{key}=FILE"
            raise ConfigError([Problem(f"data.{key}={path}", what)])
        data[key] = str(file)
        yield "data", f"read from {file}; the recorded file does not exist here: {path}"


def _parse(overrides: Sequence[str], values: Values, is_resumed: bool) -> Iterator[Override]:
    """Parse overrides of one value each."""
    problems = []
    for text in overrides:
        try:
            change = OverridesParser.create().parse_override(text)
        except HydraException as error:
            annotation = annotation_at(values, text.partition("=")[0].lstrip("+"))
            problems.append(Problem(text, explain_syntax(text, error, annotation)))
            continue
        section = str(change.key_or_group).partition(".")[0].partition("/")[0]
        if change.is_sweep_override():
            problems.append(Problem(text, "several values: there is one run; a list is [a,b]"))
        elif change.is_delete():
            problems.append(Problem(text, "a recorded key cannot be deleted; fix: another value"))
        elif section in FIXED and not (is_resumed and section == "tracking"):
            remedy = "a reproduction is not tracked" if section == "tracking" else "fix: override single keys"
            problems.append(Problem(text, f"cannot be changed here: {remedy}"))
        else:
            yield change
    if problems:
        raise ConfigError(problems)


def _with_overrides(values: Values, changes: Mapping[str, Override], config_dir: str | None) -> Values:
    """Apply overrides: first whole groups, as `nnexp` composes them, then single values."""
    folders = [CONF, *([Path(config_dir)] if config_dir else [])]
    groups = {path.name for folder in folders for path in folder.iterdir() if path.is_dir()}
    chosen = [key for key in changes if key in groups and isinstance(changes[key].value(), str)]
    if chosen:
        relevant = [changes[key] for key in changes if key.partition(".")[0] in (*chosen, "plugins")]
        composed = resolved(compose([str(change.input_line) for change in relevant], config_dir=config_dir))
        values = values | {group: composed[group] for group in chosen}
        values["choices"] = values["choices"] | {group: composed["choices"][group] for group in chosen}
    known = {key for key, _ in flattened(values) if not key.endswith(TARGET)}
    config = OmegaConf.create(values)
    problems = []
    for key, change in changes.items():
        text = str(change.input_line)
        if key in chosen:
            continue
        if key.partition(".")[0] not in Settings.__dataclass_fields__:
            problems.append(Problem(text, f"no such key; {did_you_mean(key, known)}".rstrip("; ")))
            continue
        try:
            OmegaConf.update(config, key, change.value(), merge=True, force_add=True)
        except (OmegaConfBaseException, ValueError, TypeError, IndexError) as error:
            problems.append(Problem(text, first_line(error)))
    if problems:
        raise ConfigError(problems)
    return resolved(config)
