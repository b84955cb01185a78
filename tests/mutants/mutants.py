"""Rules broken on purpose: each a small change of one line, and what of the design it breaks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).parents[2] / "operator"


@dataclass(frozen=True)
class Mutant:
    """One small replacement in one file of `operator/holdfast`.

    Attributes:
        name: What is broken, in a few words.
        file: Which file, below `operator/holdfast`.
        old: What stands there, exactly once.
        new: What stands there instead.
        breaks: The rule of the design that does not hold any more.
    """

    name: str
    file: str
    old: str
    new: str
    breaks: str

    def apply(self, source: Path) -> None:
        """Break the copy of `operator/` that stands here.

        Raises:
            ValueError: the text to replace is not there exactly once.
        """
        path = source / "holdfast" / self.file
        text = path.read_text()
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: {self.file} has {text.count(self.old)} of {self.old!r}")
        path.write_text(text.replace(self.old, self.new))


MUTANTS: Final = (
    # --- when a revision is ready
    Mutant(
        "deployment of anybody",
        "domain/readiness.py",
        "component.deployment is None or not live.owns(component.deployment)",
        "component.deployment is None",
        "its Deployments are controlled by that InferenceService's UID",
    ),
    Mutant(
        "deployment behind",
        "domain/readiness.py",
        'status.get("observedGeneration", 0) < generation',
        "False",
        "a Deployment's generation is observed",
    ),
    Mutant(
        "pods of the old template",
        "domain/readiness.py",
        'status.get("updatedReplicas", 0) < status.get("replicas", 0)',
        "False",
        "what answers is the revision itself, not pods that are being replaced",
    ),
    Mutant(
        "kserve's word unheard",
        "domain/readiness.py",
        'condition_of(inference_service, "Ready").get("status") != "True"',
        "False",
        "a candidate's InferenceService is Ready",
    ),
    Mutant(
        "unknown is ready",
        "domain/readiness.py",
        'condition_of(inference_service, "Ready").get("status") != "True"',
        'condition_of(inference_service, "Ready").get("status") == "False"',
        "what is not understood does not promote",
    ),
    Mutant(
        "model not asked",
        "domain/readiness.py",
        "if not answer.ready:",
        "if False:",
        "the model itself answers that it is ready",
    ),
    Mutant(
        "pods counted by the deployment only",
        "domain/observed.py",
        "return min(ready, int(",
        "return max(0, int(",
        "a revision serves while its entry component has an available replica",
    ),
    # --- who is active, wanted, and may become active
    Mutant(
        "pin ignored",
        "domain/roles.py",
        "return self.template_record if self.observed.spec.revision is None else self.pinned",
        "return self.template_record",
        "while pinned, the active revision follows the pin",
    ),
    Mutant(
        "unknown pin starts the template",
        "domain/roles.py",
        "if self.is_pin_unknown and self.active is None:",
        "if False:",
        "pinned to an unknown revision where nothing serves, nothing is started",
    ),
    Mutant(
        "rejected is promoted",
        "domain/roles.py",
        "or self.wanted.rejection:",
        "or False:",
        "a rejected revision is not promoted",
    ),
    Mutant(
        "a gone service forgets",
        "domain/roles.py",
        "marked = [record for record in self.observed.records if record.is_marked_active]",
        "marked: list[Record] = []",
        "a Service that is gone is made again for the revision last promoted and not left",
    ),
    Mutant(
        "candidate beside the pin's target",
        "domain/roles.py",
        "if self.candidate is not None and self.target in (None, self.candidate):",
        "if self.candidate is not None:",
        "a pin target goes before any candidate",
    ),
    Mutant(
        "warm since never",
        "domain/situation.py",
        "or live.has_lived_since(record.left_at)",
        "or True",
        "warm is a revision that runs on since it was active",
    ),
    # --- names and numbers
    Mutant(
        "numbers of the living",
        "domain/revisions.py",
        "max((record.number for record in records), default=0) + 1",
        "len(tuple(records)) + 1",
        "numbers are the largest recorded number plus one, never reused",
    ),
    Mutant(
        "hash collision",
        "domain/revisions.py",
        "if name not in taken:",
        "if True:",
        "equality is by content: a collision of names takes another suffix",
    ),
    Mutant(
        "annotations lost",
        "domain/record.py",
        "{**ours, **(notes or {})}",
        "{**(notes or {})}",
        "what becomes known is written once and stays",
    ),
    # --- what is kept
    Mutant(
        "newest pruned",
        "domain/revisions.py",
        "*(record.name for record in newest_first[:1]),",
        "",
        "the newest record is never pruned",
    ),
    Mutant(
        "live pruned",
        "domain/rollout.py",
        "        *observed.live,\n",
        "",
        "records go once nothing runs on them",
    ),
    Mutant(
        "answered request pruned",
        "domain/rollout.py",
        "*(r.name for r in observed.records if r.retry and r.retry.value == observed.retry),",
        "",
        "a retry request is handled once per value",
    ),
    Mutant(
        "all stay warm",
        "domain/retention.py",
        "max(drained, warm) if rank < places else drained",
        "max(drained, warm)",
        "only warmRevisions are kept for warmSeconds",
    ),
    Mutant(
        "cold before it is drained",
        "domain/retention.py",
        "max(drained, warm) if rank < places else drained",
        "warm if rank < places else left_at",
        "what is left behind stays until it is drained",
    ),
    Mutant(
        "the active one stops",
        "domain/running.py",
        "if name in kept or name == selected:",
        "if name in kept and name != selected:",
        "the active revision's objects are never deleted",
    ),
    # --- drain
    Mutant(
        "all pods at once",
        "domain/drain.py",
        "if ready < component.replicas:",
        "if False:",
        "the next pod is drained only when the replacement is ready",
    ),
    Mutant(
        "replacements drained too",
        "domain/drain.py",
        "created_at(pod) < record.left_at",
        "True",
        "each pod left behind is replaced once",
    ),
    Mutant(
        "born in the second of the departure",
        "domain/notes.py",
        "moment = max(moment, created_at(pod) + _TICK)",
        "pass",
        "every pod left behind is replaced",
    ),
    Mutant(
        "rollback drains late",
        "domain/drain.py",
        "if situation.is_rolled_back:",
        "if False:",
        "after a rollback the revision left behind is drained at once",
    ),
    # --- probation
    Mutant(
        "probation of a pin",
        "domain/probation.py",
        "and record.rejection is None\n        and situation.observed.spec.revision is None",
        "and record.rejection is None",
        "pins are never on probation",
    ),
    Mutant(
        "fallback without a failure",
        "domain/probation.py",
        "if due is None or failure is None or situation.now < due:",
        "if due is None or situation.now < due:\n        return None\n"
        "    from holdfast.domain.failure import Failure\n\n"
        '    failure = failure or Failure("Silent", "silent")\n    if False:',
        "the Service returns only if its containers failed",
    ),
    Mutant(
        "impatient fallback",
        "domain/probation.py",
        "_PATIENCE: Final = timedelta(seconds=10)",
        "_PATIENCE: Final = timedelta(seconds=0)",
        "no ready endpoint for 10 s",
    ),
    Mutant(
        "fallback to what is cold",
        "domain/probation.py",
        "if refuge is None or not situation.is_warm(refuge):",
        "if refuge is None:",
        "the Service returns only where the previous revision is warm",
    ),
    Mutant(
        "fallback to what a pin left",
        "domain/revisions.py",
        "find_previous((r for r in records if not r.was_left_by_pin), active)",
        "find_previous(records, active)",
        "the operator never moves to a revision that a pin left",
    ),
    Mutant(
        "refuge let go",
        "domain/retention.py",
        "return situation.refuge if keeps_warm else None",
        "return None",
        "previous is kept warm until its successor completes its probation",
    ),
    # --- approval, Recreate, retry
    Mutant(
        "promoted without approval",
        "domain/roles.py",
        "return None if self.needs_approval else self.wanted",
        "return self.wanted",
        "with promotion: Manual a pin is the only way to promote",
    ),
    Mutant(
        "two with recreate",
        "domain/running.py",
        "elif can_be_created(situation, record) and situation.has_room:",
        "elif can_be_created(situation, record):",
        "with strategy Recreate only one revision runs",
    ),
    Mutant(
        "stopped for a refused one",
        "domain/running.py",
        "    yield Try(render_replicated(situation, target))\n",
        "",
        "what serves is never stopped for a candidate that the API server refuses",
    ),
    Mutant(
        "no room where a record is gone",
        "domain/roles.py",
        "if selected is not None and self.observed.live_revision(selected).is_up:",
        "if False:",
        "with strategy Recreate what serves stops before its successor starts",
    ),
    Mutant(
        "a request taken by an old view",
        "reconciler.py",
        "if not is_birth and (situation.new_retry is None or situation.wanted is None):",
        "if not is_birth:",
        "a retry request is handled once per value",
    ),
    Mutant(
        "digests lost with the record",
        "domain/digests.py",
        "digests = _find_standing_digests(live) | digests",
        "pass",
        "image digests of what serves stay as they are",
    ),
    Mutant(
        "retry for ever",
        "domain/roles.py",
        "return None if asked in taken else asked",
        "return asked",
        "a retry request is handled once per value",
    ),
    Mutant(
        "a birth takes what a pin was asked for",
        "domain/notes.py",
        "situation.new_retry if situation.observed.spec.revision is None else None",
        "situation.new_retry",
        "a retry request is handled once per value",
    ),
    Mutant(
        "another try begins old",
        "domain/running.py",
        "and live.is_up and situation.is_restarting(record):",
        "and False:",
        "another try starts anew",
    ),
    # --- capacity, replicas
    Mutant(
        "capacity of one",
        "domain/situation.py",
        "return max(1, min(wanted, self.observed.spec.scaling.most))",
        "return 1",
        "capacity of the active one's replicas must be available before a flip",
    ),
    Mutant(
        "capacity above the most",
        "domain/situation.py",
        "return max(1, min(wanted, self.observed.spec.scaling.most))",
        "return max(1, wanted)",
        "never more than maxReplicas are waited for",
    ),
    Mutant(
        "latch of another life",
        "domain/situation.py",
        "return record.needed if record.needed.belongs_to(inference_service) else None",
        "return record.needed",
        "how many replicas are needed is latched for one life",
    ),
    Mutant(
        "no floor after a flip",
        "domain/replicas.py",
        "held = _floor(situation, record) if end is not None and situation.now < end else 0",
        "held = 0",
        "after a flip the floor stays for 420 s",
    ),
    Mutant(
        "warm one shrinks",
        "domain/replicas.py",
        "held = record.held_replicas or 0",
        "held = 0",
        "a warm revision is held at what it had when it was left",
    ),
    # --- ownership, refusals, rejection
    Mutant(
        "a namesake's is ours",
        "domain/kubeobject.py",
        'return owner is not None and owner["uid"] == uid',
        "return owner is not None",
        "ours is an object whose controller is this UID",
    ),
    Mutant(
        "going is ours",
        "domain/kubeobject.py",
        "return Ownership.WAITING_FOR_CLEANUP if is_terminating(obj) else Ownership.OURS",
        "return Ownership.OURS",
        "a terminating child is waited for",
    ),
    Mutant(
        "leftovers overlooked",
        "domain/running.py",
        "return live.inference_service is None and not find_leftovers(situation, record)",
        "return live.inference_service is None",
        "none is created while a predictor of another owner exists",
    ),
    Mutant(
        "refused orphan holds up all",
        "domain/orphans.py",
        "if refusal := observed.refusals.get(record.name):",
        'if refusal := "":',
        "what is ours is adopted, and what cannot be is told and left alone",
    ),
    Mutant(
        "rejected too early",
        "domain/notes.py",
        "if deadline is None or situation.now < deadline:",
        "if deadline is None:",
        "a candidate is rejected when progressDeadlineSeconds have passed",
    ),
    Mutant(
        "refusal overlooked",
        "domain/notes.py",
        "if refusal := situation.observed.refusals.get(record.name):",
        'if refusal := "":',
        "rejected at once for what cannot heal",
    ),
    Mutant(
        "failed pods go at once",
        "domain/retention.py",
        "timedelta(seconds=seconds)\n",
        "timedelta(0)\n",
        "rejected revisions stay for failedSeconds to be looked at",
    ),
    # --- monitoring
    Mutant(
        "born without its baseline",
        "domain/obstacles.py",
        "if isinstance(self.named_baseline, NoBaseline):",
        "if False:",
        "a baseline that the template names must be there at birth",
    ),
    Mutant(
        "missing baseline stalls",
        "domain/conditions.py",
        '"ApiServerError", "BaselineMissing"}',
        '"ApiServerError"}',
        "until then Reconciling=BaselineMissing",
    ),
    Mutant(
        "nobody looks for a lost copy",
        "domain/rollout.py",
        "    record_new_revision,\n    keep_baselines,\n",
        "    record_new_revision,\n",
        "every recorded baseline is kept in a ConfigMap of its revision",
    ),
    Mutant(
        "any baseline will do",
        "domain/copies.py",
        "isinstance(found, Document) and found.digest == record.baseline_digest",
        "isinstance(found, Document)",
        "editing the named ConfigMap later changes nothing",
    ),
    Mutant(
        "edit unheard of",
        "domain/copies.py",
        "if now is None or now == record.baseline_digest:",
        "if True:",
        "editing the named ConfigMap later is warned of",
    ),
    Mutant(
        "edit told for ever",
        "domain/copies.py",
        "annotations_of(active.manifest).get(BASELINE_SEEN) == seen",
        "False",
        "a warning is given once",
    ),
    Mutant(
        "copies outlive their records",
        "domain/copies.py",
        "if revision not in known:",
        "if False:",
        "a baseline is pruned with its record",
    ),
    Mutant(
        "copy of what an old view does not show",
        "execution.py",
        "if await self._find_present(action.must_be_absent, namespace):",
        "if False:",
        "deleting is preceded by a live read",
    ),
    Mutant(
        "foreign baseline adopted",
        "domain/orphans.py",
        "isinstance(document, NoBaseline) or document.digest != record.baseline_digest",
        "isinstance(document, NoBaseline)",
        "an orphan is adopted only if its content equals its record",
    ),
    Mutant(
        "predictor logged behind a transformer",
        "domain/serving.py",
        'entry = spec.get("transformer", predictor)',
        "entry = predictor",
        "the logger is on the entry component",
    ),
    # --- guards
    Mutant(
        "service moved on an old view",
        "domain/rollout.py",
        "yield Apply(only_this_version(manifest, observed.service), announcement=announcement)",
        "yield Apply(manifest, announcement=announcement)",
        "Service flips carry a resourceVersion",
    ),
    Mutant(
        "selected now is not asked",
        "execution.py",
        "service is not None and selected_revision(service) == action.name",
        "False",
        "deleting is preceded by a live read",
    ),
    Mutant(
        "absence is not asked",
        "execution.py",
        "for kind, absent in must_be_absent:",
        "for kind, absent in ():",
        "creating is preceded by a live read",
    ),
    # --- status
    Mutant(
        "ready without an endpoint",
        "domain/conditions.py",
        "if situation.observed.has_ready_endpoint(active):",
        "if True:",
        "Ready: the stable Service has a ready endpoint of the active revision",
    ),
    Mutant(
        "promoted is anything active",
        "domain/conditions.py",
        "if wanted is not None and wanted is active:",
        "if active is not None:",
        "Promoted: the desired revision is the active one",
    ),
    Mutant(
        "nobody looks again",
        "domain/due.py",
        "            yield deadline\n",
        "            pass\n",
        "what time alone changes is looked at in time",
    ),
    # --- drift: it is told, and changes nothing
    Mutant(
        "drift holds a promotion up",
        "domain/situation.py",
        "if not self.judge(record).is_ready:",
        "if not self.judge(record).is_ready or (\n"
        '            getattr(self.observed.drift, "verdict", "") == "Drift"\n'
        "        ):",
        "drift never blocks a promotion",
    ),
    Mutant(
        "drift rolls back",
        "domain/roles.py",
        "            and self.active.rejection is not None\n",
        "            and (self.active.rejection is not None\n"
        '                 or getattr(self.observed.drift, "verdict", "") == "Drift")\n',
        "drift reports; it does not roll back",
    ),
    Mutant(
        "moving figures are written",
        "domain/drift.py",
        "return Told(condition, before)",
        "return Told(condition, drift)",
        "status changes with state, reason or the set of drifting features only",
    ),
    Mutant(
        "moving words are written",
        "domain/drift.py",
        'condition.model_copy(update={"message": known.message})',
        "condition",
        "status changes with state, reason or the set of drifting features only",
    ),
    Mutant(
        "a restart forgets the answer",
        "domain/drift.py",
        "if known is not None and before is not None and _is_about(before, active.reference):",
        "if False:",
        "a restart ends in the same state as none",
    ),
    Mutant(
        "an answer is told of any revision",
        "domain/drift.py",
        "return before.revision == revision and before.reason not in _UNASKED",
        "return before.reason not in _UNASKED",
        "after a rollback the right revision's baseline is used",
    ),
    Mutant(
        "an answer is told of any settings",
        "domain/drift.py",
        "judged.subject == check.subject",
        "judged.subject.revision == check.subject.revision",
        "what is told is about the spec that was observed",
    ),
    Mutant(
        "checks never rest",
        "domain/drift.py",
        "rests=is_rollout_on_its_way(situation)",
        "rests=False",
        "a check rests while a rollout is on its way",
    ),
    Mutant(
        "checks rest for ever",
        "domain/drift.py",
        "if deadline is not None and situation.now < deadline:",
        "if True:",
        "a check rests only while a rollout is on its way",
    ),
    Mutant(
        "every status is an event",
        "domain/drift.py",
        "if known.issuperset(names) and new.drifting <= before_it.drifting:",
        "if False:",
        "Events on change only",
    ),
    Mutant(
        "dispersion is learned again",
        "domain/dispersion.py",
        "if judged.dispersion and not _note_of(active):",
        "if judged.dispersion and judged.dispersion != _note_of(active):",
        "dispersion is frozen after burn-in; annotations are written once",
    ),
    Mutant(
        "dispersion is not handed on",
        "domain/dispersion.py",
        "for each in (record, *others))",
        "for each in (record,))",
        "dispersion is carried to the next revision where the edges are equal",
    ),
    Mutant(
        "all are checked at one second",
        "domain/drift_check.py",
        "shift = int.from_bytes(digest[:8]) % every",
        "shift = 0",
        "checks are aligned, with a jitter by deployment",
    ),
)
