"""What is said when the API server cut a pass off, for a reason that may pass."""

from dataclasses import replace

from holdfast.api.conditions import PROMOTED, READY, RECONCILING, STALLED
from holdfast.domain.rollout import decide
from tests.unit.domain.cluster import Cluster, started

OUTAGE = "failed calling webhook"


def tell(cluster: Cluster) -> dict[str, tuple[str, str, str]]:
    """The conditions, by type, of a pass that was cut off."""
    status = decide(replace(cluster.observe(), outage=OUTAGE), cluster.now).status
    return {c.type: (c.status, c.reason, c.message) for c in status.conditions}


def test_what_is_not_there_yet_waits_for_the_api_server() -> None:
    cluster = started()
    cluster.edit("v2")
    cluster.reconcile(writes=1)
    told = tell(cluster)
    status, reason, message = told[PROMOTED]
    assert (status, reason) == ("False", "ApiServerError")
    assert OUTAGE in message
    assert "revision 1" in message
    assert told[RECONCILING][1] == "ApiServerError"
    assert told[READY][0] == "True"
    assert STALLED not in told


def test_what_is_promoted_stays_promoted() -> None:
    told = tell(started())
    assert told[PROMOTED][0] == "True"
    assert STALLED not in told
