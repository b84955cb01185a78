"""Baselines are kept with their records: put right, told of where they cannot be, and dropped."""

from typing import Any

import pytest

from holdfast.domain.kubeobject import Ownership, is_controlled_by
from tests.unit.domain.baselines import NAME, config_map, digest_of, document, reference
from tests.unit.domain.cluster import Cluster, template_of


@pytest.fixture
def cluster() -> Cluster:
    """Revision 1 was active and is cold, 2 serves; each keeps the baseline that both name."""
    found = Cluster(config_maps={NAME: config_map()})
    for uri in ("v1", "v2"):
        found.edit(template=template_of(uri, **reference()), rollout={"warmRevisions": 0})
        found.run(600)
    assert found.phases() == {1: "Cold", 2: "Active"}
    found.is_tampered = True
    found.announced.clear()
    found.told.clear()
    found.log.clear()
    return found


def name_copy(cluster: Cluster, number: int) -> str:
    return f"{cluster.record(number).name}-baseline"


def messages(cluster: Cluster) -> dict[int, str]:
    return {r.number: r.message for r in cluster.status.revisions if r.message}


def test_nothing_is_written_or_read_while_all_is_well(cluster: Cluster) -> None:
    cluster.run(1000)
    assert (cluster.log, messages(cluster)) == ([], {})
    assert cluster.plan is not None
    assert cluster.plan.reads == ()


@pytest.mark.parametrize("number", [1, 2])
def test_copy_that_is_gone_is_made_again(cluster: Cluster, number: int) -> None:
    before = cluster.config_maps.pop(name_copy(cluster, number))
    cluster.run(1)
    assert cluster.config_maps[name_copy(cluster, number)]["data"] == before["data"]
    assert [entry[:2] for entry in cluster.log] == [("apply", "ConfigMap")]


@pytest.mark.parametrize(
    "change",
    [
        {"labels": {"holdfast.dev/modeldeployment": "other"}},
        {"annotations": {"holdfast.dev/baseline-digest": "sha256:0"}},
        {"annotations": {}},
    ],
)
def test_copy_that_was_edited_is_put_right_without_its_source(
    cluster: Cluster, change: dict[str, Any]
) -> None:
    copy = cluster.config_maps[name_copy(cluster, 2)]
    before = {**copy["metadata"]}
    labels = {**copy["metadata"]["labels"], **change.get("labels", {})}
    copy["metadata"].update({**change, "labels": labels})
    del cluster.config_maps[NAME]
    cluster.run(1)
    after = cluster.config_maps[name_copy(cluster, 2)]["metadata"]
    for field in ("labels", "annotations", "uid"):
        assert after[field] == before[field]
    assert cluster.announced == ["ForeignChangeUndone"]


def test_copy_with_another_document_is_made_anew(cluster: Cluster) -> None:
    copy = cluster.config_maps[name_copy(cluster, 2)]
    copy["data"] = {"baseline.json": document(12)}
    copy["metadata"]["annotations"] = {}
    cluster.run(1)
    assert cluster.config_maps[name_copy(cluster, 2)]["data"] == {"baseline.json": document()}
    assert [entry[0] for entry in cluster.log] == ["delete", "apply"]


def test_lost_baseline_is_told_once_and_changes_nothing_that_serves(cluster: Cluster) -> None:
    cluster.config_maps[NAME] = config_map(document(11))
    del cluster.config_maps[name_copy(cluster, 2)]
    cluster.run(1)
    assert cluster.announced == ["BaselineLost"]
    assert f"the ConfigMap {NAME} has another by now or none" in messages(cluster)[2]
    assert [entry[1] for entry in cluster.log] == ["ControllerRevision"]
    cluster.log.clear()
    cluster.run(1000)
    assert (cluster.active, cluster.log, cluster.announced) == ("v2", [], ["BaselineLost"])
    cluster.config_maps[NAME] = config_map()
    cluster.run(1)
    assert name_copy(cluster, 2) in cluster.config_maps
    assert messages(cluster) == {}


