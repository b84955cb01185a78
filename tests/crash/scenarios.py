"""What is asked of the operator while it is struck: one edit or a few, from a settled start.

Models are of the `instant` image, whose pods are ready at once: what takes time is the control
plane, KServe and the operator, not a model server. Only the one that fails on probation runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from tests.integration.harness import GROUPS, JsonObject, Place
from tests.unit.domain.baselines import reference

Variant = Literal["Container", "Runtime", "Transformer", "Replicas", "Baseline"]
"""By containers of its own; through a runtime; with a transformer; with two replicas; with a
baseline that each revision keeps."""

NAME: Final = "m"
_DEADLY: Final = "deadly"
_ROLLOUT: Final = {
    "readiness": "Pods",
    "drainSeconds": 0,
    "probationSeconds": 0,
    "progressDeadlineSeconds": 120,
}


@dataclass(frozen=True)
class Scenario:
    """One story.

    Attributes:
        prepare: Brings about the start; nothing is struck yet.
        act: What is asked.
        is_over: Whether the operator has got there; more writes may follow.
        variants: In which it is played.
        after_strike: What is asked between the strike and the operator's return; without a
            strike, at the end.
        counts: Whether objects are created and deleted as often as without a fault, or, where
            the strike changes what is asked, at most as often.
    """

    prepare: Callable[[Place, Variant], object]
    act: Callable[[Place, Variant], object]
    is_over: Callable[[Place], bool]
    variants: tuple[Variant, ...] = ("Container",)
    after_strike: Callable[[Place], object] | None = None
    counts: Literal["Equal", "AtMost"] = "Equal"


def template(version: str, variant: Variant) -> JsonObject:
    """A template; another version is another revision."""
    if variant == "Runtime":
        uri = f"pvc://models/{version}"
        return {"model": {"uri": uri, "format": {"name": "instant"}, "version": version}}
    containers = [{"name": "kserve-container", "image": f"holdfast.dev/instant:{version}"}]
    found: JsonObject = {"model": {"version": version}, "predictor": {"containers": containers}}
    if variant == "Transformer":
        found["transformer"] = {"containers": containers}
    if variant == "Baseline":
        found |= reference()
    return found


def create(place: Place, variant: Variant, **rollout: Any) -> None:
    """The first version."""
    if variant == "Runtime":
        place.api.must("POST", place.path("servingruntimes"), _RUNTIME)
    if variant == "Baseline":
        place.put_baseline()
    scaling = {"minReplicas": 2 if variant == "Replicas" else 1}
    rollout = _ROLLOUT | rollout
    place.create(
        NAME, {"template": template("one", variant), "scaling": scaling, "rollout": rollout}
    )


def created(place: Place, variant: Variant, **rollout: Any) -> None:
    """The first version serves."""
    create(place, variant, **rollout)
    place.wait_promoted(1)
    if variant == "Replicas":
        # The autoscaler brings the second one: only then an update has to wait for two.
        place.wait(lambda: has_replicas(2)(place), "it has two pods")


def updated(place: Place, variant: Variant, **rollout: Any) -> None:
    """The second version serves; the first is warm and drained, or cold."""
    created(place, variant, **rollout)
    first = place.pod_names(1)
    update("two")(place, variant)
    place.wait_promoted(2)
    if rollout.get("warmRevisions") == 0:
        place.wait_phase(1, "Cold")
        place.wait(lambda: runs_only(2)(place), "nothing of revision 1 is left")
    else:
        place.wait(lambda: first - place.pod_names(1), "revision 1 is drained")


def update(version: str) -> Callable[[Place, Variant], object]:
    """Another template."""
    return lambda place, variant: place.edit({"template": template(version, variant)})


def update_and_prune(place: Place, variant: Variant) -> None:
    """A third version, and the first is not to be remembered any more."""
    place.edit({"template": template("three", variant), "revisionHistoryLimit": 1})


def is_pruned(place: Place) -> bool:
    """Whether the third version serves, and of the first not even the baseline is left."""
    kept = {f"{r['name']}-baseline" for r in place.status()["revisions"]}
    copies = place.list("configmaps", "holdfast.dev/revision")
    is_over = stands({2: "Cold", 3: "Active"})(place) and runs_only(3)(place)
    return is_over and {copy["metadata"]["name"] for copy in copies} == kept


def stands(phases: Mapping[int, str], *, promoted: bool = True) -> Callable[[Place], bool]:
    """Whether all revisions are where they belong, and the wanted one is active or not."""

    def holds(place: Place) -> bool:
        condition = place.condition("Promoted").get("status")
        return place.phases() == phases and condition == str(promoted)

    return holds


def is_all_gone(place: Place) -> bool:
    """Whether nothing of the deployment is left, nor of what was made for it."""
    plurals = set(GROUPS) - {"events", "clusterservingruntimes", "endpointslices"}
    selector = "app.kubernetes.io/managed-by=holdfast"
    gone = not any(place.list(plural, selector) for plural in plurals - {"modeldeployments"})
    return gone and place.get("modeldeployments", NAME) is None


def recreate(place: Place, variant: Variant) -> None:
    """Deleted and created again at once, while what belonged to the old one still stands."""
    place.delete("modeldeployments", NAME)
    place.wait(lambda: place.get("modeldeployments", NAME) is None, "the old one is gone")
    place.create(NAME, {"template": template("one", variant), "rollout": _ROLLOUT})


def reject(place: Place, variant: Variant) -> None:
    """A version whose image cannot be, and whose pods go soon."""
    containers = [{"name": "kserve-container", "image": "Not An Image"}]
    broken = {"model": {"version": "broken"}, "predictor": {"containers": containers}}
    place.edit({"template": broken, "rollout": {"failedSeconds": 1}})


def fail_on_probation(place: Place, variant: Variant) -> None:
    """A version that becomes active, and then its container ends again and again."""
    container = {
        "name": "kserve-container",
        "image": "holdfast.dev/tests/mortal:two",
        "args": [f"while [ ! -e /mnt/models/{_DEADLY} ]; do sleep 0.5; done; exit 1"],
        "readinessProbe": {"exec": {"command": ["test", "!", "-e", f"/mnt/models/{_DEADLY}"]}},
        "volumeMounts": [{"name": "models", "mountPath": "/mnt/models"}],
    }
    volume = {"name": "models", "persistentVolumeClaim": {"claimName": "models"}}
    predictor = {"containers": [container], "volumes": [volume]}
    place.edit(
        {
            "template": {"model": {"version": "mortal"}, "predictor": predictor},
            "rollout": {"probationSeconds": 3600, "failedSeconds": 1},
        }
    )
    place.wait_promoted(2)
    (place.folder / _DEADLY).touch()


def is_rejected(place: Place) -> bool:
    """Whether the second version is rejected and its pods are gone."""
    phases = {1: "Active", 2: "Rejected"}
    return stands(phases, promoted=False)(place) and runs_only(1)(place)


def runs_only(number: int) -> Callable[[Place], bool]:
    """Whether nothing but one revision has what it takes to run."""

    def holds(place: Place) -> bool:
        selector = "app.kubernetes.io/managed-by=holdfast"
        plurals = ("inferenceservices", "servingruntimes", "deployments", "pods")
        objects = [obj for plural in plurals for obj in place.list(plural, selector)]
        revision = place.revision(number)
        return {obj["metadata"]["labels"]["holdfast.dev/revision"] for obj in objects} == {revision}

    return holds


def is_back_and_alone(place: Place) -> bool:
    """Whether the first version serves again and the second has stopped."""
    return stands({1: "Active", 2: "Cold"})(place) and runs_only(1)(place)


def has_replicas(count: int) -> Callable[[Place], bool]:
    """Whether the active revision has this many ready pods."""
    return lambda place: len(place.ready_pods(1)) == count and len(place.pods(1)) == count


_RUNTIME: Final = {
    "apiVersion": "serving.kserve.io/v1alpha1",
    "kind": "ServingRuntime",
    "metadata": {"name": "instant"},
    "spec": {
        "supportedModelFormats": [{"name": "instant", "autoSelect": True}],
        "containers": [{"name": "kserve-container", "image": "holdfast.dev/instant:runtime"}],
    },
}

SCENARIOS: Final[Mapping[str, Scenario]] = {
    "create": Scenario(
        prepare=lambda place, variant: None,
        act=create,
        is_over=stands({1: "Active"}),
        variants=("Runtime", "Transformer"),
    ),
    "update": Scenario(
        prepare=created,
        act=update("two"),
        is_over=stands({1: "Warm", 2: "Active"}),
        variants=("Runtime", "Replicas"),
    ),
    "rollback-warm": Scenario(
        prepare=updated,
        act=lambda place, variant: place.pin(1),
        is_over=stands({1: "Active", 2: "Warm"}),
        variants=("Container", "Transformer"),
    ),
    "rollback-cold": Scenario(
        prepare=lambda place, variant: updated(place, variant, warmRevisions=0),
        act=lambda place, variant: place.pin(1),
        is_over=is_back_and_alone,
        variants=("Runtime",),
    ),
    "pruning": Scenario(
        prepare=lambda place, variant: updated(place, variant, warmRevisions=0),
        act=update_and_prune,
        is_over=is_pruned,
        variants=("Baseline",),
    ),
    "rejection": Scenario(prepare=created, act=reject, is_over=is_rejected),
    "probation": Scenario(prepare=created, act=fail_on_probation, is_over=is_rejected),
    "scale": Scenario(
        prepare=created,
        act=lambda place, variant: place.edit({"scaling": {"minReplicas": 2}}),
        is_over=has_replicas(2),
    ),
    "deletion": Scenario(
        prepare=lambda place, variant: None,
        act=create,
        is_over=is_all_gone,
        after_strike=lambda place: place.delete("modeldeployments", NAME),
        counts="AtMost",
    ),
    "recreation": Scenario(prepare=created, act=recreate, is_over=stands({1: "Active"})),
}
