"""Whatever users, models, time and crashes do: the invariants hold, and it ends well.

The safety invariants 1 to 3 of the design are checked at every write (`invariants`); plans are
cut off after any write, which is invariant 4; what has settled writes nothing, invariant 5.
"""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from holdfast.api.conditions import PROMOTED, READY, RECONCILING, STALLED
from holdfast.drift_protocol import CheckAnswer
from tests.unit.domain import shown
from tests.unit.domain.baselines import NAME, config_map
from tests.unit.domain.cluster import Cluster, spec_of
from tests.unit.domain.traffic import DISPERSION, MONITORED, drifting, stable, unknown
from tests.unit.domain.world import RUNTIME

ANSWERS = (drifting("AGEP"), drifting("SCHL", "AGEP"), stable(DISPERSION), unknown(), None)
MODELS = st.sampled_from(["v1", "v2", "v3", "v4", "v5"])
AN_AGE = 1200
"""Seconds after which every window, floor and deadline of this machine is over."""


class AnyHistory(RuleBasedStateMachine):
    """One ModelDeployment and everything that may happen to it."""

    @initialize(
        warm=st.sampled_from([0, 1, 2]),
        drain=st.sampled_from([0, 30]),
        history=st.sampled_from([1, 3]),
        replicas=st.sampled_from([1, 2]),
        capacity=st.sampled_from(["50%", "100%"]),
        readiness=st.sampled_from(["Model", "Pods"]),
        probation=st.sampled_from([0, 30]),
        promotion=st.sampled_from(["Automatic", "Automatic", "Manual"]),
        strategy=st.sampled_from(["BlueGreen", "BlueGreen", "Recreate"]),
        monitored=st.booleans(),
    )
    def start(
        self,
        warm: int,
        drain: int,
        history: int,
        replicas: int,
        capacity: str,
        readiness: str,
        probation: int,
        promotion: str,
        strategy: str,
        monitored: bool,
    ) -> None:
        self.cluster = Cluster(
            monitored=MONITORED if monitored else {},
            config_maps={NAME: config_map()} if monitored else {},
            spec=spec_of(
                scaling={"minReplicas": replicas, "maxReplicas": 4},
                rollout={
                    "warmRevisions": warm,
                    "drainSeconds": drain,
                    "capacity": capacity,
                    "readiness": readiness,
                    "probationSeconds": probation,
                    "promotion": promotion,
                    "strategy": strategy,
                    "progressDeadlineSeconds": 60,
                    "warmSeconds": 300,
                    "failedSeconds": 90,
                },
                revisionHistoryLimit=history,
                drift={},
            ),
        )

    # --- users

    @rule(uri=MODELS)
    def edit_the_template(self, uri: str) -> None:
        self.cluster.edit(uri)

    @rule(number=st.integers(1, 8), by_name=st.booleans())
    def pin(self, number: int, by_name: bool) -> None:
        known = self.cluster.numbers()
        name = self.cluster.record(number).name if by_name and number in known else None
        self.cluster.edit(revision=name or number)

    @rule()
    def unpin(self) -> None:
        self.cluster.edit(revision=None)

    @rule(warm=st.sampled_from([0, 1, 2]))
    def keep_another_number_warm(self, warm: int) -> None:
        rollout = self.cluster.spec.rollout.model_dump(by_alias=True)
        self.cluster.edit(rollout={**rollout, "warmRevisions": warm})

    @rule(value=st.sampled_from(["1", "2", "3"]))
    def ask_for_another_try(self, value: str) -> None:
        self.cluster.retry = value

    @rule(
        promotion=st.sampled_from(["Automatic", "Manual"]),
        strategy=st.sampled_from(["BlueGreen", "Recreate"]),
    )
    def roll_out_in_another_way(self, promotion: str, strategy: str) -> None:
        rollout = self.cluster.spec.rollout.model_dump(by_alias=True)
        self.cluster.edit(rollout={**rollout, "promotion": promotion, "strategy": strategy})

    # --- the world

    @rule(
        uri=MODELS,
        status=st.sampled_from(
            [shown.crashed(), shown.loading(), shown.waiting("InvalidImageName")]
        ),
    )
    def break_a_model(self, uri: str, status: shown.Status) -> None:
        self.cluster.break_model(uri, status)

    @rule(uri=MODELS)
    def silence_a_model(self, uri: str) -> None:
        self.cluster.deaf.add(uri)

    @rule(uri=MODELS)
    def refuse_a_model(self, uri: str) -> None:
        self.cluster.refused[uri] = "denied"

    @rule(uri=MODELS)
    def repair_a_model(self, uri: str) -> None:
        self.cluster.broken.pop(uri, None)
        self.cluster.refused.pop(uri, None)
        self.cluster.deaf.discard(uri)

    @rule(uri=MODELS, replicas=st.integers(0, 5))
    def change_the_load(self, uri: str, replicas: int) -> None:
        self.cluster.autoscaled[uri] = replicas

    @rule(answer=st.sampled_from(ANSWERS))
    def look_at_the_traffic(self, answer: CheckAnswer | None) -> None:
        self.cluster.answer = answer

    @rule(seconds=st.sampled_from([1, 5, 60, 400]))
    def let_time_pass_with_nobody_looking(self, seconds: int) -> None:
        self.cluster.run_without_operator(seconds)

    @precondition(lambda self: self.cluster.service is not None)
    @rule()
    def delete_the_service(self) -> None:
        self.cluster.service = None

    @precondition(lambda self: self.cluster.selected in self.cluster.inference_services)
    @rule()
    def roll_the_active_pods(self) -> None:
        name = self.cluster.selected or ""
        self.cluster.rolls[name] = self.cluster.rolls.get(name, 0) + 1

    @rule(priority=st.integers(0, 2))
    def change_the_runtime(self, priority: int) -> None:
        spec = {**RUNTIME["spec"], "containers": [dict(RUNTIME["spec"]["containers"][0])]}
        spec["containers"][0]["env"] = [{"name": "PRIORITY", "value": str(priority)}]
        self.cluster.installed = ({**RUNTIME, "spec": spec},)

    @rule()
    def delete_the_image_and_push_another(self) -> None:
        """What runs has it already."""
        self.cluster.unpullable.add(self.cluster.image_id)
        number = len(self.cluster.unpullable)
        self.cluster.image_id = f"registry/model@sha256:{number:064x}"

    @rule()
    def delete_the_deployment_without_what_serves_and_make_it_again(self) -> None:
        self.cluster.orphan()

    # --- the operator

    @rule(writes=st.integers(0, 6))
    def reconcile_and_crash(self, writes: int) -> None:
        self.cluster.reconcile(writes=writes)

    @rule(seconds=st.sampled_from([1, 10, 100, 1000]))
    def work(self, seconds: int) -> None:
        self.cluster.run(seconds)

    # --- what holds

    @invariant()
    def at_most_one_candidate_runs(self) -> None:
        if self.cluster.status.observed_generation != self.cluster.generation:
            return  # what was pinned a moment ago still runs
        records = map(self.cluster.record_of, self.cluster.records)
        candidates = [
            record
            for record in records
            if not record.was_active
            and record.name != self.cluster.selected
            and self.cluster.uri(record.name) in self.cluster.running()
            and self.cluster.spec.revision not in (record.name, record.number)
        ]
        assert len(candidates) <= 1

    def teardown(self) -> None:
        """Without further faults everything comes to rest, and stays as it is."""
        if not hasattr(self, "cluster"):
            return
        self.cluster.run(AN_AGE)
        comes_to_rest(self.cluster)


def comes_to_rest(cluster: Cluster) -> None:
    """What has settled writes nothing more, says so, and follows what the user wants."""
    cluster.log.clear()
    status = cluster.status
    cluster.run_without_operator(AN_AGE)
    cluster.reconcile()
    assert cluster.log == []
    assert cluster.status == status
    assert cluster.plan is not None
    stalled, promoted = cluster.condition(STALLED), cluster.condition(PROMOTED)
    assert promoted is not None
    assert cluster.condition(READY) is not None
    if stalled is None and cluster.selected is not None:
        assert promoted in (("True", "Promoted"), ("False", "AwaitingApproval"))
        # A model that was ready, has to wait and does not answer any more is asked on and on.
        assert cluster.plan.due is None or cluster.condition(RECONCILING) is not None
    if promoted == ("True", "Promoted") and cluster.spec.revision is None:
        template = cluster.spec.template.model
        assert template is not None
        assert cluster.active == template.uri
    assert cluster.running() <= {cluster.active, *cluster.numbers().values()}


AnyHistory.TestCase.settings = settings(
    max_examples=200,
    # The same histories in every run: a campaign for new ones is not what `make test` is for.
    derandomize=True,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestAnyHistory = AnyHistory.TestCase
