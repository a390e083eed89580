"""Words for errors of Hydra's composition: which line of which YAML file, and how to write it."""

import re
from collections.abc import Iterator
from pathlib import Path

from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType

from nnexp.config.errors import Problem
from nnexp.config.overrides.options import suggest_option
from nnexp.config.yaml.node import Origin
from nnexp.config.yaml.source import YamlSource
from nnexp.messages import did_you_mean, first_line, short_path

NO_OPTION = re.compile(r"Could not find '(?P<group>[\w/]+)/(?P<option>[^/']+)'")
NO_OVERRIDE = re.compile(r"(?:In '(?P<config>.+)': )?Could not override '(?P<name>[^']+)'")
ADDED_TWICE = re.compile(r"Multiple values for (?P<group>[\w/]+)\. .*'override (?P<rest>.+)'")
NO_CONFIG = re.compile(r"In '(?P<config>.+)': Could not load '(?P<name>[^']+)'")
NO_PRIMARY = re.compile(r"Cannot find primary config '(?P<name>[^']+)'")
DELETED_NULL = re.compile(r"Could not delete from config. '.+' does not exist")  # Hydra takes null for absent
CONFIG_NAME = "config"  # of the primary config
NO_DEFAULTS = """its defaults list has no {name}; fix: begin the file with these lines
  defaults:
    - config
    - _self_"""


def explain_composition(error: Exception, loader: ConfigLoader, config_name: str) -> Problem:
    """Explain why Hydra cannot compose a configuration."""
    text = str(error).strip() or str(error.__cause__).strip()
    if match := NO_OPTION.search(text):
        known = loader.get_group_options(match["group"], ObjectType.CONFIG)
        what = f"no such option; {suggest_option(match['option'], known)}options: {', '.join(known)}"
        return _in_line(loader, match["option"], what)
    if match := NO_CONFIG.search(text):
        name = match["name"].rpartition("/")[2]
        advice = "; fix: a space after the colon" if ":" in name else ""
        return _in_line(loader, name, f"no such file{advice}")
    if match := ADDED_TWICE.search(text):
        what = f"that group has an option already; fix: - override /{match['rest']}"
        return _in_line(loader, f"/{match['group']}", what)
    if match := NO_OVERRIDE.search(text):
        return _explain_override(loader, config_name, match)
    if match := NO_PRIMARY.search(text):
        files = sorted({path.stem for folder in folders(loader) for path in folder.glob("*.yaml")})
        text = f"no such file; {did_you_mean(match['name'], files)}files: {', '.join(files)}"
    return Problem(f"--config-name {config_name}" if match else "", first_line(text))


def explain_refusal(error: Exception) -> str:
    """Explain why Hydra does not accept an override of a key that exists."""
    text = first_line(str(error.__cause__ or error))
    return "is null already; fix: leave it out" if DELETED_NULL.search(text) else text


def _explain_override(loader: ConfigLoader, config_name: str, match: re.Match[str]) -> Problem:
    """Explain why a defaults list overrides what it does not have."""
    name = match["name"].partition("@")[0].rpartition("/")[2]
    if match["config"] is None and config_name == CONFIG_NAME:
        return Problem(match["name"], "no such group in the defaults list; expected GROUP=OPTION")
    if match["config"] is None:
        return Problem(f"--config-name {config_name}", NO_DEFAULTS.format(name=name))
    groups = [group for group in loader.list_groups("") if group != "hydra"]
    what = f"no such config group; {did_you_mean(name, groups)}groups: {', '.join(groups)}"
    if name in groups:
        what = f"a config group is named from the top; fix: /{name} in place of {name}"
    return _in_line(loader, name, what)


def _in_line(loader: ConfigLoader, text: str, what: str) -> Problem:
    """Return the problem of the first line with a text in a file that has a defaults list."""
    word = re.compile(rf"(?<![\w-]){re.escape(text)}(?![\w-])")
    for folder in folders(loader):
        for path in sorted(folder.rglob("*.yaml")):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            if not any(line.startswith("defaults:") for line in lines):
                continue
            for i, line in enumerate(lines, start=1):
                if line.strip().startswith("-") and word.search(line.partition("#")[0]):
                    return Problem(line.strip(), what, str(Origin(path, i)))
    return Problem(text, what)


def folders(loader: ConfigLoader) -> Iterator[Path]:
    """Yield the folders that are searched, the user's first."""
    return (Path(source.path) for source in loader.get_sources() if isinstance(source, YamlSource))


def explain_option(loader: ConfigLoader, group: str, option: str) -> str:
    """Explain why a file of that name is no option of a group; empty where there is no such file."""
    for folder in folders(loader):
        path = folder / group / f"{option}.yaml"
        if path.is_dir():
            return f"{short_path(path)} is a folder, not a file; "
        if path.with_suffix(".yml").is_file():
            return f"{short_path(path.with_suffix('.yml'))} is not read; fix: rename it to {path.name}; "
    return ""
