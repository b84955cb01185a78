"""What keeps a template from becoming a revision, or a revision from starting."""

from dataclasses import dataclass
from functools import cached_property

from holdfast.api.component import MAX_COMPONENT_BYTES, MAX_RUNTIME_BYTES, count_bytes
from holdfast.domain.baseline import (
    ConfigMapKey,
    Document,
    NoBaseline,
    digest_of_copy,
    find_reference,
    name_copy,
    read_document,
)
from holdfast.domain.kubeobject import KubeObject, Ownership, name_of
from holdfast.domain.orphans import explain_orphan
from holdfast.domain.revisions import longest_revision_name
from holdfast.domain.roles import Roles
from holdfast.domain.runtime import NoRuntime, choose_runtime
from holdfast.domain.serving import find_collector_url


@dataclass(frozen=True)
class Blocker:
    """Why nothing new can be started; what serves goes on serving."""

    reason: str
    message: str


@dataclass(frozen=True)
class Obstacles(Roles):
    """What stands in the way, of everything or of one name."""

    @cached_property
    def blocker(self) -> Blocker | None:
        """Why the current template cannot become a revision, or nothing at all can be done."""
        return self._service_conflict() or self._template_blocker() or self._outage()

    def _service_conflict(self) -> Blocker | None:
        name = self.observed.key.name
        return self.describe_other("Service", name)

    def _outage(self) -> Blocker | None:
        if not self.observed.outage:
            return None
        return Blocker("ApiServerError", f"the API server says: {self.observed.outage}")

    def describe_other(self, kind: str, name: str) -> Blocker | None:
        """What stands under one of our names and is not ours, or not yet gone."""
        match self.observed.others.get((kind, name)):
            case Ownership.FOREIGN:
                message = (
                    f"there is a {kind} {name} that this ModelDeployment does not own: delete or "
                    "rename one of them"
                )
                if why := explain_orphan(self.observed, kind, name):
                    message += f". It has no owner, and is not taken over because {why}"
                return Blocker("NameConflict", message)
            case Ownership.WAITING_FOR_CLEANUP:
                return Blocker("WaitingForCleanup", f"an earlier {kind} {name} is still going away")
            case _:
                return None

    def _template_blocker(self) -> Blocker | None:
        if self.template_record is not None:
            return None
        longest = longest_revision_name(self.observed.key.namespace)
        if len(self.revision_name) > longest:
            fits = longest - (len(self.revision_name) - len(self.observed.key.name))
            return Blocker(
                "NameTooLong",
                f"metadata.name: in namespace {self.observed.key.namespace} at most {fits} "
                f"characters, because KServe makes longer names of it; this one has "
                f"{len(self.observed.key.name)}",
            )
        for component in ("predictor", "transformer"):
            size = count_bytes(self.template.get(component, {}))
            if size > MAX_COMPONENT_BYTES:
                return Blocker(
                    "TemplateTooLarge",
                    f"spec.template.{component}: {size} bytes of JSON, at most "
                    f"{MAX_COMPONENT_BYTES} are taken",
                )
        if self.needs_runtime:
            chosen = self.chosen_runtime
            if isinstance(chosen, NoRuntime):
                return Blocker(chosen.reason, chosen.message)
            size = count_bytes(chosen["spec"])
            if size > MAX_RUNTIME_BYTES:
                return Blocker(
                    "RuntimeTooLarge",
                    f"the runtime {name_of(chosen)} is {size} bytes of JSON, at most "
                    f"{MAX_RUNTIME_BYTES} are taken",
                )
        return self._baseline_blocker() or self.describe_other(
            "ControllerRevision", self.revision_name
        )

    def _baseline_blocker(self) -> Blocker | None:
        if not self.needs_document:
            return None
        if isinstance(self.named_baseline, NoBaseline):
            told = f"spec.template.baseline: {self.named_baseline.message}"
            return Blocker(self.named_baseline.reason, told)
        name = name_copy(self.revision_name)
        if refusal := self.observed.refusals.get(name):
            return Blocker("BaselineRefused", refusal)
        return self.describe_other("ConfigMap", name)

    @property
    def baseline_reference(self) -> ConfigMapKey | None:
        """The ConfigMap that the current template names for its baseline."""
        return find_reference(self.template)

    @property
    def standing_baseline(self) -> str | None:
        """The digest of the baseline that is kept for the current template's revision already.

        It is written before the record, which somebody may also have deleted.
        """
        copy = self.observed.baselines.get(self.revision_name)
        return digest_of_copy(copy) if copy else None

    @property
    def needs_document(self) -> bool:
        """Whether a baseline has to be read before the current template becomes a revision."""
        return (
            self.template_record is None
            and self.baseline_reference is not None
            and self.standing_baseline is None
        )

    @cached_property
    def named_baseline(self) -> Document | NoBaseline | None:
        """The baseline that the current template names; None if it names none, or it is unread."""
        where = self.baseline_reference
        if where is None or where.name not in self.observed.config_maps:
            return None
        return read_document(self.observed.config_maps[where.name], where)

    @property
    def needs_runtime(self) -> bool:
        """Whether a runtime has to be chosen: not for containers of the template's own."""
        has_containers = "containers" in self.template.get("predictor", {})
        return not has_containers and self.standing_runtime is None

    @property
    def standing_runtime(self) -> KubeObject | None:
        """The runtime that the revision runs on though its record is gone.

        A record that somebody deleted is made again; what serves must not change by that.
        """
        return self.observed.live_revision(self.revision_name).runtime

    @property
    def collector_url(self) -> str:
        """Where a new revision sends its payloads: as it does if it stands without its record."""
        standing = self.observed.live_revision(self.revision_name).inference_service
        return (standing and find_collector_url(standing)) or self.observed.collector_url

    @cached_property
    def chosen_runtime(self) -> KubeObject | NoRuntime:
        """The runtime that a new revision would be born with, or why there is none."""
        protocol = self.template.get("predictor", {}).get("model", {}).get("protocolVersion")
        return choose_runtime(self.template["model"], protocol, *self.observed.runtimes)
