"""`nnexp export`: a run's network as a file that works without nnexp."""

import re
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from nnexp.atomic_write import write_atomically
from nnexp.cli.arguments import Arguments
from nnexp.errors import UserError
from nnexp.messages import first_line
from nnexp.run_folder import NETWORK, weights_path
from nnexp.runs.ensembles import members_of, short_reference
from nnexp.runs.query import Run, Runs
from nnexp.serving.errors import VerificationError
from nnexp.serving.load_model import load_model
from nnexp.serving.onnx.export import onnx_model
from nnexp.serving.onnx.verify import EXAMPLES, verify
from nnexp.serving.predictor import Predictor

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto

SUFFIX = ".onnx"
INSTALL = "pip install 'nnexp[onnx]'"


def main(arguments: list[str]) -> int:
    """Write the file and print how to use it; returns the exit code."""
    parser = Arguments("export", "Write a run's network to a file that works without nnexp.")
    parser.add_run()
    parser.add_argument("--onnx", action="store_true", help=f"an ONNX file, for onnxruntime; {INSTALL}")
    parser.add_output((SUFFIX,), "default: the run's name, here")
    parser.add_store()
    options = parser.parse_args(arguments)
    if not options.onnx:
        parser.error("expected a format: --onnx, an ONNX file")
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise UserError(f"--onnx needs onnx and onnxruntime ({error}); fix: {INSTALL}") from error
    print(export(Runs(options.uri, options.experiment).find(options.run), options.out))
    return 0


def export(run: Run, out: Path | None = None) -> str:
    """Write the ONNX model of a run's best weights, once it is verified; returns how to use it.

    Raises:
        UserError: the run has no network, or a layer has no ONNX translation.
        VerificationError: the model's outputs differ from the network's.
    """
    from onnx.checker import check_model

    predictor = load_model(run.file(NETWORK), run.file(weights_path("best")))
    if not isinstance(predictor, Predictor):
        problem = f"{run.name} is an ensemble of {len(predictor.spec.members)} networks, a file holds one"
        references = map(short_reference, members_of(run.params))
        raise UserError(f"{problem}; fix: export its members one by one: {', '.join(references)}")
    out = out or Path(f"{file_name(run.name)}{SUFFIX}")
    model = onnx_model(predictor, metadata(run, predictor))
    try:
        check_model(model, full_check=True)
        difference = verify(model, predictor)
    except VerificationError as error:
        raise VerificationError(f"{out} is not written: {error}") from error
    except Exception as error:  # the checker and the runtime have error classes of their own
        raise VerificationError(f"{out} is not written: not a valid model: {first_line(error)}") from error
    write_atomically(out, model.SerializeToString())
    return describe_model(model, out, difference)


def metadata(run: Run, predictor: Predictor) -> dict[str, str]:
    """Return the properties of the file."""
    spec = predictor.spec
    names = f"{'classes' if spec.classes else 'targets'} {', '.join(spec.names)}"
    description = f"{run.name}: a network for {spec.task} trained by nnexp; {names}"
    origin = {"run_id": run.id} if run.id else {}
    return origin | {"run_name": run.name, "nnexp_version": version("nnexp"), "description": description}


def describe_model(model: "ModelProto", out: Path, difference: float) -> str:
    """Describe the file, its inputs and outputs, and print four lines of Python that use it."""
    x = describe_value(model.graph.input[0])
    lines = [
        f"{out.resolve()}: {out.stat().st_size:,} bytes, ONNX opset {model.opset_import[0].version}",
        f"  in   {x}",
        *(f"  out  {describe_value(value)}" for value in model.graph.output),
        f"verified on {EXAMPLES:,} random examples: largest difference from the network {difference:.2g}\n",
        "import onnxruntime",
        f"session = onnxruntime.InferenceSession({str(out)!r})",
        f"x = ...  # {x.removeprefix('x ')}",
        f"print(session.run([{model.graph.output[-1].name!r}], {{'x': x}})[0])",
    ]
    return "\n".join(lines)


def describe_value(value: "ValueInfoProto") -> str:
    """Describe a value: x (N, 28, 28) uint8."""
    from onnx.helper import tensor_dtype_to_np_dtype

    tensor = value.type.tensor_type
    sizes = ", ".join(size.dim_param or str(size.dim_value) for size in tensor.shape.dim)
    sizes += "," if len(tensor.shape.dim) == 1 else ""
    return f"{value.name} ({sizes}) {tensor_dtype_to_np_dtype(tensor.elem_type)}"


def file_name(name: str) -> str:
    """Convert a run's name to a file name."""
    return re.sub(r"[^\w.=-]", "-", name).lstrip(".-") or "network"
