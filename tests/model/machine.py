"""The model of the rules as a state machine: what may happen, in any order, at any moment."""

from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from holdfast.drift_protocol import CheckAnswer
from tests.model import notes
from tests.model.machinery import ACTORS, BEHAVIOURS
from tests.model.operator_run import FAULTS, KEY
from tests.model.rest import comes_to_rest
from tests.model.server import Object
from tests.model.states import Census
from tests.model.world import World, template_of
from tests.unit.domain.baselines import document
from tests.unit.domain.traffic import DISPERSION, drifting, stable, unknown

MODELS = st.sampled_from(["m1", "m2", "m3", "m4", "t5", "b6", "tb7"])
BASELINES = (document(), document(11), '{"schemaVersion": 2}', None)
KINDS = st.sampled_from(
    [
        "ConfigMap",
        "ControllerRevision",
        "InferenceService",
        "ServingRuntime",
        "Deployment",
        "Service",
        "Pod",
        "EndpointSlice",
    ]
)
ANSWERS = (drifting("AGEP"), drifting("SCHL", "AGEP"), stable(DISPERSION), unknown())
SETTINGS = st.sampled_from(
    [
        {"promotion": "Manual"},
        {"promotion": "Automatic"},
        {"strategy": "Recreate"},
        {"strategy": "BlueGreen"},
        {"warmRevisions": 0},
        {"warmRevisions": 2},
        {"probationSeconds": 0},
        {"probationSeconds": 30},
        {"drainSeconds": 0},
        {"readiness": "Pods"},
        {"readiness": "Model"},
        {"capacity": "50%"},
    ]
)


