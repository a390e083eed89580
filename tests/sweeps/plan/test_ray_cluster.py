"""The address of a Ray cluster."""

import socket
from types import SimpleNamespace

import pytest

from nnexp.errors import UserError
from nnexp.sweeps.plan import ray_cluster
from nnexp.sweeps.plan.ray_cluster import check_address, check_store


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_an_address_that_does_not_answer_is_named_with_the_remedy(scheme, free_port):
    address = f"{scheme}127.0.0.1:{free_port()}"
    with pytest.raises(UserError, match=f"ray.init.address={address}: expected HOST:PORT .*; fix: start one"):
        check_address(address)


@pytest.mark.parametrize("address", ["", "auto", "local"])
def test_addresses_that_ray_resolves_are_left_to_it(address):
    check_address(address)


def test_an_address_that_answers_is_accepted():
    with socket.create_server(("127.0.0.1", 0)) as server:
        check_address(f"127.0.0.1:{server.getsockname()[1]}")


HERE, THERE = "10.0.0.7", "10.0.0.8"


@pytest.fixture
def here(monkeypatch):
    fake = SimpleNamespace(util=SimpleNamespace(get_node_ip_address=lambda: HERE))
    monkeypatch.setattr(ray_cluster, "ray_module", lambda: fake)


@pytest.mark.parametrize(
    ("uri", "node", "shares_files", "problem"),
    [
        (None, HERE, False, "got a file, and it does not share the working directory: sqlite:///"),
        ("sqlite:///runs.db", THERE, False, "got a file"),
        ("http://127.0.0.1:5000", THERE, True, "got an address of this machine alone: http"),
        ("http://localhost:5000", THERE, False, "got an address of this machine alone: http"),
    ],
)
def test_a_store_that_a_node_does_not_reach_is_refused(uri, node, shares_files, problem, here, alone):
    with pytest.raises(UserError, match=problem) as caught:
        check_store({"enabled": True, "uri": uri}, node, shares_files)
    assert f"'export MLFLOW_TRACKING_URI=http://{HERE}:5000'" in str(caught.value)


@pytest.mark.parametrize(
    ("enabled", "uri", "node", "shares_files"),
    [
        (True, "http://10.0.0.7:5000", THERE, False),
        (True, "http://localhost:5000", HERE, False),
        (True, None, THERE, True),
        (False, None, THERE, False),
    ],
)
def test_a_store_that_a_node_reaches_is_accepted(enabled, uri, node, shares_files, here, alone):
    check_store({"enabled": enabled, "uri": uri}, node, shares_files)
