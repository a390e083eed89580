"""Resuming a run: what it goes on from, which settings may change, and what is refused."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnexp.config import Settings, build
from nnexp.config.naming import changes_learning, params
from nnexp.config.recorded import load_recorded, read_config
from nnexp.errors import UserError
from nnexp.experiment.artifacts import describe_splits
from nnexp.experiment.components import Components
from nnexp.experiment.sessions.changes import Change, differences
from nnexp.messages import first_line, listed, plural, quoted_path
from nnexp.run_folder import CONFIG, JOURNAL, Entry, RunFolder, end_of, head_of, history, pruned_in
from nnexp.runs.ensembles import check_no_ensemble
from nnexp.tracking.active_runs import is_alive
from nnexp.tracking.mlflow.destination import Destination, find_home
from nnexp.training.checkpoint.checkpoint_file import Checkpoint, list_checkpoints

LIMITS = (
    "trainer.epochs",
    "trainer.patience",
    "trainer.min_epochs",
    "trainer.min_delta",
    "trainer.time_budget",
)
"""What may let a finished run go on."""
UNKNOWN: Entry = {"name": "without a record", "id": "", "destination": None}  # of a run that has not begun


class ResumeError(UserError):
    """A run cannot be resumed."""


@dataclass(frozen=True)
class Resumption:
    """A run that is to go on: its record, and its settings, recorded and now."""

    folder: Path
    home: Path  # the project's folder
    recorded: Settings
    settings: Settings
    notes: list[tuple[str, str]] = field(default_factory=list)  # labels and texts
    has_begun: bool = True  # False: its process died before the first line of the journal

    @property
    def changes(self) -> list[Change]:
        """The settings that differ."""
        return differences(self.recorded.values, self.settings.values)

    @property
    def changes_learning(self) -> bool:
        """Whether what is learnt from here on differs from what the recorded settings would have learnt."""
        return any(changes_learning(change.key) for change in self.changes)

    @property
    def evaluations(self) -> int:
        """How many evaluations the journal has."""
        rows = history(RunFolder(self.folder).entries())
        return len({step for step, values in rows if "train/loss" in values})

    def needs_replay(self, checkpoint: Checkpoint | None) -> bool:
        """Whether the journal has evaluations after the checkpoint that other settings would not repeat."""
        done = len(checkpoint.history) if checkpoint is not None else 0
        return self.changes_learning and self.evaluations > done


def prepare(folder: Path, overrides: Sequence[str] = (), config_dir: str | None = None) -> Resumption:
    """Read what a run goes on from, and check what can be checked without its data.

    Raises:
        ResumeError: it is running, has no configuration, or is finished; a setting cannot change.
        RunError: it is an ensemble.
        ConfigError: an override is invalid.
        StoreError: its store would get a password that it may not be meant for.
    """
    run = RunFolder(folder)
    try:
        entries = run.entries()
        if not entries and (run.damaged_lines() or list_checkpoints(folder)):
            raise ValueError("it has no entry that is whole")
        head = head_of(entries) if entries else UNKNOWN
        if head.get("kind", "run") != "run":
            raise ValueError("its first line is damaged")
        name = head["name"]
    except (OSError, ValueError, IndexError, KeyError, TypeError, RecursionError) as error:
        problem = f"{folder / JOURNAL}: cannot be read, so the run cannot be resumed: {first_line(error)}"
        raise ResumeError(problem) from error
    if entries:
        check_no_ensemble(head, folder, "to go on with")
        check_not_running(folder, entries)
    if not (run / CONFIG).is_file():
        problem = f"run {name} cannot be resumed: {folder} has no {CONFIG}"
        raise ResumeError(f"{problem}; fix: put its {CONFIG} there, an artifact of the run in MLflow")
    check_config(run / CONFIG, head)
    home = home_of(run, head)
    plugins = [text for text in overrides if text.lstrip("+").startswith("plugins=")]
    recorded, _ = load_recorded(run / CONFIG, plugins, config_dir, home, is_resumed=True)
    values, notes = load_recorded(run / CONFIG, overrides, config_dir, home, is_resumed=True)
    resumption = Resumption(folder, home, build(recorded), build(values), notes, bool(entries))
    if not entries:
        return resumption
    check_changes(resumption)
    check_unfinished(resumption, entries)
    is_typed = any(text.lstrip("+").startswith("tracking.uri=") for text in overrides)
    if resumption.settings.tracking.enabled and head["destination"] and not is_typed:
        from nnexp.tracking.upload.sync import check_recorded_uri  # with what uploads

        check_recorded_uri(Destination.of(folder, head["destination"]).uri, remedy="")
    return resumption


def home_of(run: RunFolder, head: Entry) -> Path:
    """Return the folder of the project that a run belongs to, where it lies now."""
    if head["destination"] and (home := find_home(run.path, head["destination"])):
        return home
    recorded = run.environment.get("folder")
    if isinstance(recorded, str) and run.path.is_relative_to(recorded):
        return Path(recorded)
    outputs = next((parent for parent in run.path.parents if parent.name == "outputs"), None)
    return outputs.parent if outputs is not None else Path.cwd()


def check_not_running(folder: Path, entries: Sequence[Entry]) -> None:
    """Raise a ResumeError if a process trains the run at this moment."""
    writer = head_of(entries)["writer"]
    if end_of(entries) is None and is_alive(writer, folder):
        problem = f"{folder}: the run is being trained by process {writer['pid']} on {writer['host']}"
        raise ResumeError(f"{problem}; fix: wait for it, or end that process")


def check_config(path: Path, head: Entry) -> None:
    """Raise a ResumeError if a setting of config.yaml that cannot change has changed."""
    values = read_config(path)
    before: dict[str, str] = head.get("params", {})
    texts = params(values | {"choices": {}, "plugins": []})
    changes = [Change(key, before[key], text) for key, text in texts.items() if before.get(key, text) != text]
    refused = [f"{one.key}: expected {one.recorded}, got {one.value}" for one in changes if one.is_refused]
    if refused:
        problem = f"{path}: changed since the run began: {'; '.join(refused)}"
        raise ResumeError(f"{problem}; fix: put the expected values there, or start a new run")


def check_changes(resumption: Resumption) -> None:
    """Raise a ResumeError if a setting has changed that the state of training depends on."""
    refused = [str(change) for change in resumption.changes if change.is_refused]
    if refused:
        what = f"cannot change in a run that has begun: {listed(refused)}"
        raise ResumeError(
            f"{what}; fix: leave {'it' if len(refused) == 1 else 'them'} out, or start a new run"
        )


def check_unfinished(resumption: Resumption, entries: Sequence[Entry]) -> None:
    """Raise a ResumeError if nothing is left to train."""
    recorded = resumption.recorded.trainer
    planned = recorded.epochs
    in_steps = recorded.evaluate_every is not None  # the epochs are in the checkpoint only
    done = planned if in_steps else completed_epochs(entries)
    if not in_steps:
        check_epochs(resumption, done)
    end = end_of(entries)
    is_extended = any(change.key in LIMITS for change in resumption.changes)
    if end is not None and end["status"] == "FINISHED" and not is_extended and not pruned_in(entries):
        text = "the run is finished" + ("" if in_steps else f", after {done} of {plural(planned, 'epoch')}")
        if done < planned:
            raise ResumeError(f"{text}: it was stopped early; fix: a larger trainer.patience or time_budget")
        command = f"nnexp resume {quoted_path(resumption.folder)}"
        raise ResumeError(f"{text}; fix: {command} trainer.epochs={2 * planned}")


def check_epochs(resumption: Resumption, done: int) -> None:
    """Raise a ResumeError if more epochs are completed than the settings plan."""
    epochs = resumption.settings.trainer.epochs
    planned = resumption.recorded.trainer.epochs
    if epochs < done:
        problem = f"trainer.epochs={epochs}: the run has completed {plural(done, 'epoch')} already"
        raise ResumeError(f"{problem}; fix: trainer.epochs={planned if planned > done else 2 * planned}")


def completed_epochs(entries: Sequence[Entry]) -> int:
    """Return how many epochs the journal of a run has that is evaluated by epochs."""
    return max((step for step, values in history(entries) if "train/loss" in values), default=0)


def check_data(folder: Path, components: Components) -> None:
    """Raise a ResumeError if the data or their split are not the recorded ones."""
    recorded = RunFolder(folder).dataset
    data = components.dataset
    if not recorded:
        return
    facts = {"name": data.name, "task": data.task, "shape": list(data.shape), "classes": list(data.classes)}
    facts |= {"targets": list(data.targets), "features": list(data.features), "sha256": data.sha256}
    problems = [
        f"{name}: expected {shortened(recorded[name])}, got {shortened(value)}"
        for name, value in facts.items()
        if name in recorded and recorded[name] != value
    ]
    if not problems:
        splits = describe_splits(components)
        for name, split in recorded.get("splits", {}).items():
            if split.get("digest") != splits.get(name, {}).get("digest"):
                problems.append(f"the {name} examples are others")
    if problems:
        what = f"the data {data.name} have changed since the run began: {'; '.join(problems)}"
        raise ResumeError(f"{what}; fix: restore them, or start a new run")


def shortened(value: Any) -> str:
    """Return a value for a message; of a digest or a list its beginning."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 40 else f"{text[:12]}..."
