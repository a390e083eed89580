"""The Ray cluster of a sweep: connecting to it, and how many workers it has room for."""

import os
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from nnexp.errors import UserError
from nnexp.messages import first_line
from nnexp.redaction import redacted
from nnexp.tracking.mlflow.store import URI_VARIABLE, tracking_uri
from nnexp.tracking.mlflow.uris import store_type

LOOPBACK = ("localhost", "127.0.0.1", "::1")
CONNECT_TIMEOUT = 10.0  # seconds
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
OF_THIS_MACHINE = {"address": "local", "include_dashboard": False, "object_store_memory": 100_000_000}
KEY = "hydra.launcher.ray.init.address"
FIX = f"fix: start one with 'ray start --head', or leave {KEY} null for a cluster of this machine alone"
AUTHENTICATION_FIX = "'export RAY_AUTH_MODE=token' if it asks for a token"


def connect(init: Mapping[str, Any]) -> None:
    """Connect this process to a cluster, or start one of this machine alone, unless it is connected.

    Args:
        init: arguments of `ray.init`; those that are null have Ray's defaults.

    Raises:
        UserError: the cluster cannot be reached, or Ray does not take the arguments.
    """
    os.environ.update({name: value for name, value in QUIET.items() if name not in os.environ})
    ray = ray_module()
    if ray.is_initialized():
        return
    given = {name: value for name, value in init.items() if value is not None}
    address = str(given.get("address") or os.environ.get("RAY_ADDRESS", ""))
    check_address(address)
    if not address:  # the object store, in bytes: little is stored
        given = OF_THIS_MACHINE | given
    try:
        ray.init(configure_logging=False, **given)
    except Exception as error:
        where = f"{KEY}={address}" if address else "hydra.launcher.ray.init"
        if not address or isinstance(error, TypeError):
            raise UserError(f"{where}: Ray has not started: {first_line(error)}") from error
        fix = FIX if "RAY_AUTH_MODE" in os.environ else f"{FIX}, or {AUTHENTICATION_FIX}"
        raise UserError(f"{where}: no Ray cluster is reached: {first_line(error)}; {fix}") from error


def ray_module() -> Any:
    """Import Ray, which takes a second."""
    import ray

    return ray


def check_address(address: str) -> None:
    """Check that HOST:PORT answers, which Ray would try for minutes.

    Raises:
        UserError: it does not.
    """
    host, separator, port = address.removeprefix("ray://").rpartition(":")
    if not separator or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT).close()
    except (OSError, OverflowError) as error:
        problem = f"expected HOST:PORT of a Ray cluster, got no answer: {first_line(error)}"
        raise UserError(f"{KEY}={address}: {problem}; {FIX}") from error


def check_store(tracking: Mapping[str, Any], node: str, shares_files: bool) -> None:
    """Check that jobs on a node reach the store of their runs.

    Args:
        tracking: the section of the configuration.
        node: its IP address.
        shares_files: whether it sees the working directory.

    Raises:
        UserError: the store is a file of this machine, or a server that only this machine reaches.
    """
    if not tracking["enabled"]:
        return
    uri = tracking_uri(tracking["uri"])
    host = ray_module().util.get_node_ip_address()
    if store_type(uri) in ("sqlite", "files") and not shares_files:
        got = "a file, and it does not share the working directory"
    elif urlsplit(uri).hostname in LOOPBACK and node != host:
        got = "an address of this machine alone"
    else:
        return
    problem = f"expected the address of an MLflow server, got {got}: {redacted(uri)}"
    server = f"mlflow server --host 0.0.0.0 --allowed-hosts {host}:5000,localhost:5000"
    fix = f"fix: run '{server}' here, and the sweep after 'export {URI_VARIABLE}=http://{host}:5000'"
    raise UserError(f"hydra/launcher=ray: the store for node {node}: {problem}; {fix}")


def room_for_workers(remote: Mapping[str, Any]) -> int:
    """Return how many workers the cluster runs at a time, at least 1.

    Args:
        remote: what each needs, as `ray.remote` takes it: num_cpus, num_gpus, resources.
    """
    ray = ray_module()
    needs = {"CPU": remote.get("num_cpus"), "GPU": remote.get("num_gpus"), **(remote.get("resources") or {})}
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    wanted = {name: float(number) for name, number in needs.items() if number}
    room = sum(
        min((node.get(name, 0) // number for name, number in wanted.items()), default=1) for node in nodes
    )
    return max(int(room), 1)
