"""Any content of a YAML file is a configuration or an error of one, as a record and as a file of the user."""

import tempfile
from contextlib import suppress
from pathlib import Path

from nnexp.config import ConfigError
from nnexp.config.build import resolved
from nnexp.config.recorded import read_config
from nnexp.config.yaml.files import load_yaml

SEEDS = [
    b"seed: 1\ndata:\n  path: 'a.csv'\n  drop: [a, \"b\", 1.5, 0x1f, 1:2, ~, true]\n",
    b"a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2024-01-01}\n",
    b"seed: ${a.b}\na: {b: '${oc.env:HOME,1}', c: ${.b}}\n",
    b"a: !!set {b}\nc: !!binary aGk=\nd: !!int '1'\n? e\n: |\n  text\n",
    "\ufeff# é\na: >-\n  x\n...\n".encode(),
    "seed: 1\n".encode("utf-16"),
]


def check(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.yaml"
        path.write_bytes(content)
        with suppress(ConfigError):
            assert all(isinstance(key, str) for key in read_config(path))
        with suppress(ConfigError):
            resolved(load_yaml(path)[0])
