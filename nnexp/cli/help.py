"""What `nnexp --help` says: verbs, config groups with their options, examples. Reads first lines, imports nothing heavy."""

from importlib.metadata import version as installed_version
from pathlib import Path

COMMANDS = {
    "runs": "a table of runs: filter, sort, choose columns",
    "show": "one run: what it was, what came out, where it lies",
    "compare": "two or more runs side by side, as a page and pictures",
    "predict": "what a run's network makes of an image or a table",
    "export": "a run's network as an ONNX file",
    "reproduce": "train a run again and compare it bit by bit",
    "sync": "ship runs to MLflow that never reached it",
    "ui": "open the MLflow UI on the project's store",
    "doctor": "what is installed, what is wrong and how to mend it",
    "look": "draw training images before and after augmentation",
    "lr-find": "find a learning rate: train while it grows, watch the loss",
}
HIDDEN = ("hydra", "local")
EXAMPLES = {
    "nnexp data=digits": "a run on data that needs no download",
    "nnexp 'model.hidden=[300,100]' optimizer=momentum optimizer.lr=0.05": "other parts, other numbers",
    "nnexp -m init=he_normal,xavier_normal seed=0,1,2 data=digits": "a sweep: six runs",
    "nnexp lr-find data=digits optimizer=momentum": "a learning rate for that optimizer on that data",
}


def help_text() -> str:
    """The whole help."""
    package = Path(__file__).parent.parent
    conf = next(path for path in (package / "conf", package.parent / "conf") if path.is_dir())
    groups = sorted(path for path in conf.iterdir() if path.is_dir() and path.name not in HIDDEN)
    return "\n".join(
        [
            "nnexp: experiments with neural networks from scratch, described in YAML, recorded in MLflow",
            "",
            "usage:",
            "  nnexp [group=option] [key=value] ...      run one experiment",
            "  nnexp -m key=value,value ...              run a sweep, one experiment per combination",
            "  nnexp <command> ...",
            "",
            "commands:",
            *_columns(COMMANDS),
            "",
            "examples:",
            *_columns(EXAMPLES),
            "",
            "config groups and their options:",
            *(line for group in groups for line in _group(group)),
            "",
            "more: --cfg job shows the composed configuration, --config-dir DIR adds groups of your own,",
            "--info and --hydra-help are Hydra's; HYDRA_FULL_ERROR=1 shows tracebacks of mistakes.",
        ]
    )


def version() -> str:
    """Of the installed package."""
    return installed_version("nnexp")


def _group(folder: Path) -> list[str]:
    return [
        f"  {folder.name}=",
        *(
            f"    {line.lstrip()}"
            for line in _columns({path.stem: first_line(path) for path in sorted(folder.glob("*.yaml"))})
        ),
    ]


def first_line(path: Path) -> str:
    """What a YAML file says of itself: its first comment that is not for Hydra."""
    comments = (
        line.removeprefix("#").strip() for line in path.read_text().splitlines() if line.startswith("#")
    )
    return next((comment for comment in comments if not comment.startswith("@package")), "")


def _columns(rows: dict[str, str]) -> list[str]:
    width = max(map(len, rows))
    return [f"  {left:{width}}  {right}" for left, right in rows.items()]