def test_config_map_of_somebody_else_in_its_place_is_told(cluster: Cluster) -> None:
    copy = cluster.config_maps.pop(name_copy(cluster, 2))
    cluster.others["ConfigMap", copy["metadata"]["name"]] = Ownership.FOREIGN
    cluster.run(1)
    assert "NameConflict: there is a ConfigMap" in messages(cluster)[2]
    assert cluster.condition("Promoted") == ("True", "Promoted")
    assert cluster.condition("Stalled") is None


def test_lost_baseline_does_not_hinder_a_rollback(cluster: Cluster) -> None:
    del cluster.config_maps[NAME]
    del cluster.config_maps[name_copy(cluster, 1)]
    cluster.edit(revision=1)
    cluster.run(60)
    assert cluster.active == "v1"
    assert "BaselineLost" in messages(cluster)[1]


def test_later_edit_is_warned_of_once_and_changes_nothing(cluster: Cluster) -> None:
    cluster.config_maps[NAME] = config_map(document(11))
    cluster.run(1)
    assert cluster.announced == ["BaselineChanged"]
    assert f"the ConfigMap {NAME} has changed since it was born" in cluster.told[0]
    assert set(messages(cluster)) == {2}, "what does not run is no news"
    assert [entry[1] for entry in cluster.log] == ["ControllerRevision"]
    cluster.run(1000)
    assert cluster.announced == ["BaselineChanged"]
    cluster.config_maps[NAME] = config_map("no baseline")
    cluster.run(1)
    assert cluster.announced == ["BaselineChanged"] * 2
    cluster.config_maps[NAME] = config_map()
    cluster.run(1)
    assert messages(cluster) == {}


def test_the_same_document_in_another_form_is_no_edit(cluster: Cluster) -> None:
    cluster.config_maps[NAME] = config_map(document().replace("\n", " "))
    cluster.run(1)
    assert cluster.log == []


def test_source_that_is_gone_is_no_news(cluster: Cluster) -> None:
    del cluster.config_maps[NAME]
    cluster.run(1000)
    assert (cluster.log, messages(cluster)) == ([], {})


def test_copy_goes_after_the_record(cluster: Cluster) -> None:
    cluster.edit(revisionHistoryLimit=1)
    first, second = name_copy(cluster, 1), name_copy(cluster, 2)
    for uri in ("v3", "v4"):
        cluster.edit(template=template_of(uri, **reference()))
        cluster.run(600)
    assert set(cluster.numbers()) == {3, 4}
    assert not {first, second} & set(cluster.config_maps)
    gone = [entry for entry in cluster.log if entry[0] == "delete" and "Config" in entry[1]]
    assert [name for _, _, name in gone] == [first, second]
    for name in (first, second):
        record = ("delete", "ControllerRevision", name.removesuffix("-baseline"))
        assert cluster.log.index(record) < cluster.log.index(("delete", "ConfigMap", name))


def test_copy_of_what_serves_without_its_record_stays(cluster: Cluster) -> None:
    copy = name_copy(cluster, 2)
    del cluster.records[cluster.record(2).name]
    cluster.edit(template=template_of("v3", **reference("absent")))
    cluster.run(60)
    assert copy in cluster.config_maps


# --- orphans


@pytest.fixture
def orphaned(cluster: Cluster) -> Cluster:
    cluster.orphan()
    return cluster


def test_copies_are_adopted_after_their_records(orphaned: Cluster) -> None:
    before = {name: obj.get("data") for name, obj in orphaned.config_maps.items()}
    del orphaned.config_maps[NAME]
    orphaned.run(1)
    for number in (1, 2):
        copy = orphaned.config_maps[name_copy(orphaned, number)]
        assert is_controlled_by(copy, orphaned.uid)
        assert copy["data"] == before[name_copy(orphaned, number)]
    assert set(orphaned.announced) == {"Adopted"}
    assert orphaned.condition("Promoted") == ("True", "Promoted")


def test_copy_with_another_document_is_not_adopted(orphaned: Cluster) -> None:
    name = name_copy(orphaned, 2)
    orphaned.config_maps[name]["data"] = {"baseline.json": document(12)}
    orphaned.run(1)
    assert not is_controlled_by(orphaned.config_maps[name], orphaned.uid)
    assert "it differs from its record in data.baseline.json" in messages(orphaned)[2]
    assert digest_of(document(12)) != orphaned.record(2).baseline_digest
