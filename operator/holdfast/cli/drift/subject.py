"""What is compared: the active revision of a deployment, with its baseline and settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.api.drift import Drift
from holdfast.baseline.document import Baseline, read_baseline
from holdfast.cli.exits import Exit, Refusal
from holdfast.cli.revisions import read_records
from holdfast.cli.session import Session
from holdfast.clients.resources import CONFIG_MAP
from holdfast.domain import drift_check
from holdfast.domain.baseline import Document, find_copy, find_reference, read_document
from holdfast.domain.dispersion import decode_dispersion, find_dispersion
from holdfast.domain.drift_check import Check
from holdfast.domain.kubeobject import KubeObject, uid_of
from holdfast.domain.record import Record
from holdfast.drift_protocol import CheckRequest


@dataclass(frozen=True)
class Subject:
    """A revision that can be checked.

    Attributes:
        namespace: Of the deployment.
        deployment: Its name.
        model: What the team calls this version, or else its URI.
        text: The baseline's document, as it is stored.
        baseline: The same, read.
        check: What the operator checks as well.
    """

    namespace: str
    deployment: str
    model: str
    text: str
    baseline: Baseline
    check: Check

    @property
    def revision(self) -> str:
        """The active revision's name."""
        return self.check.subject.revision.name

    @property
    def number(self) -> int:
        """The active revision's number."""
        return self.check.subject.revision.number


async def read_subject(session: Session, name: str, prometheus_url: str) -> Subject:
    """Read a deployment's active revision.

    Raises:
        Refusal: there is none, or nothing that its traffic could be compared with.
    """
    deployment = await session.get_deployment(name)
    active = (deployment.get("status") or {}).get("activeRevision")
    if active is None:
        raise Refusal(
            Exit.PROGRESSING,
            f"{name} has no active revision yet: there is no traffic to compare",
            f"Look with: holdfast status {name}",
        )
    records = await read_records(session, name)
    record = records.get(active["name"])
    if record is None or record.promoted_at is None:
        raise Refusal(Exit.NOT_FOUND, f"the record of revision {active['name']} is gone")
    document = await _read_document(session, record)
    check = Check(
        subject=drift_check.Subject(
            record.reference,
            int(record.promoted_at.timestamp()),
            # It need not ask for checks: somebody does, here and now.
            Drift.model_validate(deployment["spec"].get("drift") or {}),
        ),
        uid=uid_of(deployment),
        prometheus_url=prometheus_url,
        dispersion=find_dispersion(tuple(records.values()), record),
    )
    return Subject(
        deployment["metadata"]["namespace"],
        name,
        _describe_model(record.template),
        document.text,
        read_baseline(document.text),
        check,
    )


def compute_request(subject: Subject, at: int) -> CheckRequest:
    """The check whose windows end at a moment, as the operator would ask for it."""
    return drift_check.compute_request(
        subject.check,
        subject.namespace,
        subject.deployment,
        at,
        subject.text,
        decode_dispersion(subject.check.dispersion),
    )


async def _read_document(session: Session, record: Record) -> Document:
    revision = f"revision {record.number} ({record.name})"
    if find_reference(record.template) is None:
        raise Refusal(
            Exit.STALLED,
            f"{revision} has no baseline: there is nothing to compare its traffic with",
            "Make one with `holdfast baseline`, and name it in spec.template.baseline.",
        )
    where = find_copy(record.name)
    found: KubeObject | None = await session.kube.get(CONFIG_MAP, session.namespace, where.name)
    document = read_document(found, where)
    if not isinstance(document, Document):
        raise Refusal(
            Exit.STALLED,
            f"the baseline of {revision} is not to be had: {document.message}",
            "The operator keeps it there, and makes it again where it can.",
        )
    return document


def _describe_model(template: Mapping[str, Any]) -> str:
    model = template.get("model") or {}
    return str(model.get("version") or model.get("uri") or "")
