"""What is about to run, told in a few lines before it does."""

from nnexp.config import Settings
from nnexp.data.class_balance import describe_imbalance
from nnexp.experiment.components import Components
from nnexp.nn.layers.containers import Residual
from nnexp.nn.layers.convolution import Conv2d
from nnexp.nn.layers.layer import Dense, Layer

MOST_LAYERS = 8  # beyond which the middle of an architecture is left out


def run_header(settings: Settings, parts: Components, threads: int) -> list[tuple[str, str]]:
    """What is about to run: (label, text), a line each."""
    data, network, choices, trainer = parts.dataset, parts.network, settings.choices, settings.trainer
    sizes = f"{parts.train.examples:,} to learn from, {parts.validation.examples:,} to validate, {parts.test.examples:,} to test"
    kind = "labels" if data.labels else "regression of"
    what = f"{len(data.classes)} classes" if data.classes else f"{kind} {', '.join(data.targets)}"
    schedule, averaging = choices.get("schedule", "custom"), choices.get("averaging", "none")
    optimizer = f"{choices.get('optimizer', 'custom')}, lr {settings.optimizer.lr:g}, schedule {schedule}"
    epochs = f"{trainer.epochs} epochs, batch {parts.train.size}, seed {settings.seed}, threads {threads}"
    limits = {
        "evaluated every": trainer.evaluate_every,
        "patience": trainer.patience,
        "time budget": trainer.time_budget,
        "accumulate": trainer.accumulate,
    }
    lines = [
        ("data", f"{data.name}, {what}: {sizes}"),
        *(("", note) for note in told_of_data(settings, parts)),
        (
            "network",
            f"{architecture(network.layers, data.x.shape[1])}, {len(network.parameters):,} parameters, {network.dtype}",
        ),
        ("", f"init {choices.get('init', 'custom')}, loss {choices.get('loss', 'custom')}"),
        ("optimizer", optimizer + (f", averaging {averaging}" if averaging != "none" else "")),
        ("", settings.regularization.told()),
        (
            "training",
            epochs + "".join(f", {name} {value:g}" for name, value in limits.items() if value and value != 1),
        ),
    ]
    return [(label, text) for label, text in lines if text]


def told_of_data(settings: Settings, parts: Components) -> list[str]:
    """What a person should know of the data."""
    data, source = parts.dataset, settings.data
    notes = list(data.notes)
    if (
        data.classes
        and not source.balanced
        and (unequal := describe_imbalance(data.y[parts.train.rows], data.classes))
    ):
        notes.append(unequal)
    if source.balanced:
        notes.append("every class is drawn equally often")
    if source.folds:
        notes.append(f"fold {source.fold} of {source.folds} is the validation part")
    if parts.train.augment is not None:
        notes.append(
            f"every pass sees new variants of the images: {type(parts.train.augment).__name__.lower()}"
        )
    return notes


def architecture(layers: list[Layer], inputs: int) -> str:
    """The layers in a line: 784-128-10 relu."""
    widths = [str(inputs)]
    kinds: list[str] = []
    for layer in layers:
        if isinstance(layer, Dense):
            widths.append(str(layer.outputs))
        elif isinstance(layer, Conv2d):
            widths.append(f"{layer.outputs}@{layer.kernel}x{layer.kernel}")
        elif isinstance(layer, Residual):
            widths.append(
                f"({'-'.join(str(inner.outputs) for inner in layer.walk() if isinstance(inner, Dense | Conv2d))})"
            )
        else:
            kinds.append(type(layer).__name__.lower())
    if len(widths) > MOST_LAYERS + 2:
        widths = [*widths[:3], f"... {len(widths) - 5} more ...", *widths[-2:]]
    plain = [kind for kind in dict.fromkeys(kinds) if kind not in ("flatten", "unflatten")]
    return "-".join(widths) + (f" {' '.join(plain)}" if plain else "")
