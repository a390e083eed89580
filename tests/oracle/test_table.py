"""The reference table of the README: every row is true, every option has an oracle (`-n0 -s` prints it)."""

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
GROUPS = ("model", "init", "loss", "optimizer", "averaging", "schedule", "augment")


def oracles(module, name):
    spec = spec_from_file_location(module, HERE / f"{module}.py")
    loaded = module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return getattr(loaded, name)


@pytest.fixture(scope="module")
def compared():
    """Each kind of option -> option -> what it is compared with."""
    return {
        kind: {name: oracle for names, oracle in oracles(*source).items() for name in names.split(", ")}
        for kind, source in KINDS.items()
    }


def test_every_row_of_the_readme_is_true(compared):
    print("\n| what | which | compared with |\n|---|---|---|")
    for kind, options in compared.items():
        for oracle in dict.fromkeys(options[option] for option in sorted(options)):
            names = sorted(option for option in options if options[option] == oracle)
            print(f"| {kind} | {', '.join(names)} | {oracle} |")
    table = README[README.index("| what | which | compared with |") :].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()[2:]]
    assert len(rows) > 50
    for kind, options, oracle in rows:
        for option in options.split(", "):
            assert compared[kind].get(option) == oracle, (kind, option)


def test_every_option_of_every_group_has_an_oracle(compared):
    for group in GROUPS:
        assert sorted(compared[group]) == sorted(path.stem for path in (CONF / group).glob("*.yaml")), group
