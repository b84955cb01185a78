"""A control plane without a node of its own, a node beside it, and a namespace for every test."""

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from devcluster import binaries, tools
from devcluster.controlplane import create_control_plane
from devcluster.directory import Directory
from devcluster.node.api import Api
from devcluster.ports import Ports
from devcluster.supervisor import Supervisor
from tests.devcluster.node.harness import Node, Space, wait_for

READY_SECONDS = 60.0


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A control plane that has no node; the kubeconfig of its administrator."""
    place = Directory(tmp_path_factory.mktemp("plane"))
    place.claim()
    ports, supervisor = Ports(), Supervisor()
    parts = create_control_plane(place, binaries.ensure(tools.CONTROL_PLANE), ports)
    try:
        for components in ([parts.etcd], [parts.apiserver], list(parts.controllers)):
            for component in components:
                supervisor.start(component)
            supervisor.wait_ready(components, READY_SECONDS)
        yield place.kubeconfig
    finally:
        supervisor.stop()
        ports.release()
        place.release()


@pytest.fixture(scope="session")
def shared_node(plane: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """The node of all tests of a session; a test that kills it starts it again."""
    ports = Ports()
    node = Node(plane, tmp_path_factory.mktemp("node"), ports.take())
    node.start()
    yield node
    node.stop()
    assert node.find_processes() == []
    ports.release()


@pytest.fixture
async def api(plane: Path) -> AsyncIterator[Api]:
    connection = await Api.connect(os.fspath(plane))
    yield connection
    await connection.close()


@pytest.fixture
async def space(api: Api, shared_node: Node) -> AsyncIterator[Space]:
    """A namespace of a ready node, deleted at the end."""
    await shared_node.wait_ready()
    name = f"test-{secrets.token_hex(4)}"
    await api.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    found = Space(api, shared_node, name)
    await wait_for(
        lambda: api.get_or_none(f"{found.path}/serviceaccounts/default"), "service account"
    )
    yield found
    await api.request("DELETE", f"{found.path}/pods", {"gracePeriodSeconds": 0})
    await api.request("DELETE", f"/api/v1/namespaces/{name}")
