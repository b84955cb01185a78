"""A cold revision comes back with the images that it was promoted with, or says that it cannot."""

import json
from typing import Any

import pytest

from holdfast.domain.digests import find_image_ids, parse_image_id
from holdfast.domain.observed import Component, LiveRevision
from tests.unit.domain import shown
from tests.unit.domain.cluster import Cluster, started, template_of

MOVED = f"registry/model@sha256:{'2' * 64}"
COLD = {"warmRevisions": 0, "drainSeconds": 0}


@pytest.mark.parametrize(
    ("image_id", "reference"),
    [
        (shown.DIGEST, shown.DIGEST),
        (f"docker-pullable://{shown.DIGEST}", shown.DIGEST),
        (f"host:5000/a/b@sha256:{'0' * 64}", f"host:5000/a/b@sha256:{'0' * 64}"),
        (f"docker://sha256:{'0' * 64}", None),
        (f"sha256:{'0' * 64}", None),
        ("registry/model@sha256:1", None),
        ("", None),
    ],
)
def test_image_id_with_a_repository_can_be_pulled_again(
    image_id: str, reference: str | None
) -> None:
    assert parse_image_id(image_id) == reference


@pytest.fixture
def cold() -> Cluster:
    """Revision 1 is cold, revision 2 serves; the tag of both names another image now."""
    cluster = started(rollout=COLD)
    cluster.edit("v2")
    cluster.run(60)
    assert cluster.phases() == {1: "Cold", 2: "Active"}
    cluster.image_id = MOVED
    cluster.announced.clear()
    return cluster


def images(cluster: Cluster, uri: str) -> set[str]:
    """What the pods of a model run."""
    return {pod.image_id for pod in cluster.pods if cluster.uri(pod.revision) == uri}


def test_cold_revision_is_created_again_with_its_digest(cold: Cluster) -> None:
    cold.edit(revision=1)
    cold.run(60)
    assert cold.active == "v1"
    assert images(cold, "v1") == {shown.DIGEST}
    assert cold.condition("Reproducible") == ("True", "DigestsRecorded")


def test_new_revision_is_created_with_the_tag(cold: Cluster) -> None:
    cold.edit("v3")
    cold.run(60)
    assert images(cold, "v3") == {MOVED}
    assert cold.condition("Reproducible") == ("True", "DigestsRecorded")


def test_images_stay_while_the_revision_lives(cold: Cluster) -> None:
    """One that was created by tag keeps it, though its digest is known by now."""
    name = cold.selected or ""
    before = json.dumps([cold.runtimes[name], cold.inference_services[name]], sort_keys=True)
    cold.log.clear()
    cold.run(1000)
    assert cold.log == []
    now = json.dumps([cold.runtimes[name], cold.inference_services[name]], sort_keys=True)
    assert now == before
    assert "@sha256" not in before


def test_mark_that_somebody_takes_away_does_not_change_the_images(cold: Cluster) -> None:
    cold.edit(revision=1)
    cold.run(60)
    cold.is_tampered = True
    name = cold.selected or ""
    del cold.inference_services[name]["metadata"]["annotations"]["holdfast.dev/images"]
    cold.run(10)
    assert "@sha256" in cold.runtimes[name]["spec"]["containers"][0]["image"]
    annotations = cold.inference_services[name]["metadata"]["annotations"]
    assert annotations["holdfast.dev/images"] == "Recorded"


def test_edited_image_goes_back_to_the_digest_that_it_was_created_with(cold: Cluster) -> None:
    cold.edit(revision=1)
    cold.run(60)
    cold.is_tampered = True
    name = cold.selected or ""
    (container,) = cold.runtimes[name]["spec"]["containers"]
    spec = {**cold.runtimes[name]["spec"], "containers": [{**container, "image": "other"}]}
    cold.runtimes[name]["spec"] = spec
    cold.run(10)
    assert cold.runtimes[name]["spec"]["containers"][0]["image"] == shown.DIGEST


def written(cluster: Cluster, name: str) -> set[str]:
    """The images that runtime and InferenceService of a revision stand with."""
    predictor = cluster.inference_services[name]["spec"]["predictor"]
    spec = predictor if "containers" in predictor else cluster.runtimes[name]["spec"]
    return {container["image"] for container in spec["containers"]}


