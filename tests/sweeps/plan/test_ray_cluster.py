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


@pytest.mark.parametrize("uri", [None, "sqlite:///runs.db"])
def test_a_store_that_only_this_machine_has_is_refused_for_nodes_without_its_files(uri, alone, monkeypatch):
    fake = SimpleNamespace(util=SimpleNamespace(get_node_ip_address=lambda: "10.0.0.7"))
    monkeypatch.setattr(ray_cluster, "ray_module", lambda: fake)
    with pytest.raises(UserError, match=r"got a file of this machine: sqlite:///.*=http://10.0.0.7:5000'"):
        check_store({"enabled": True, "uri": uri})


@pytest.mark.parametrize(("enabled", "uri"), [(True, "http://10.0.0.7:5000"), (False, None)])
def test_nodes_without_the_files_of_this_machine_need_a_server_or_no_tracking(enabled, uri):
    check_store({"enabled": enabled, "uri": uri})
