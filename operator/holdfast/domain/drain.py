"""Bringing clients with open connections back through the Service.

A flip moves new connections only: kube-proxy leaves established ones on pods that still
live. So the pods of the revision left behind are replaced one at a time, which keeps the
revision warm (design §3).
"""

from datetime import datetime, timedelta

from holdfast.domain.kubeobject import KubeObject, created_at
from holdfast.domain.observed import is_pod_ready
from holdfast.domain.record import Record
from holdfast.domain.situation import Situation


def drain_start(situation: Situation, record: Record) -> datetime | None:
    """When the pods left behind are to be replaced: at once after a rollback.

    Not those of the revision that is about to become active again, nor of one that failed: its
    pods are there to be looked at.
    """
    if record is situation.active or record is situation.target or record.left_at is None:
        return None
    if record.rejection is not None:
        return None
    if situation.is_rolled_back:
        return record.left_at
    return record.left_at + timedelta(seconds=situation.observed.spec.rollout.drain_seconds)


def is_drained(situation: Situation, record: Record) -> bool:
    """Whether no pod that clients may still hold a connection to is left."""
    return not _pods_left_behind(situation, record)


def next_pod_to_drain(situation: Situation, record: Record) -> KubeObject | None:
    """The next pod to replace; None while there is none, or while a replacement is not ready."""
    start = drain_start(situation, record)
    if start is None or situation.now < start:
        return None
    left_behind = _pods_left_behind(situation, record)
    if not left_behind:
        return None
    component = situation.live(record).component(record.entry)
    ready = sum(1 for pod in component.pods if is_pod_ready(pod))
    if ready < component.replicas:
        # A pod that is not ready serves nobody: it need not wait for anything.
        return next((pod for pod in left_behind if not is_pod_ready(pod)), None)
    return left_behind[0]


def _pods_left_behind(situation: Situation, record: Record) -> list[KubeObject]:
    """Those born before the second of the departure: replacements are born in it, or later."""
    if record.left_at is None:
        return []
    component = situation.live(record).component(record.entry)
    return sorted(
        (pod for pod in component.standing_pods if created_at(pod) < record.left_at),
        key=created_at,
    )
