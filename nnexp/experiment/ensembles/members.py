"""The members of an ensemble: finished runs with their networks, of one task, data set and test split."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from nnexp.experiment.ensembles.selection import FEWEST, EnsembleError
from nnexp.messages import joined, listed
from nnexp.run_folder import DATASET, NETWORK, weights_path
from nnexp.runs.backends import RunError
from nnexp.runs.ensembles import ensemble_command, reference_to, short_reference
from nnexp.runs.run import Run
from nnexp.serving.errors import PredictorError
from nnexp.serving.load_model import load_model
from nnexp.serving.predictor import Predictor
from nnexp.tasks import task_of

DIGEST = 12  # characters
NONE = "none"


@dataclass(frozen=True)
class Member:
    """A finished run and its network."""

    run: Run
    predictor: Predictor = field(repr=False)
    dataset: dict[str, Any] = field(repr=False)  # dataset.json

    @property
    def reference(self) -> str:
        """What names the run in a command."""
        return short_reference(reference_to(self.run))

    @property
    def label(self) -> str:
        """The run for a reader: its name, and the beginning of its id."""
        return f"{self.run.name} ({self.reference})"

    def digest(self, split: str) -> str:
        """Return the digest of the examples of training, validation or test; empty: it has none."""
        return str(self.dataset["splits"].get(split, {}).get("digest", ""))


def read_members(runs: Sequence[Run]) -> list[Member]:
    """Read the networks of runs, and check that they predict the same of the same test examples.

    Raises:
        EnsembleError: a file is missing or damaged; or the runs differ in task, data, classes or test split.
    """
    members: list[Member] = []
    problems: list[str] = []
    for run in runs:
        try:
            members.append(read_member(run))
        except (RunError, PredictorError) as error:
            problems.append(f"run {run.name} cannot be a member: {error}")
    if problems:
        remedy = "leave it out, or train it again"
        if len(members) >= FEWEST:
            remedy = ensemble_command([reference_to(member.run) for member in members])
        separator = "\n" if len(problems) > 1 else "; "
        raise EnsembleError("\n".join(problems) + f"{separator}fix: {remedy}")
    check_same(members)
    return members


def read_member(run: Run) -> Member:
    """Read a run's network and the description of its data.

    Raises:
        RunError: a file is missing, or dataset.json is damaged.
        PredictorError: the network cannot be read.
    """
    predictor = load_model(run.file(NETWORK), run.file(weights_path("best")))
    run.file(DATASET)
    dataset = run.json(DATASET)
    if not isinstance(predictor, Predictor) or not {"splits", "task", "name"} <= dataset.keys():
        raise RunError(f"its {DATASET} is damaged")
    return Member(run, predictor, dataset)


def check_same(members: Sequence[Member]) -> None:
    """Raise an EnsembleError for the first of these in which members differ, or which all of them lack."""
    check("tasks", members, lambda member: task_of(member.dataset["task"]).noun)
    check("data sets", members, describe_data)
    noun = members[0].predictor.task.per_output.removeprefix("per_")
    check(f"names of each {noun}, or their order,", members, lambda one: listed(one.predictor.spec.names, 20))
    check("test examples", members, lambda member: member.digest("test")[:DIGEST] or NONE)
    if not members[0].digest("test"):
        problem = f"{members[0].dataset['name']} has no test examples, on which an ensemble is evaluated"
        raise EnsembleError(f"{problem}; fix: train the members on data with a test split")


def describe_data(member: Member) -> str:
    """Describe the data by name and content."""
    return f"{member.dataset['name']} (SHA-256 {str(member.dataset.get('sha256', ''))[:DIGEST]})"


def check(what: str, members: Sequence[Member], value: Callable[[Member], str]) -> None:
    """Raise an EnsembleError if values differ, with the command that averages the largest group."""
    groups: dict[str, list[Member]] = {}
    for member in members:
        groups.setdefault(value(member), []).append(member)
    if len(groups) == 1:
        return
    texts = [f"{joined([member.label for member in group])}: {text}" for text, group in groups.items()]
    largest = max(groups.values(), key=len)
    remedy = f"train all of them alike, with the same {what.partition(',')[0]}"
    if len(largest) >= FEWEST:
        remedy = ensemble_command([reference_to(member.run) for member in largest])
    raise EnsembleError(f"the {what} of the runs differ:\n  " + "\n  ".join(texts) + f"\nfix: {remedy}")
