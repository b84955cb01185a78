"""The one real cluster that a test session shares."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devcluster.cluster import Cluster

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def image_tables() -> list[Path]:
    """What the containers of tests and examples run."""
    return sorted([*ROOT.glob("examples/*/images.yaml"), *ROOT.glob("tests/**/images.yaml")])


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of images that a test may change: what is pushed, moved or deleted meanwhile."""
    table = tmp_path_factory.mktemp("registry") / "images.yaml"
    table.write_text("images: []")
    return table


@pytest.fixture(scope="session")
def session_cluster(
    tmp_path_factory: pytest.TempPathFactory, image_tables: list[Path], registry: Path
) -> Iterator[Cluster]:
    started = Cluster.start(
        images=[*image_tables, registry],
        # KServe's probes come every ten seconds, and a back-off begins with ten.
        node_arguments=["--max-probe-period", "0.5", "--backoff", "1"],
        # The autoscaler takes up new bounds at its next look, otherwise every 15 seconds.
        controller_arguments=["--horizontal-pod-autoscaler-sync-period=1s"],
        prometheus=True,
        directory=tmp_path_factory.mktemp("cluster"),
    )
    with started as cluster:
        yield cluster


@pytest.fixture
def cluster(session_cluster: Cluster) -> Iterator[Cluster]:
    """The session's cluster; says so if the test, or its time, has ended a component."""
    session_cluster.check()
    yield session_cluster
    session_cluster.check()