class ModelOfTheRules(RuleBasedStateMachine):
    """One ModelDeployment and everything that may happen to it."""

    census: ClassVar[Census | None] = None
    transitions: ClassVar[int] = 0

    @initialize(
        uri=MODELS,
        rollout=st.fixed_dictionaries(
            {
                "promotion": st.sampled_from(["Automatic", "Automatic", "Manual"]),
                "strategy": st.sampled_from(["BlueGreen", "BlueGreen", "Recreate"]),
                "probationSeconds": st.sampled_from([30, 0]),
                "warmRevisions": st.sampled_from([1, 0, 2]),
                "drainSeconds": st.sampled_from([20, 0]),
                "readiness": st.sampled_from(["Model", "Pods"]),
                "capacity": st.sampled_from(["100%", "50%"]),
            }
        ),
        replicas=st.sampled_from([1, 2]),
        load=st.integers(0, 3),
        seconds=st.sampled_from([0, 10, 100]),
    )
    def start(
        self, uri: str, rollout: dict[str, Any], replicas: int, load: int, seconds: int
    ) -> None:
        look = self.census.look if self.census is not None else lambda _: None
        self.world = World.begin(uri, look, **rollout)
        self.world.edit(scaling={"minReplicas": replicas, "maxReplicas": 3})
        self.world.load = load
        self.asked = 0
        if seconds:
            self.world.work(seconds)

    def look(self) -> None:
        type(self).transitions += 1
        self.world.look(self.world)

    def choose(self, kind: str, index: int) -> Object | None:
        """One of the objects of a kind, the stable Service excepted."""
        found = [o for o in self.world.server.of_kind(kind) if notes.name_of(o) != KEY.name]
        return found[index % len(found)] if found else None

    # --- users

    @rule(uri=MODELS)
    def edit_the_template(self, uri: str) -> None:
        self.world.edit(template=template_of(uri))
        self.look()

    @rule(index=st.integers(0, 5), by_name=st.booleans())
    def pin(self, index: int, by_name: bool) -> None:
        record = self.choose("ControllerRevision", index)
        if record is not None:
            pin = notes.name_of(record) if by_name else notes.number_of(record)
            self.world.edit(revision=pin)
            self.look()

    @rule(pin=st.sampled_from([99, "employment-00000000"]))
    def pin_what_is_unknown(self, pin: int | str) -> None:
        self.world.edit(revision=pin)
        self.look()

    @precondition(lambda self: "revision" in self.world.spec)
    @rule()
    def unpin(self) -> None:
        self.world.edit(revision=None)
        self.look()

    @rule()
    def ask_again(self) -> None:
        self.asked += 1
        self.world.ask_again(f"try {self.asked}")
        self.look()

    @rule(fields=SETTINGS)
    def change_the_rollout(self, fields: dict[str, Any]) -> None:
        self.world.set_rollout(**fields)
        self.look()

    @rule(least=st.sampled_from([1, 2]))
    def change_the_scaling(self, least: int) -> None:
        self.world.edit(scaling={"minReplicas": least, "maxReplicas": 3})
        self.look()

    @rule(text=st.sampled_from(BASELINES))
    def put_a_baseline(self, text: str | None) -> None:
        self.world.put_baseline(text)
        self.look()

    # --- what models and machines do

    @rule(uri=MODELS, behaviour=st.sampled_from(sorted(BEHAVIOURS)))
    def change_a_model(self, uri: str, behaviour: str) -> None:
        self.world.behaviours[uri] = behaviour
        self.look()

    @rule()
    def repair_all_models(self) -> None:
        self.world.behaviours.clear()
        self.look()

    @rule(load=st.integers(0, 3))
    def change_the_load(self, load: int) -> None:
        self.world.load = load
        self.look()

    @rule(answer=st.sampled_from(ANSWERS))
    def a_check_of_the_traffic_answers(self, answer: CheckAnswer) -> None:
        self.world.operator.found = answer
        self.look()

    @rule(actor=st.sampled_from(ACTORS))
    def one_actor_steps(self, actor: str) -> None:
        if self.world.step(actor):
            self.look()

    @rule()
    def the_machinery_catches_up(self) -> None:
        self.world.settle_machinery()
        self.look()

    @rule(seconds=st.sampled_from([1, 3, 12, 40, 100, 500]))
    def time_passes(self, seconds: int) -> None:
        self.world.wait(seconds)
        self.look()

    @rule(index=st.integers(0, 5), word=st.sampled_from(["True", "False", "Unknown", None]))
    def kserve_says(self, index: int, word: str | None) -> None:
        if (found := self.choose("InferenceService", index)) is not None:
            conditions = [{"type": "Ready", "status": word}] if word else []
            self.world.report(found, {"conditions": conditions})
            self.look()

    @rule(
        index=st.integers(0, 5),
        figures=st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)),
        behind=st.booleans(),
    )
    def a_deployment_says(self, index: int, figures: tuple[int, int, int], behind: bool) -> None:
        if (found := self.choose("Deployment", index)) is not None:
            replicas, updated, available = figures
            status = {
                "observedGeneration": found["metadata"]["generation"] - behind,
                "replicas": replicas,
                "updatedReplicas": min(updated, replicas),
                "availableReplicas": min(available, replicas),
            }
            self.world.report(found, status)
            self.look()

    @rule(index=st.integers(0, 5))
    def a_pod_is_evicted(self, index: int) -> None:
        if (found := self.choose("Pod", index)) is not None:
            self.world.evict(found)
            self.look()

    # --- foreign hands

    @rule()
    def the_service_is_deleted(self) -> None:
        if (found := self.world.server.find("Service", KEY.name)) is not None:
            self.world.delete_by_hand(found)
            self.look()

    @rule(index=st.integers(0, 6))
    def the_selector_is_edited(self, index: int) -> None:
        record = self.choose("ControllerRevision", index) if index < 6 else None
        self.world.select_by_hand(notes.name_of(record) if record else "nobody")
        self.look()

    @rule(
        kind=st.sampled_from(
            ["ConfigMap", "InferenceService", "Deployment", "Service", "Pod", "ServingRuntime"]
        ),
        index=st.integers(0, 5),
    )
    def something_is_deleted(self, kind: str, index: int) -> None:
        if (found := self.choose(kind, index)) is not None:
            self.world.delete_by_hand(found)
            self.look()

    @rule(index=st.integers(0, 5))
    def a_record_is_deleted(self, index: int) -> None:
        if (found := self.choose("ControllerRevision", index)) is not None:
            self.world.delete_by_hand(found)
            self.look()

    @rule(index=st.integers(0, 5), least=st.integers(1, 3))
    def bounds_are_edited(self, index: int, least: int) -> None:
        if (found := self.choose("InferenceService", index)) is not None:
            self.world.edit_by_hand(found, minReplicas=least, maxReplicas=3)
            self.look()

    # --- the operator

    @rule(requests=st.integers(1, 6))
    def the_operator_goes_on(self, requests: int) -> None:
        self.world.operator.advance(requests, lambda: self.world.look(self.world))
        self.look()

    @rule(kind=KINDS, events=st.sampled_from([1, 2, None]))
    def a_watch_tells(self, kind: str, events: int | None) -> None:
        if self.world.operator.deliver(kind, events):
            self.look()

    @rule()
    def all_watches_tell(self) -> None:
        self.world.operator.catch_up()
        self.look()

    @rule()
    def the_operator_makes_a_pass(self) -> None:
        self.world.operator.advance(look=lambda: self.world.look(self.world))
        self.look()

    @rule()
    def the_operator_crashes(self) -> None:
        self.world.crash()
        self.look()

    @rule(fault=st.sampled_from(FAULTS))
    def the_next_write_fails(self, fault: str) -> None:
        self.world.operator.fault = fault
        self.look()

    @rule(seconds=st.sampled_from([0, 4, 15, 60]))
    def everybody_works(self, seconds: int) -> None:
        self.world.work(seconds)
        self.look()

    # --- what holds

    @rule()
    def it_would_come_to_rest(self) -> None:
        """From here, in a copy of this cluster, with an operator that has just started."""
        comes_to_rest(self.world.copy())

    def teardown(self) -> None:
        if hasattr(self, "world"):
            comes_to_rest(self.world)
