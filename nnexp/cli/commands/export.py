"""`nnexp export`: a run's network as a file that needs no nnexp to be used."""

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from nnexp.cli.arguments import Arguments
from nnexp.messages import first_line
from nnexp.runs.query import Run, Runs
from nnexp.serving.onnx.export import onnx_model
from nnexp.serving.onnx.graph import TranslationError
from nnexp.serving.onnx.verify import EXAMPLES, ROUNDINGS, TOLERANCE, Comparison, compare
from nnexp.serving.predictor import Predictor, PredictorError
from nnexp.tracking.mlflow.store import StoreError

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto

USER_ERROR, FAILURE = 2, 1
SUFFIX = ".onnx"


class NotTheSame(Exception):  # noqa: N818, what happened
    """The file would say something else than the network does."""


def main(arguments: list[str]) -> int:
    """Write the file and say how to use it; returns the exit code, 1 where it does not do what the network does."""
    parser = Arguments("export", "Write a run's network to a file that works without nnexp.")
    parser.add_run()
    formats = parser.add_argument_group("what it becomes")
    formats.add_argument(
        "--onnx",
        action="store_true",
        help="an ONNX file, for onnxruntime and many others; pip install 'nnexp[onnx]'",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: the run's name, here")
    parser.add_store()
    options = parser.parse_args(arguments)
    if not options.onnx:
        parser.error(f"what shall run {options.run} become? There is: --onnx, an ONNX file")
    if options.out is not None and options.out.suffix != SUFFIX:
        parser.error(f"--out {options.out}: the name of an ONNX file ends in {SUFFIX}")
    if options.out is not None and not options.out.parent.is_dir():
        parser.error(f"--out {options.out}: there is no folder {options.out.parent}")
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        print(
            f"nnexp: --onnx needs the packages onnx and onnxruntime ({error}); install them with: pip install 'nnexp[onnx]'",
            file=sys.stderr,
        )
        return USER_ERROR
    try:
        print(export(Runs(options.uri, options.experiment).find(options.run), options.out))
    except (StoreError, PredictorError, TranslationError, OSError) as error:
        print(f"nnexp: {error}", file=sys.stderr)
        return USER_ERROR
    except NotTheSame as error:
        print(f"nnexp: {error}", file=sys.stderr)
        return FAILURE
    return 0


def export(run: Run, out: Path | None = None) -> str:
    """Write the ONNX file of a run's best weights, compare it with the network, and return what to tell.

    Raises:
        StoreError: the run has no network.
        PredictorError: its network cannot be built again.
        TranslationError: it has a layer that has no translation.
        NotTheSame: the file does something else; there is none then.
        OSError: the file cannot be written.
    """
    from onnx.checker import check_model

    predictor = Predictor.load(run.file("network.json"), run.file("weights/best.npz"))
    out = out or Path(f"{file_name(run.name)}{SUFFIX}")
    model = onnx_model(predictor, metadata(run, predictor))
    try:
        check_model(model, full_check=True)
        found = compare(model, predictor)
    except Exception as error:  # of a checker and of a runtime, each with classes of its own
        raise NotTheSame(
            f"{out} is not written, its nodes make no model that runs: {first_line(error)}"
        ) from error
    if not found.same:
        remedy = "a layer of your own that is derived from one of nnexp's needs a translation of its own: @translate.register"
        if found.apart <= ROUNDINGS * found.rounding:
            remedy = "it magnifies the last digit of float32 beyond use; train one that is less deep or has smaller weights"
        raise NotTheSame(f"{out} is not written: {measured(found)}; {remedy}")
    written(model, out)
    return told(model, out, found)


def metadata(run: Run, predictor: Predictor) -> dict[str, str]:
    """What the file says of itself."""
    names = (
        f"classes {', '.join(predictor.classes)}"
        if predictor.classes
        else f"targets {', '.join(predictor.targets)}"
    )
    what = f"{run.name}: a network for {predictor.task} trained by nnexp; {names}"
    known = {"run_id": run.id, "run_name": run.name, "nnexp_version": version("nnexp"), "description": what}
    return {key: value for key, value in known.items() if value}  # a run that was not recorded has no id


def written(model: "ModelProto", out: Path) -> None:
    """Write the file; it has its name only when it is whole."""
    part = out.with_name(f"{out.name}.{os.getpid()}.part")
    try:
        part.write_bytes(model.SerializeToString())
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def measured(found: Comparison) -> str:
    """A difference, for a person."""
    sensitive = (
        f" (and the network from itself in double precision by {found.rounding:.2g})"
        if found.rounding > TOLERANCE
        else ""
    )
    return f"it differs from the network by {found.apart:.2g} at the most{sensitive}, on {EXAMPLES:,} random examples"


def told(model: "ModelProto", out: Path, found: Comparison) -> str:
    """Where the file is, what goes in and out, and four lines of Python that use it."""
    answer = model.graph.output[-1].name
    lines = [f"{out.resolve()}: {out.stat().st_size:,} bytes, ONNX opset {model.opset_import[0].version}"]
    lines += [f"  in   {of(value)}" for value in model.graph.input]
    lines += [f"  out  {of(value)}" for value in model.graph.output]
    lines += [measured(found), ""]
    lines += [
        "import onnxruntime",
        f"session = onnxruntime.InferenceSession({str(out)!r})",
        f"x = ...  # {of(model.graph.input[0]).removeprefix('x').strip()}",
        f"print(session.run([{answer!r}], {{'x': x}})[0])",
    ]
    return "\n".join(lines)


def of(value: "ValueInfoProto") -> str:
    """A value for a person: x (N, 28, 28) uint8."""
    from onnx.helper import tensor_dtype_to_np_dtype

    tensor = value.type.tensor_type
    sizes = [size.dim_param or str(size.dim_value) for size in tensor.shape.dim]
    shape = f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"
    return f"{value.name} {shape} {tensor_dtype_to_np_dtype(tensor.elem_type)}"


def file_name(name: str) -> str:
    """A run's name as a file may have it."""
    return (
        "".join(letter if letter.isalnum() or letter in "-_.=" else "-" for letter in name).lstrip(".-")
        or "network"
    )
