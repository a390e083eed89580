"""An ensemble of trained networks: the mean of their probabilities, or of their numbers in a regression.

N examples, O outputs, M members. Hansen and Salamon 1990, "Neural Network Ensembles".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnexp.nn.output_activations import OutputActivation, all_log_odds
from nnexp.nn.parameters import Array
from nnexp.preprocessing.columns import Column
from nnexp.run_folder import Arrays
from nnexp.serving.errors import PredictorError
from nnexp.serving.model_loader import build_network_of, read_weights, set_weights, views_of
from nnexp.serving.model_spec import ModelSpec
from nnexp.serving.predictor import Predictor
from nnexp.serving.trained_model import TrainedModel
from nnexp.tasks import task_of

Doubles = NDArray[np.float64]


class Ensemble(TrainedModel):
    """Several networks in use as one: each scales the examples as in its own training.

    Outputs are log-odds of the mean probabilities, so that `probabilities` gives these back; in a regression,
    the mean numbers in the targets' own units; and where all members learnt 0 and 1 as numbers, the means of
    these.
    """

    def __init__(self, members: Sequence[Predictor]) -> None:
        super().__init__(shared_spec([member.spec for member in members]))
        self.members = tuple(members)

    @classmethod
    def load(cls, spec_path: Path, weights: Path) -> "Ensemble":
        """Load network.json and an .npz file with the weights of all members.

        Raises:
            PredictorError: they cannot be read, or do not belong together.
        """
        specs = ModelSpec.read(spec_path).members
        networks = [build_network_of(spec, spec_path) for spec in specs]
        arrays = read_weights(weights, networks)
        for number, network in enumerate(networks, 1):
            set_weights(network, arrays_of(arrays, number, len(networks)), f"{weights}, network {number}")
        return cls([Predictor(*pair) for pair in zip(specs, networks, strict=True)])

    def weights(self) -> Arrays:
        """Return the weights and states of all members, by the names in an .npz file: 2/1.W."""
        numbered = enumerate((views_of(member.network) for member in self.members), 1)
        return {f"{number}/{name}": view for number, views in numbered for name, view in views.items()}

    def outputs(self, x: ArrayLike) -> Array:
        return self.average(member.outputs(x) for member in self.members)

    def average(self, outputs: Iterable[Array]) -> Doubles:
        """Average the outputs (N, O) of the members, in their order and with equal weights, in float64."""
        if self.spec.output_activation == "identity":
            return mean(outputs)
        activations = (member.spec.output_activation for member in self.members)
        return mean_log_odds(all_log_odds(*pair) for pair in zip(outputs, activations, strict=True))


def mean(values: Iterable[Array]) -> Doubles:
    """Average arrays of one shape in float64."""
    total: Doubles | float = 0.0
    count = 0
    for array in values:
        total = total + array.astype(np.float64)
        count += 1
    return np.asarray(total / count)


def mean_log_odds(log_odds: Iterable[Doubles]) -> Doubles:
    """Return the log-odds of the mean of M probabilities p, each given by its log-odds, of one shape.

    log (sum of p) - log (sum of (1 - p)): both sums are divided by M, which cancels out.
    """
    log_p: Doubles | float = -np.inf
    log_q: Doubles | float = -np.inf
    for odds in log_odds:
        log_p = np.logaddexp(log_p, -np.logaddexp(0, -odds))
        log_q = np.logaddexp(log_q, -np.logaddexp(0, odds))
    return np.asarray(log_p - log_q)


def arrays_of(arrays: Mapping[str, Array], number: int, members: int) -> Arrays:
    """Return the arrays of a member of an ensemble by their names; of the last, also those of no member."""
    prefix = f"{number}/"
    known = tuple(f"{k}/" for k in range(1, members + 1))
    own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
    unknown = {} if number < members else {k: a for k, a in arrays.items() if not k.startswith(known)}
    return own | unknown


def shared_spec(specs: Sequence[ModelSpec]) -> ModelSpec:
    """Build the specification of an ensemble: what goes into all members, and what comes out.

    Raises:
        PredictorError: the members do not take the same examples, or do not predict the same.
    """
    if len(specs) < 2 or any(spec.members for spec in specs):
        raise PredictorError(f"expected at least two networks, got {len(specs)}, or an ensemble among them")
    first = specs[0]
    for spec in specs[1:]:
        for name in ("task", "classes", "targets", "shape", "stored", "resize"):
            one, other = getattr(first, name), getattr(spec, name)
            if one != other:
                raise PredictorError(f"the networks differ in {name}: {one} and {other}")
        if [as_encoded(column) for column in first.columns] != [as_encoded(each) for each in spec.columns]:
            raise PredictorError("the networks differ in the columns that they take, or in their categories")
    return replace(
        first,
        model={},
        plugins=tuple(dict.fromkeys(plugin for spec in specs for plugin in spec.plugins)),
        dtype="float64",
        output_activation=shared_activation(specs),
        target_scale=None,
        columns=tuple(map(shared_column, zip(*(spec.columns for spec in specs), strict=True))),
        members=tuple(specs),
    )


def shared_activation(specs: Sequence[ModelSpec]) -> OutputActivation:
    """Return what makes probabilities of the outputs of an ensemble; in a regression, the identity."""
    has_probabilities = task_of(specs[0].task).has_probabilities
    is_odds = has_probabilities and any(spec.output_activation != "identity" for spec in specs)
    return "sigmoid" if is_odds else "identity"


def as_encoded(column: Column) -> Column:
    """Return a column without what does not change how its known values are encoded."""
    return replace(column, untrained=(), unseen="other")


def shared_column(columns: Sequence[Column]) -> Column:
    """Return the column of an ensemble: untrained is a category that no member has seen."""
    untrained = [name for name in columns[0].untrained if all(name in each.untrained for each in columns)]
    strictest = next((column for column in columns if column.unseen == "error"), columns[0])
    return replace(strictest, untrained=tuple(untrained))
