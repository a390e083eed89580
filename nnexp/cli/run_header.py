"""The header of a run: data, network, optimizer and training, in a few lines before it starts."""

from nnexp.config import Settings
from nnexp.data.augmentation.augment import mirrors
from nnexp.data.class_balance import describe_imbalance
from nnexp.data.dataset import ImageSource
from nnexp.experiment.components import Components
from nnexp.messages import one_line, plural
from nnexp.nn.layer import Layer
from nnexp.nn.layers.containers import Residual
from nnexp.nn.layers.convolution import Conv2d
from nnexp.nn.layers.dense import Dense
from nnexp.tasks import task_of

MAX_LAYERS = 8  # of a longer architecture, the middle is left out


def run_header(settings: Settings, components: Components, threads: int) -> list[tuple[str, str]]:
    """Describe a run as lines of (label, text)."""
    data = components.dataset
    network = components.network
    trainer = settings.trainer
    choice = dict.fromkeys(("init", "loss", "optimizer", "schedule"), "custom") | settings.choices
    outputs = task_of(data.task).describe_outputs(data.classes or data.targets)
    splits = {"training": components.train, "validation": components.validation, "test": components.test}
    sizes = ", ".join(f"{batches.examples if batches else 0:,} {name}" for name, batches in splits.items())
    layers = architecture(network.layers, data.x.shape[1])
    averaging = choice.get("averaging", "none")
    optimizer = f"{choice['optimizer']}, lr {settings.optimizer.lr:g}, schedule {choice['schedule']}"
    training = f"{plural(trainer.epochs, 'epoch')}, batch {components.train.size}, seed {settings.seed}"
    limits: dict[str, float | None] = {"evaluated every": trainer.evaluate_every}
    limits |= {"patience": trainer.patience, "time budget": trainer.time_budget}
    limits |= {"accumulate": trainer.accumulate}
    number = f"up to {threads}" if threads > 1 and not trainer.threads else threads
    limit = "".join(f", {name} {value:g}" for name, value in limits.items() if value and value != 1)
    lines = [
        ("data", f"{data.name}, {outputs}: {sizes} examples"),
        *(("", note) for note in data_notes(settings, components)),
        ("network", f"{layers}, {len(network.parameters):,} parameters, {network.dtype}"),
        ("", f"init {choice['init']}, loss {choice['loss']}"),
        ("optimizer", optimizer + (f", averaging {averaging}" if averaging != "none" else "")),
        ("", settings.regularization.describe()),
        ("training", f"{training}, threads {number}{limit}"),
        ("", components.kernels.describe()),
    ]
    return [(label, one_line(text)) for label, text in lines if text]


def data_notes(settings: Settings, components: Components) -> list[str]:
    """Describe what is special about the data: class imbalance, sampling, folds, augmentation."""
    data = components.dataset
    source = settings.data
    notes = list(data.notes)
    if data.left_out:
        heading, *files = data.left_out
        notes += [f"skipped: {heading}", *(f"  {file}" for file in files)]
    if source.balanced:
        notes.append("classes are sampled equally often")
    elif data.classes and (imbalance := describe_imbalance(data.y[components.train.rows], data.classes)):
        notes.append(imbalance)
    if components.validation is None:
        held_out = "nothing is held out, so no result is of new examples"
        held_out = held_out if components.test is None else "no validation"
        notes.append(f"{held_out}: the weights of the last epoch are kept")
    elif components.test is None:
        notes.append("no test: the validation score alone is of examples that did not train")
    if source.folds:
        notes.append(f"fold {source.fold} of {source.folds} is the validation set")
    if components.train.augment is not None:
        augmentation = settings.choices.get("augment", type(components.train.augment).__name__.lower())
        notes.append(f"augmentation {augmentation}: new variants of the images in every epoch")
        if isinstance(source, ImageSource) and source.characters and mirrors(components.train.augment):
            notes.append("mirroring suits photographs: most letters and digits become others, or none")
    return notes


def architecture(layers: list[Layer], inputs: int) -> str:
    """Describe the layers in a line: 784-128-10 relu."""
    widths = [str(inputs)]
    others: list[str] = []
    for layer in layers:
        if isinstance(layer, Dense):
            widths.append(str(layer.outputs))
        elif isinstance(layer, Conv2d):
            widths.append(f"{layer.outputs}@{layer.kernel}x{layer.kernel}")
        elif isinstance(layer, Residual):
            inner = [str(inner.outputs) for inner in layer.walk() if isinstance(inner, Dense | Conv2d)]
            widths.append(f"({'-'.join(inner)})")
        else:
            others.append(type(layer).__name__.lower())
    if len(widths) > MAX_LAYERS + 2:
        widths = [*widths[:3], f"... {len(widths) - 5} more ...", *widths[-2:]]
    names = [name for name in dict.fromkeys(others) if name not in ("flatten", "unflatten")]
    return " ".join(["-".join(widths), *names])
