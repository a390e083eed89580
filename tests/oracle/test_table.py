"""The table of what is compared with what: printed here (`pytest -n0 -s`), and the same in the README's reference."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from nnexp.config.compose import CONF

pytest.importorskip("torch", reason="the oracle needs PyTorch: pip install torch==2.13.0")

HERE = Path(__file__).parent
README = (HERE.parents[1] / "README.md").read_text()
KINDS = {
    "layer": ("test_layers", "ORACLES"),
    "activation": ("test_activations", "ORACLES"),
    "model": ("test_networks", "ORACLES"),
    "init": ("test_initializers", "ORACLES"),
    "loss": ("test_losses", "ORACLES"),
    "regularization": ("test_networks", "RULE_ORACLES"),
    "optimizer": ("test_optimizers", "ORACLES"),
    "averaging": ("test_averaging", "ORACLES"),
    "schedule": ("test_schedules", "ORACLES"),
    "augment": ("test_augment", "ORACLES"),
}


def oracles(module, name):
    spec = spec_from_file_location(module, HERE / f"{module}.py")
    loaded = module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return getattr(loaded, name)


def rows():
    for kind, place in KINDS.items():
        by_oracle = {}
        for option, oracle in sorted(oracles(*place).items()):
            by_oracle.setdefault(oracle, []).append(option)
        for oracle, options in by_oracle.items():
            yield kind, options, oracle


def test_the_readme_holds_the_table_of_what_is_compared_with_what():
    table = ["| what | which | compared with |", "|---|---|---|"]
    table += [f"| {kind} | {', '.join(options)} | {oracle} |" for kind, options, oracle in rows()]
    print("\n" + "\n".join(table))
    assert "\n".join(table) in README, (
        "print the table with `pytest -n0 -s tests/oracle/test_table.py` and put it into the README"
    )


def test_every_option_of_every_group_is_in_the_table():
    for group in ("model", "init", "loss", "optimizer", "averaging", "schedule", "augment"):
        named = sorted(option for kind, options, _ in rows() if kind == group for option in options)
        assert named == sorted(path.stem for path in (CONF / group).glob("*.yaml")), group
