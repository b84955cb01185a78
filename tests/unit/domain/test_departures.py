"""In which order revisions were left decides which one is kept warm, and which is previous."""

from tests.unit.domain.cluster import started


def test_of_revisions_left_in_the_same_second_the_last_is_kept_warm_and_previous() -> None:
    cluster = started(rollout={"warmRevisions": 2})
    for uri in ("v2", "v3"):
        cluster.edit(uri)
        cluster.run(60)  # until what was left is drained
    for number in (1, 2):
        cluster.edit(revision=number)
        cluster.reconcile()
    assert cluster.active == "v2"
    assert cluster.status.previous_revision is not None
    assert cluster.status.previous_revision.number == 1
    cluster.edit(rollout={"warmRevisions": 1, "drainSeconds": 0})
    cluster.run()
    assert cluster.phases() == {1: "Warm", 2: "Active", 3: "Cold"}
