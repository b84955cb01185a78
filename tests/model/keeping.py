"""Baselines: which copies may be written and deleted, and what is true of them at rest."""

from dataclasses import dataclass

from holdfast.api.identity import GROUP
from holdfast.baseline.document import InvalidBaselineError, read_baseline
from tests.model import notes
from tests.model.judge import Judge
from tests.model.operator_run import KEY
from tests.model.server import Object, Server

_SUFFIX = "-baseline"


@dataclass
class Keeping(Judge):
    """A write of a revision's own ConfigMap, or of the record that names its content."""

    def judge_copy(self, found: Object | None, manifest: Object) -> None:
        """What is kept is a baseline, the recorded one, and never changes."""
        name, digest = notes.name_of(manifest), digest_of(manifest)
        assert digest is not None, "what is kept is no baseline"
        assert manifest["metadata"]["annotations"][f"{GROUP}/baseline-digest"] == digest
        assert manifest["immutable"] is True
        assert found is None or manifest["data"] == found["data"], "what is immutable is changed"
        record = self.record(name.removesuffix(_SUFFIX))
        recorded = None if record is None else record["data"].get("baselineDigest")
        assert record is None or recorded == digest, "it is not the recorded baseline"

    def judge_record(self, name: str, manifest: Object) -> None:
        """A revision has the baseline that its template names, and it was kept before."""
        data = manifest["data"]
        digest = data.get("baselineDigest")
        assert (digest is not None) == ("baseline" in data["template"]), "born without its baseline"
        if digest is not None:
            kept = self.memory.kept.get(f"{name}{_SUFFIX}", set())
            assert digest in kept, "a record names a baseline that is nowhere"
        spec, entry = data["inferenceService"]["spec"], notes.entry_of(manifest)
        logged = [part for part, content in spec.items() if "logger" in content]
        assert logged == ([entry] if "monitoring" in data["template"] else [])

    def judge_deletion(self, found: Object) -> None:
        """A copy goes after its record, or because it holds something else."""
        record = self.operator.server.find(
            "ControllerRevision", notes.name_of(found).removesuffix(_SUFFIX)
        )
        recorded = None if record is None else record["data"].get("baselineDigest")
        assert record is None or digest_of(found) != recorded, "a recorded baseline is deleted"


def digest_of(config_map: Object | None) -> str | None:
    """The digest of the baseline in a ConfigMap, if there is one."""
    try:
        return read_baseline((config_map or {})["data"]["baseline.json"]).digest
    except (InvalidBaselineError, KeyError):
        return None


def can_be_born(server: Server) -> bool:
    """Whether the template has the baseline that it names."""
    reference = server.parent["spec"]["template"].get("baseline")
    if reference is None:
        return True
    return digest_of(server.find("ConfigMap", reference["configMapRef"]["name"])) is not None


def check_copies(server: Server, status: Object) -> None:
    """At rest every recorded baseline is kept, or it is told that it is lost; and no other is."""
    records = {notes.name_of(r): r for r in server.of_kind("ControllerRevision")}
    messages = {each["name"]: each.get("message", "") for each in status["revisions"]}
    for name, record in records.items():
        recorded = record["data"].get("baselineDigest")
        if recorded is None:
            continue
        source = record["data"]["template"]["baseline"]["configMapRef"]["name"]
        now = digest_of(server.find("ConfigMap", source))
        standing = server.find("InferenceService", name) is not None
        if digest_of(server.find("ConfigMap", f"{name}{_SUFFIX}")) != recorded:
            assert now != recorded, "a baseline is gone, and could be had"
            assert not standing or "BaselineLost" in messages[name], "a loss is not told"
        elif standing and now not in (None, recorded):
            assert "BaselineChanged" in messages[name], "an edit is not told"
    selected = notes.selected_by(server.find("Service", KEY.name))
    for copy in server.of_kind("ConfigMap"):
        name = notes.name_of(copy)
        if name.startswith(f"{KEY.name}-") and name.endswith(_SUFFIX):
            revision = name.removesuffix(_SUFFIX)
            assert revision in records or revision == selected, "a baseline of nothing is kept"
