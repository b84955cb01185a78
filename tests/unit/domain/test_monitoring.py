"""Payloads are logged from birth or never, and to where they were sent at birth."""

from holdfast.domain.serving import find_collector_url
from tests.unit.domain.cluster import Cluster, template_of

ENABLED = {"payloads": "Enabled"}


def monitored() -> Cluster:
    """A cluster in which a revision serves whose payloads are logged."""
    cluster = Cluster()
    cluster.edit(template=template_of("v1", monitoring=ENABLED))
    return cluster.run(10)


def url_of(cluster: Cluster, number: int) -> str | None:
    return find_collector_url(cluster.inference_services[cluster.record(number).name])


def test_another_collector_is_for_revisions_that_are_born_later() -> None:
    cluster = monitored()
    before = cluster.collector_url
    cluster.log.clear()
    cluster.collector_url = "http://elsewhere"
    cluster.run(1000)
    assert (url_of(cluster, 1), cluster.log) == (before, [])
    cluster.edit(template=template_of("v2", monitoring=ENABLED))
    cluster.run(10)
    assert (url_of(cluster, 1), url_of(cluster, 2)) == (before, "http://elsewhere")


def test_revision_whose_record_somebody_deleted_goes_on_sending_where_it_did() -> None:
    cluster = monitored()
    before, name = cluster.collector_url, cluster.record(1).name
    cluster.collector_url, cluster.highest_number = "http://elsewhere", 0
    del cluster.records[name]
    cluster.run(10)
    assert find_collector_url(cluster.record(1).inference_service) == before
    assert url_of(cluster, 1) == before
