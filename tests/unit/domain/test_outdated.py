"""A runtime that moves on in the cluster is told of, and changes nothing."""

from typing import Any

import pytest

from holdfast.domain.runtime import compute_runtime_digest
from tests.unit.domain.cluster import Cluster, started
from tests.unit.domain.world import RUNTIME


def changed(priority: int) -> dict[str, Any]:
    """The cluster's runtime as somebody has edited it."""
    supported = [{**RUNTIME["spec"]["supportedModelFormats"][0], "priority": priority}]
    return {**RUNTIME, "spec": {**RUNTIME["spec"], "supportedModelFormats": supported}}


def messages(cluster: Cluster) -> dict[int, str]:
    return {r.number: r.message for r in cluster.status.revisions if r.message}


@pytest.fixture
def cluster() -> Cluster:
    """Revision 1 is cold, 2 is warm, 3 serves; the runtime has changed since."""
    serving = started(rollout={"drainSeconds": 0})
    for uri in ("v2", "v3"):
        serving.edit(uri)
        serving.run(60)
    serving.installed = (changed(1),)
    serving.announced.clear()
    serving.log.clear()
    return serving.run(1)


def test_it_is_said_once_and_shown_while_it_lasts(cluster: Cluster) -> None:
    assert cluster.announced == ["RuntimeOutdated"]
    assert set(messages(cluster)) == {2, 3}
    assert "spec.template.restartedAt" in messages(cluster)[3]
    assert len(cluster.log) == 1  # the note on the record
    cluster.run(1000)
    assert cluster.announced.count("RuntimeOutdated") == 1
    cluster.installed = (RUNTIME,)
    cluster.run(1)
    assert messages(cluster) == {}
    cluster.installed = (changed(2),)
    cluster.run(1)
    assert cluster.announced.count("RuntimeOutdated") == 2


def test_nothing_that_serves_changes(cluster: Cluster) -> None:
    assert [entry[1] for entry in cluster.log] == ["ControllerRevision"]


def test_new_revision_has_the_new_runtime(cluster: Cluster) -> None:
    cluster.edit(template={**cluster.spec.template.model_dump(by_alias=True), "restartedAt": "now"})
    cluster.run(60)
    assert 4 not in messages(cluster)
    digests = {r.number: r.runtime_digest for r in cluster.status.revisions}
    assert digests[4] != digests[3]
    assert compute_runtime_digest(changed(1)).startswith(digests[4] or "?")


def test_runtime_that_is_gone_is_no_news(cluster: Cluster) -> None:
    cluster.installed = ()
    cluster.run(1)
    assert messages(cluster) == {}


def test_what_kubectl_remembers_in_a_runtime_is_not_part_of_it() -> None:
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    applied = {**RUNTIME, "metadata": {**RUNTIME["metadata"], "annotations": annotations}}
    assert compute_runtime_digest(applied) == compute_runtime_digest(RUNTIME)
    served = {**RUNTIME, "metadata": {**RUNTIME["metadata"], "annotations": {"a": "b"}}}
    assert compute_runtime_digest(served) != compute_runtime_digest(RUNTIME)