def test_digests_outlive_a_record_and_a_runtime_that_somebody_deletes(cold: Cluster) -> None:
    cold.edit("v1")
    cold.run(60)
    cold.is_tampered = True
    name = cold.selected or ""
    del cold.records[name], cold.runtimes[name]
    cold.log.clear()
    cold.run(30)
    assert written(cold, name) == {shown.DIGEST}
    assert cold.log.count(("apply", "ServingRuntime", name)) == 1, "written by tag first"
    assert cold.condition("Reproducible") == ("True", "DigestsRecorded")


def test_digests_outlive_a_record_and_the_mark_of_what_stands() -> None:
    cluster = started(rollout=COLD)
    cluster.edit(template=template_of("own", **OWN))
    cluster.run(60)
    cluster.edit("v3")
    cluster.run(60)
    cluster.image_id = MOVED
    cluster.edit(template=template_of("own", **OWN))
    cluster.run(60)
    cluster.is_tampered = True
    name = cluster.selected or ""
    del cluster.records[name]
    del cluster.inference_services[name]["metadata"]["annotations"]["holdfast.dev/images"]
    cluster.run(30)
    assert written(cluster, name) == {shown.DIGEST}


def test_digest_that_cannot_be_pulled_falls_back_to_the_tag(cold: Cluster) -> None:
    cold.unpullable.add(shown.DIGEST)
    cold.edit(revision=1)
    cold.run(120)
    assert cold.active == "v1"
    assert images(cold, "v1") == {MOVED}
    assert cold.announced.count("DigestNotPullable") == 1
    status, _ = cold.condition("Reproducible") or ("", "")
    assert status == "False"
    deleted = [
        name for verb, kind, name in cold.log if (verb, kind) == ("delete", "InferenceService")
    ]
    assert cold.selected in deleted


@pytest.mark.parametrize(
    "why",
    [
        "ErrImagePull: failed to pull: dial tcp 10.0.0.1:443: connect: connection refused",
        "ErrImagePull: Get https://registry/v2/: dial tcp: lookup registry: no such host",
        "ErrImagePull: net/http: request canceled (Client.Timeout exceeded): i/o timeout",
        "RegistryUnavailable: the registry does not answer",
        "ErrImagePull: unexpected status from HEAD request: 503 Service Unavailable",
    ],
)
def test_registry_that_is_away_says_nothing_of_a_digest(cold: Cluster, why: str) -> None:
    cold.broken["v1"] = shown.unpullable(shown.DIGEST, why)
    cold.edit(revision=1)
    cold.run(120)
    assert "DigestNotPullable" not in cold.announced
    assert cold.condition("Promoted") == ("False", "ImagePullBackOff")
    del cold.broken["v1"]
    cold.run(120)
    assert (cold.active, images(cold, "v1")) == ("v1", {shown.DIGEST})
    assert cold.condition("Reproducible") == ("True", "DigestsRecorded")


def test_condition_says_so_even_where_the_tag_is_the_same_image(cold: Cluster) -> None:
    cold.image_id = shown.DIGEST
    cold.unpullable.add(shown.DIGEST)
    cold.edit(revision=1)
    cold.run(120)
    assert cold.condition("Reproducible") == ("False", "DigestNotPullable")
    assert shown.DIGEST in cold.message("Reproducible")


def test_fallback_is_remembered(cold: Cluster) -> None:
    cold.unpullable.add(shown.DIGEST)
    cold.edit(revision=1)
    cold.run(120)
    cold.edit(revision=None)
    cold.run(120)
    cold.announced.clear()
    cold.edit(revision=1)
    cold.run(120)
    assert images(cold, "v1") == {MOVED}
    assert "DigestNotPullable" not in cold.announced


def test_active_revision_that_somebody_deleted_falls_back_too() -> None:
    cluster = started()
    name = cluster.selected or ""
    del cluster.inference_services[name]
    cluster.pods.clear()
    cluster.unpullable.add(shown.DIGEST)
    cluster.image_id = MOVED
    cluster.run(120)
    assert images(cluster, "v1") == {MOVED}
    assert cluster.condition("Ready") == ("True", "Serving")


