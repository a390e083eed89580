"""What `nnexp ensemble` shows: the members with their scores, then the ensemble's beside them."""

import logging
from collections.abc import Iterator, Sequence
from math import prod

from rich.console import Console
from rich.markup import escape

from nnexp.cli.display import TerminalDisplay
from nnexp.cli.run_header import architecture
from nnexp.cli.run_log import log_to
from nnexp.config.schema import TrackingSettings
from nnexp.data.dataset import Dataset
from nnexp.experiment.ensembles.display import EnsembleDisplay
from nnexp.experiment.ensembles.members import Member
from nnexp.experiment.ensembles.result import EnsembleResult
from nnexp.messages import duration, one_line, percent, plural
from nnexp.metrics.metric_info import BEST, TEST, format_metric
from nnexp.run_folder import LOG
from nnexp.task import Task
from nnexp.tracking.upload.client import Outcome

log = logging.getLogger("nnexp")
OTHERS = ("macro_f1", "exact_match", "mae", "rmse", "loss", "ece", "auc")  # metrics beside the score
Line = tuple[str, str]


class TerminalEnsembleDisplay(EnsembleDisplay):
    """Display of an ensemble in lines, which the log in its folder keeps too."""

    def __init__(self, console: Console) -> None:
        self.terminal = TerminalDisplay(console)
        self.shown: list[Line] = []  # before there is a folder with a log
        self.is_recorded = False

    def header(self, members: Sequence[Member], dataset: Dataset) -> None:
        for line in header_lines(members, dataset):
            self.message(*line)

    def message(self, label: str, text: str) -> None:
        self.shown.append((label, text))
        self.terminal.message(label, text)

    def uploading(self) -> None:
        self.is_recorded = True
        self.terminal.uploading()

    def waiting(self, reason: str) -> None:
        self.terminal.labelled("mlflow", f"[yellow]waiting:[/] {escape(reason)}")
        self.terminal.labelled("", "it is recorded; after Ctrl-C the upload goes on in the background")

    def conclusion(self, result: EnsembleResult, tracking: TrackingSettings, outcome: Outcome) -> None:
        self.is_recorded = True
        log_to(result.folder / LOG)
        for label, text in self.shown:
            log.info("%-10s%s", label, text)
        self.terminal.lines(result_lines(result))
        self.terminal.upload(result.folder, result.name, tracking, outcome)


def header_lines(members: Sequence[Member], dataset: Dataset) -> Iterator[Line]:
    """Yield what is averaged: the data, and each member with its network and its recorded scores."""
    task = members[0].predictor.task
    averaged = "probabilities" if task.has_probabilities else "predicted numbers"
    yield "ensemble", f"the mean of the {averaged} of {plural(len(members), 'run')}, with equal weights"
    outputs = task.describe_outputs(dataset.names)
    yield "data", one_line(f"{dataset.name}, {outputs}: {len(dataset.y_test):,} test examples")
    for number, member in enumerate(members, 1):
        yield f"member {number}", one_line(", ".join([member.label, *facts_of(member, task)]))


def facts_of(member: Member, task: Task) -> Iterator[str]:
    """Yield the network of a member and its recorded scores."""
    network = member.predictor.network
    yield architecture(network.layers, prod(network.inputs))
    for prefix, word in ((BEST, "validation"), (TEST, "test")):
        if (score := member.run.metrics.get(f"{prefix}{task.score}")) is not None:
            yield f"{word} {task.describe_score(score)}"


def result_lines(result: EnsembleResult) -> Iterator[Line]:
    """Yield the scores of the ensemble, and those of its members beside them."""
    task = result.task
    if "val" in result.splits:
        yield "validation", f"{task.describe_score(result.score('val'))}{gain(result, 'val')}"
    yield "test", f"{task.describe_score(result.score())}{interval_text(result)}{gain(result, 'test')}"
    names = [name for name in OTHERS if f"{TEST}{name}" in result.metrics]
    texts = (f"{name} {format_metric(name, result.metrics[f'{TEST}{name}'])}" for name in names)
    yield "", ", ".join([*texts, duration(result.seconds)])


def interval_text(result: EnsembleResult) -> str:
    """Describe the interval of the accuracy, and how many examples are misclassified."""
    if result.interval is None:
        return ""
    low, high = (percent(share, 2) for share in result.interval)
    return f" (95 % interval {low} to {high}), {result.errors:,} of {result.examples:,} misclassified"


def gain(result: EnsembleResult, split: str) -> str:
    """Describe the scores of the members: the best one, and their mean."""
    scores = result.member_scores[split]
    best = max(range(len(scores)), key=scores.__getitem__)
    shown = result.task.describe_score
    average = sum(scores) / len(scores)
    return f"; best member {shown(scores[best])} (member {best + 1}), mean of members {shown(average)}"
