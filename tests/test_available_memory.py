"""The memory that is free: the least of what the machine, a container and a limit leave."""

import subprocess
import sys

import pytest

from nnexp import available_memory as module
from nnexp.available_memory import available_memory, control_groups, memory


@pytest.fixture(autouse=True)
def cgroup(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CGROUP", tmp_path)
    return tmp_path


def test_it_is_a_number_of_bytes_or_not_known():
    free = available_memory()
    assert free is None or free > 1 << 20


@pytest.mark.parametrize(("limit", "expected"), [("5000", 5000 - (3000 - 1000)), ("1000", 0), ("max", None)])
def test_a_container_leaves_its_limit_without_what_is_in_use(cgroup, limit, expected):
    for name, text in {"max": limit, "current": "3000", "stat": "anon 7\ninactive_file 1000"}.items():
        (cgroup / f"memory.{name}").write_text(f"{text}\n")
    free = available_memory()
    assert free == expected if expected is not None else free != 0


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_a_limit_of_the_address_space_counts():
    code = "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28))\n"
    code += "from nnexp.available_memory import available_memory; print(available_memory())"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert 0 < int(shown) < 1 << 28


def test_the_limit_of_a_container_is_the_limit(tmp_path):
    group = tmp_path / "outer" / "inner"
    group.mkdir(parents=True)
    (group / "memory.max").write_text("max\n")
    (group / "memory.current").write_text("1000\n")
    (group.parent / "memory.max").write_text("5000\n")
    (group.parent / "memory.current").write_text("3000\n")
    (group.parent / "memory.stat").write_text("anon 1000\ninactive_file 500\n")
    (tmp_path / "process").write_text("0::/outer/inner\n")
    assert list(control_groups(tmp_path, tmp_path / "process")) == [(5000, 2500)]
    old = tmp_path / "memory" / "docker"
    old.mkdir(parents=True)
    (old / "memory.limit_in_bytes").write_text("7000")
    (old / "memory.usage_in_bytes").write_text("6000")
    (tmp_path / "process").write_text("4:memory:/docker\n3:cpu:/other\n")
    assert list(control_groups(tmp_path, tmp_path / "process")) == [(7000, 6000)]


def test_what_is_free_is_at_most_what_there_is():
    total, free = memory()
    assert total is None or free is None or 0 <= free <= total