def test_nothing_falls_back_while_it_serves() -> None:
    cluster = started(rollout=COLD)
    cluster.edit("v2")
    cluster.run(60)
    cluster.edit("v1", scaling={"minReplicas": 1, "maxReplicas": 3})
    cluster.run(60)
    assert images(cluster, "v1") == {shown.DIGEST}
    kept = list(cluster.pods)
    cluster.edit(scaling={"minReplicas": 2, "maxReplicas": 3})
    cluster.reconcile()
    for pod in kept:
        pod.image = "cached on its node"
    cluster.unpullable.add(shown.DIGEST)
    cluster.run(60)
    assert {pod.image for pod in cluster.pods} == {"cached on its node", shown.DIGEST}
    assert "DigestNotPullable" not in cluster.announced


def test_tag_that_names_another_image_by_now_is_seen_in_the_pods() -> None:
    cluster = started()
    cluster.image_id = MOVED
    cluster.pods.clear()
    cluster.run(10)
    assert images(cluster, "v1") == {MOVED}
    assert cluster.condition("Reproducible") == ("False", "ImageChanged")
    assert "predictor/kserve-container" in cluster.message("Reproducible")


def test_node_that_reports_no_digest_leaves_it_unknown() -> None:
    cluster = Cluster(image_id=f"docker://sha256:{'0' * 64}").run(10)
    assert cluster.condition("Reproducible") == ("Unknown", "DigestUnknown")
    cluster.edit(rollout=COLD)
    cluster.edit("v2")
    cluster.run(60)
    cluster.edit(revision=1)
    cluster.run(60)
    assert cluster.active == "v1"


def test_before_anything_is_promoted_it_is_unknown() -> None:
    cluster = Cluster()
    cluster.reconcile()
    assert cluster.condition("Reproducible") == ("Unknown", "NoActiveRevision")


OWN: dict[str, Any] = {
    "predictor": {"containers": [{"name": "kserve-container", "image": shown.IMAGE}]},
    "transformer": {"containers": [{"name": "kserve-container", "image": shown.IMAGE}]},
}


def test_containers_of_predictor_and_transformer_come_back_by_digest() -> None:
    cluster = started(rollout=COLD)
    cluster.edit(template=template_of("own", **OWN))
    cluster.run(60)
    cluster.edit("v3")
    cluster.run(60)
    cluster.edit(revision=2)
    cluster.run(60)
    spec = cluster.inference_services[cluster.selected or ""]["spec"]
    for component in ("predictor", "transformer"):
        assert spec[component]["containers"][0]["image"] == shown.DIGEST


def test_image_and_version_of_the_model_are_those_of_the_digest() -> None:
    cluster = started(rollout=COLD)
    model = {"image": shown.IMAGE, "runtimeVersion": "1.2"}
    cluster.edit(template=template_of("own", predictor={"model": model}))
    cluster.run(60)
    cluster.edit("v3")
    cluster.run(60)
    cluster.edit(revision=2)
    cluster.run(60)
    model = cluster.inference_services[cluster.selected or ""]["spec"]["predictor"]["model"]
    assert model["image"] == shown.DIGEST
    assert "runtimeVersion" not in model


def test_image_that_the_template_names_by_digest_stays_so() -> None:
    declared = f"mirror/model@sha256:{'3' * 64}"
    cluster = started(rollout=COLD)
    cluster.edit(template=template_of("own", predictor={"model": {"image": declared}}))
    cluster.run(60)
    cluster.edit("v3")
    cluster.run(60)
    cluster.edit(revision=2)
    cluster.run(60)
    model = cluster.inference_services[cluster.selected or ""]["spec"]["predictor"]["model"]
    assert model["image"] == declared
    assert cluster.condition("Reproducible") == ("True", "DigestsRecorded")


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([], {}),
        ([{"a": ""}], {}),
        ([{"a": ""}, {"a": "x@sha256:1"}], {"predictor/a": "x@sha256:1"}),
        ([{"a": "x", "b": "y"}], {"predictor/a": "x", "predictor/b": "y"}),
    ],
)
def test_image_ids_are_those_of_the_first_ready_pod_that_has_them_all(
    ids: list[dict[str, str]], expected: dict[str, str]
) -> None:
    statuses = [[{"name": n, "imageID": i} for n, i in found.items()] for found in ids]
    ready = [{"type": "Ready", "status": "True"}]
    pods = [
        shown.pod("p", {"conditions": ready, "containerStatuses": containers})
        for containers in statuses
    ]
    unready = shown.pod("q", {"containerStatuses": [{"name": "a", "imageID": "z"}]})
    live = LiveRevision(components={"predictor": Component(pods=(unready, *pods))})
    assert find_image_ids(live, started().record(1)) == expected
