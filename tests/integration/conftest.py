"""One operator for the session, and a namespace of its own for each test."""

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devcluster import binaries, holdfast
from devcluster.cluster import Cluster
from devcluster.rest import Api
from tests.integration.harness import (
    OPTIONAL_GROUPS,
    POLL_SECONDS,
    WAIT_SECONDS,
    Place,
    create_place,
)

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def api(session_cluster: Cluster) -> Api:
    """The API server, as administrator."""
    return Api(session_cluster.access)


@pytest.fixture(scope="session")
def session_operator(session_cluster: Cluster) -> Iterator[holdfast.Operator]:
    """The operator, with the rights of its own ServiceAccount."""
    holdfast.install(session_cluster.access)
    with holdfast.Operator(session_cluster.access) as operator:
        yield operator


@pytest.fixture
def operator(session_operator: holdfast.Operator) -> Iterator[holdfast.Operator]:
    """The running operator; started again for the next test if this one has ended it."""
    yield session_operator
    session_operator.ensure_started()


@pytest.fixture
def place(
    cluster: Cluster, operator: holdfast.Operator, api: Api, tmp_path: Path
) -> Iterator[Place]:
    """A namespace in which the operator works."""
    namespace = f"test-{next(_numbers)}"
    with create_place(api, cluster.access, namespace, tmp_path / "models") as created:
        yield created


@pytest.fixture
def gateway_api(cluster: Cluster, api: Api) -> Iterator[None]:
    """The HTTPRoutes of the Gateway API, for one test: a cluster need not have them."""
    kubectl = cluster.access.kubectl
    manifest = binaries.get_gateway_types() / "gateway.networking.k8s.io_httproutes.yaml"
    kubectl.run("create", "--validate=false", "-f", str(manifest))
    deadline = time.monotonic() + WAIT_SECONDS
    while not api.call("GET", f"{OPTIONAL_GROUPS['httproutes']}/httproutes").ok:
        assert time.monotonic() < deadline, "the API server does not serve HTTPRoutes"
        time.sleep(POLL_SECONDS)
    yield
    kubectl.run("delete", "-f", str(manifest))
