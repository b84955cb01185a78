"""Somebody else's objects under names that we would take: never touched, said, waited for."""

from holdfast.api.template import Template
from holdfast.domain.revisions import compute_revision_name, normalise_template
from tests.integration.faults import managers
from tests.integration.harness import JsonObject, Place

SELECTOR = {"app": "foreign"}
POD: JsonObject = {
    "metadata": {"labels": SELECTOR},
    "spec": {"containers": [{"name": "main", "image": "foreign.example/app:1"}]},
}


def predict_revision(uri: str, deployment: str) -> str:
    """The name that the revision of a model will have, in whatever cluster."""
    model = {"uri": uri, "format": {"name": "sklearn", "version": "1"}}
    template = normalise_template(Template.model_validate({"model": model}))
    return compute_revision_name(deployment, template, ())


def render_foreign(kind: str, deployment: str, revision: str) -> tuple[str, JsonObject]:
    """An object of nobody's under one of the names, and its plural."""
    spec: JsonObject
    match kind:
        case "service":
            spec = {"selector": SELECTOR, "ports": [{"port": 80}]}
            return "services", foreign("v1", "Service", deployment, spec=spec)
        case "record":
            body = {"data": {"some": "thing"}, "revision": 7}
            return "controllerrevisions", foreign("apps/v1", "ControllerRevision", revision, **body)
        case "runtime":
            spec = {"containers": POD["spec"]["containers"], "supportedModelFormats": []}
            runtime = foreign("serving.kserve.io/v1alpha1", "ServingRuntime", revision, spec=spec)
            return "servingruntimes", runtime
        case "inference":
            spec = {"predictor": {"containers": [{"name": "c", "image": "foreign.example/app:1"}]}}
            version = "serving.kserve.io/v1beta1"
            service = foreign(version, "InferenceService", revision, spec=spec)
            service["metadata"]["annotations"] = {"serving.kserve.io/deploymentMode": "Standard"}
            return "inferenceservices", service
        case _:
            spec = {"replicas": 0, "selector": {"matchLabels": SELECTOR}, "template": POD}
            name = f"{revision}-predictor"
            return "deployments", foreign("apps/v1", "Deployment", name, spec=spec)


def foreign(api_version: str, kind: str, name: str, **content: object) -> JsonObject:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **content}


def describe(obj: JsonObject | None) -> JsonObject:
    """What nobody but its owner may change: all but what controllers report."""
    assert obj is not None
    kept = ("uid", "generation", "labels", "ownerReferences", "deletionTimestamp")
    metadata = {key: value for key, value in obj["metadata"].items() if key in kept}
    return {"metadata": metadata, **{key: obj.get(key) for key in ("spec", "data", "revision")}}


def test_foreign_objects_under_our_names_are_left_alone_until_they_are_gone(place: Place) -> None:
    uri = place.add_model("one")
    theirs: dict[str, tuple[str, JsonObject]] = {}
    for kind in ("service", "record", "runtime", "inference", "backing"):
        plural, manifest = render_foreign(kind, kind, predict_revision(uri, kind))
        theirs[kind] = plural, place.api.must("POST", place.path(plural), manifest)
        place.deploy(uri, kind)

    for kind, (plural, obj) in theirs.items():
        place.wait_condition("Stalled", "True", "NameConflict", kind)
        message = place.wait_condition("Promoted", "False", "NameConflict", kind)["message"]
        name = obj["metadata"]["name"]
        assert f"{obj['kind']} {name} that this ModelDeployment does not own" in message
        found = place.get(plural, name)
        assert describe(found) == describe(obj)
        assert "holdfast" not in managers(found or {})

    # Nothing was started on another's runtime, or beside another's Deployment.
    started = place.names("inferenceservices")
    for kind in ("record", "runtime", "backing"):
        assert predict_revision(uri, kind) not in started

    for plural, obj in theirs.values():
        place.delete(plural, obj["metadata"]["name"])
    for kind in theirs:
        place.wait_promoted(1, kind)
        assert place.condition("Stalled", kind) == {}
        assert place.answer(kind) == "one"
