"""The text of `nnexp --help`: commands, examples, config groups with their options. Imports nothing heavy."""

from pathlib import Path

from nnexp.errors import UserError

PACKAGE = Path(__file__).parent.parent
HIDDEN_GROUPS = ("hydra", "local")
EXAMPLES = {
    "nnexp data=digits": "a run on data that needs no download",
    "nnexp 'model.hidden=[300,100]' optimizer=momentum optimizer.lr=0.05": "another network and optimizer",
    "nnexp -m init=he_normal,xavier_normal seed=0,1,2 data=digits": "a sweep: six runs",
    "nnexp lr-find data=digits optimizer=momentum": "a learning rate for that optimizer on that data",
}
HELP = """\
nnexp: experiments with neural networks from scratch, described in YAML, recorded in MLflow

usage:
  nnexp [group=option] [key=value] ...      run one experiment
  nnexp -m key=value,value ...              run a sweep, one experiment per combination
  nnexp <command> ...                       nnexp <command> --help shows its arguments

commands:
{commands}

examples:
{examples}

config groups and their options:
{groups}

more: --cfg job shows the composed configuration, --config-dir DIR adds groups of your own,
--info and --hydra-help are Hydra's; HYDRA_FULL_ERROR=1 shows the traceback of an error."""


def help_text(config_dir: str | None = None) -> str:
    """Return the whole help, with the options in a folder of the user's own."""
    folders = [next(path for path in (PACKAGE / "conf", PACKAGE.parent / "conf") if path.is_dir())]
    if config_dir is not None:
        folders.append(Path(config_dir).expanduser())
        if not folders[-1].is_dir():
            raise UserError(f"--config-dir {config_dir}: no such folder")
    inside = (path for folder in folders for path in folder.iterdir())
    groups = sorted({path.name for path in inside if path.is_dir() and path.name not in HIDDEN_GROUPS})
    texts = [_group(name, options) for name in groups if (options := _options(name, folders))]
    sections = {"commands": _columns(COMMANDS), "examples": _columns(EXAMPLES)}
    return HELP.format(groups="\n".join(texts), **sections)


def config_dir_of(arguments: list[str]) -> str | None:
    """Return the folder that --config-dir names among the arguments of a run."""
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        option, is_joined, value = argument.partition("=")
        if option in ("--config-dir", "-cd"):
            return value if is_joined else following
    return None


def version() -> str:
    """Return the version of the installed package."""
    from importlib.metadata import version as installed_version  # with a parser of e-mails

    return installed_version("nnexp")


def first_comment(path: Path) -> str:
    """Return the description of a YAML file: its first comment that is not for Hydra."""
    comments = [
        line[1:].strip() for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")
    ]
    return next((comment for comment in comments if not comment.startswith("@package")), "")


def read_commands() -> dict[str, str]:
    """Read the commands with their descriptions: a file or package begins with `nnexp NAME`: DESCRIPTION."""
    folder = PACKAGE / "cli" / "commands"
    files = {file.stem: file for file in folder.glob("[!_]*.py")}
    files |= {file.parent.name: file for file in folder.glob("[!_]*/__init__.py")}
    return {name.replace("_", "-"): _description(files[name]) for name in sorted(files)}


def _description(file: Path) -> str:
    with file.open(encoding="utf-8") as lines:
        return lines.readline().strip().removesuffix('"""').partition("`: ")[2].rstrip(".")


def _options(group: str, folders: list[Path]) -> dict[str, str]:
    """Read the options of a group with their descriptions, those in folders within it last."""
    files = {
        path.relative_to(folder / group).with_suffix("").as_posix(): path
        for folder in folders
        for path in (folder / group).rglob("*.yaml")
    }
    names = sorted(files, key=lambda name: ("/" in name, name))
    return {name: first_comment(files[name]) for name in names}


def _group(name: str, options: dict[str, str]) -> str:
    return f"  {name}=\n{_columns(options, indent=4)}"


def _columns(rows: dict[str, str], indent: int = 2) -> str:
    width = max(map(len, rows))
    return "\n".join(f"{'':{indent}}{left:{width}}  {right}" for left, right in rows.items())


COMMANDS = read_commands()
