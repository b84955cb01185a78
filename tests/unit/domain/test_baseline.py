"""A revision is born with the baseline that its template names, or not before that is there."""

from typing import Any

import pytest

from holdfast.api.identity import LABEL_REVISION
from holdfast.domain.kubeobject import Ownership, is_controlled_by
from tests.unit.domain.baselines import NAME, config_map, digest_of, document, reference
from tests.unit.domain.cluster import Cluster, started, template_of


def waiting(**found: Any) -> Cluster:
    """Version 1 serves; version 2 names a baseline, of which this is found."""
    cluster = started()
    cluster.log.clear()
    cluster.config_maps.update(found)
    cluster.edit(template=template_of("v2", **reference()))
    return cluster.run(20)


def born(uri: str = "v1") -> Cluster:
    """A first revision serves that has a baseline."""
    cluster = Cluster(config_maps={NAME: config_map()})
    cluster.edit(template=template_of(uri, **reference()))
    return cluster.run(20)


def test_revision_waits_for_the_baseline_that_its_template_names() -> None:
    cluster = waiting()
    assert (cluster.numbers(), cluster.log) == ({1: "v1"}, [])
    assert cluster.active == "v1"
    assert cluster.condition("Ready") == ("True", "Serving")
    assert cluster.condition("Promoted") == ("False", "BaselineMissing")
    assert cluster.condition("Reconciling") == ("True", "BaselineMissing")
    assert cluster.condition("Stalled") is None
    assert f"spec.template.baseline: there is no ConfigMap {NAME}" in cluster.message("Promoted")


def test_it_is_looked_for_again_though_nothing_tells_that_it_is_there() -> None:
    cluster = waiting()
    cluster.config_maps[NAME] = config_map()
    assert cluster.plan is not None
    assert cluster.plan.due is not None
    cluster.run_without_operator(5)
    assert cluster.plan.due <= cluster.now
    cluster.run(10)
    assert cluster.active == "v2"


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ({}, "has no key baseline.json in its data"),
        ({"data": None, "binaryData": {"baseline.json": "e30="}}, "has no key baseline.json"),
    ],
)
def test_config_map_without_the_document_is_waited_for(found: dict[str, Any], says: str) -> None:
    cluster = waiting(**{NAME: {**config_map(key="other.json"), **found}})
    assert cluster.condition("Reconciling") == ("True", "BaselineMissing")
    assert says in cluster.message("Promoted")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the document: "),
        ("{}", "source: Field required"),
        (document().replace('"schemaVersion": 1', '"schemaVersion": 2'), "schemaVersion: "),
        (document().replace("94.0", "93.0"), "the digest is not that of the content"),
        (document().replace(f'"{digest_of(document())}"', "null"), "it has no digest"),
    ],
)
def test_what_is_no_baseline_stalls_until_somebody_puts_one_there(text: str, says: str) -> None:
    cluster = waiting(**{NAME: config_map(text)})
    assert (cluster.numbers(), cluster.active, cluster.log) == ({1: "v1"}, "v1", [])
    assert cluster.condition("Stalled") == ("True", "BaselineInvalid")
    assert cluster.condition("Promoted") == ("False", "BaselineInvalid")
    assert f"baseline.json in the ConfigMap {NAME} is not a baseline" in cluster.message("Stalled")
    assert says in cluster.message("Stalled")
    cluster.config_maps[NAME] = config_map()
    cluster.run(20)
    assert cluster.active == "v2"


def test_missing_baseline_does_not_hinder_a_rollback() -> None:
    cluster = started()
    cluster.edit("v2")
    cluster.run()
    cluster.edit(template=template_of("v3", **reference()), revision=1)
    cluster.run()
    assert cluster.active == "v1"


def test_revision_keeps_the_very_text_in_a_config_map_of_its_own() -> None:
    text = document() + "\n \n"
    cluster = Cluster(config_maps={NAME: config_map(text, key="2015.json")})
    cluster.edit(template=template_of("v1", **reference(key="2015.json")))
    cluster.run(20)
    name = cluster.record(1).name
    copy = cluster.config_maps[f"{name}-baseline"]
    assert copy["data"] == {"baseline.json": text}
    assert copy["immutable"] is True
    assert copy["metadata"]["labels"][LABEL_REVISION] == name
    assert is_controlled_by(copy, cluster.uid)
    assert cluster.record(1).baseline_digest == digest_of(text)
    assert copy["metadata"]["annotations"]["holdfast.dev/baseline-digest"] == digest_of(text)


def test_copy_is_written_before_the_record() -> None:
    kinds = [kind for _, kind, _ in born().log]
    assert kinds[:2] == ["ConfigMap", "ControllerRevision"]


def test_pass_that_is_cut_off_between_copy_and_record_goes_on_with_the_copy() -> None:
    cluster = Cluster(config_maps={NAME: config_map()})
    cluster.edit(template=template_of("v1", **reference()))
    cluster.reconcile(writes=1)
    assert (len(cluster.config_maps), cluster.records) == (2, {})
    del cluster.config_maps[NAME]
    cluster.run(20)
    assert cluster.active == "v1"
    assert cluster.record(1).baseline_digest == digest_of(document())


def test_copy_of_a_revision_that_is_not_wanted_any_more_goes() -> None:
    cluster = Cluster(config_maps={NAME: config_map()})
    cluster.edit(template=template_of("v1", **reference()))
    cluster.reconcile(writes=1)
    cluster.edit("v2")
    cluster.run(20)
    assert set(cluster.config_maps) == {NAME}
    assert cluster.active == "v2"


def test_another_document_under_the_same_name_is_no_other_revision() -> None:
    cluster = born()
    cluster.config_maps[NAME] = config_map(document(11))
    cluster.run(1000)
    assert cluster.numbers() == {1: "v1"}
    assert cluster.record(1).baseline_digest == digest_of(document(10))


def test_record_that_somebody_deleted_is_made_again_with_the_baseline_that_is_kept() -> None:
    cluster = born()
    cluster.config_maps[NAME] = config_map(document(11))
    del cluster.records[cluster.record(1).name]
    cluster.highest_number = 0
    cluster.run(20)
    assert cluster.record(1).baseline_digest == digest_of(document(10))


@pytest.mark.parametrize(
    ("ownership", "condition", "reason"),
    [
        (Ownership.FOREIGN, "Stalled", "NameConflict"),
        (Ownership.WAITING_FOR_CLEANUP, "Reconciling", "WaitingForCleanup"),
    ],
)
def test_config_map_of_somebody_else_is_in_the_way(
    ownership: Ownership, condition: str, reason: str
) -> None:
    name = f"{born().record(1).name}-baseline"
    cluster = Cluster(config_maps={NAME: config_map()}, others={("ConfigMap", name): ownership})
    cluster.edit(template=template_of("v1", **reference()))
    cluster.run(20)
    assert cluster.log == []
    assert cluster.condition(condition) == ("True", reason)
    cluster.others.clear()
    cluster.run(20)
    assert cluster.active == "v1"


def test_copy_is_no_larger_than_what_the_api_server_has_taken_already() -> None:
    cluster = born()
    copy = cluster.config_maps[f"{cluster.record(1).name}-baseline"]
    assert {**copy, "metadata": None}.keys() == {
        *("apiVersion", "kind", "metadata", "immutable", "data")
    }
    assert list(copy["data"].values()) == [document()]
