"""What serves: the frozen runtime, custom containers, transformers, readiness, replicas."""

from typing import Any

from tests.integration.harness import JsonObject, Place

IMAGE = "holdfast.dev/tests/model:1"


def container(model: str, **fields: Any) -> JsonObject:
    """A pod of the tiny model server with a model from the claim."""
    return {
        "containers": [
            {
                "name": "kserve-container",
                "image": IMAGE,
                "args": ["--model_name=m", "--model_dir=/mnt/models"],
                "ports": [{"containerPort": 8080, "protocol": "TCP"}],
                "volumeMounts": [{"name": "models", "mountPath": "/mnt/models", "subPath": model}],
                **fields,
            }
        ],
        "volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": "models"}}],
    }


def create_plain(place: Place, name: str, model: JsonObject) -> None:
    """An InferenceService as its users write it, without Holdfast."""
    manifest = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name},
        "spec": {"predictor": {"model": {"storageUri": "pvc://models/one", **model}}},
    }
    place.api.must("POST", place.path("inferenceservices"), manifest)


def create_runtime(place: Place, name: str, **supported: Any) -> None:
    """A ServingRuntime of the namespace for sklearn."""
    manifest = {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": {"name": name},
        "spec": {
            "supportedModelFormats": [{"name": "sklearn", "version": "1", **supported}],
            "protocolVersions": ["v1", "v2"],
            "containers": [{
                "name": "kserve-container",
                "image": IMAGE,
                "args": ["--model_name={{.Name}}", "--model_dir=/mnt/models"],
            }],
        },
    }  # fmt: skip
    place.api.must("POST", place.path("servingruntimes"), manifest)


def chosen_by_kserve(place: Place, name: str) -> str | None:
    status = (place.get("inferenceservices", name) or {}).get("status") or {}
    return status.get("servingRuntimeName") or status.get("clusterServingRuntimeName")


def check_same_choice(place: Place, name: str, format_: JsonObject, **model: Any) -> None:
    """Holdfast and KServe take the same runtime for the same model."""
    create_plain(place, f"{name}-plain", {"modelFormat": format_, **model})
    # The pin says "not the template": what is wanted is the record, not pods.
    template = {
        "model": {"uri": "pvc://models/one", "format": format_},
        "predictor": {"model": model},
    }
    place.create(name, {"template": template, "revision": 99})
    place.wait_recorded(1, name)
    place.wait(lambda: chosen_by_kserve(place, f"{name}-plain"), "KServe has chosen")
    ours = place.status(name)["revisions"][0]["runtime"]
    assert ours == chosen_by_kserve(place, f"{name}-plain"), name


def test_runtime_is_the_one_that_kserve_itself_chooses(place: Place) -> None:
    formats: dict[str, tuple[JsonObject, JsonObject]] = {
        "sklearn": ({"name": "sklearn", "version": "1"}, {}),
        "unversioned": ({"name": "sklearn"}, {}),
        "v2": ({"name": "sklearn", "version": "1"}, {"protocolVersion": "v2"}),
        "triton": ({"name": "triton"}, {}),
        "huggingface": ({"name": "huggingface"}, {}),
    }
    for name, (format_, model) in formats.items():
        check_same_choice(place, name, format_, **model)


def test_runtimes_of_the_namespace_go_first_by_priority_as_with_kserve(place: Place) -> None:
    create_runtime(place, "by-hand-only", autoSelect=False, priority=9)
    create_runtime(place, "low", autoSelect=True, priority=1)
    create_runtime(place, "high", autoSelect=True, priority=2)
    create_runtime(place, "none", autoSelect=True)
    format_ = {"name": "sklearn", "version": "1"}
    check_same_choice(place, "auto", format_)
    assert place.status("auto")["revisions"][0]["runtime"] == "high"
    template = {"model": {"uri": "pvc://models/one", "format": format_, "runtime": "by-hand-only"}}
    place.create("named", {"template": template, "revision": 99})
    place.wait_recorded(1, "named")
    assert place.status("named")["revisions"][0]["runtime"] == "by-hand-only"


def test_revision_runs_on_a_copy_of_its_runtime_that_nobody_else_gets(place: Place) -> None:
    create_runtime(place, "ours", autoSelect=True, priority=1)
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    name = place.revision(1)
    frozen = place.get("servingruntimes", name)
    assert frozen is not None
    assert [f["autoSelect"] for f in frozen["spec"]["supportedModelFormats"]] == [False]
    assert "--model_name=m" in frozen["spec"]["containers"][0]["args"]
    assert chosen_by_kserve(place, name) == name

    pods = place.pod_names(1)
    create_plain(place, "plain", {"modelFormat": {"name": "sklearn", "version": "1"}})
    place.delete("servingruntimes", "ours")
    place.wait(lambda: chosen_by_kserve(place, "plain"), "KServe has chosen")
    place.wait(lambda: place.get("servingruntimes", "ours") is None, "the runtime is gone")
    assert chosen_by_kserve(place, "plain") in ("ours", "kserve-sklearnserver")
    assert place.pod_names(1) == pods
    assert place.answer() == "one"


def test_model_answers_under_the_deployments_name_and_no_other(place: Place) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    assert place.ask().ok
    assert place.ask(model=place.revision(1)).status_code == 404


def test_predictor_of_custom_containers(place: Place) -> None:
    place.add_model("one")
    place.create("m", {"template": {"predictor": container("one")}})
    place.wait_promoted(1)
    assert place.answer() == "one"
    place.add_model("two")
    place.edit({"template": {"predictor": container("two")}})
    place.wait_promoted(2)
    assert place.answer() == "two"
    assert place.names("servingruntimes") == set()


def test_transformer_is_what_the_service_selects(place: Place) -> None:
    place.add_model("transformed")
    model = {"uri": place.add_model("raw"), "format": {"name": "sklearn", "version": "1"}}
    transformer = container("transformed", args=["--model_dir=/mnt/models"])
    place.create("m", {"template": {"model": model, "transformer": transformer}})
    place.wait_promoted(1)
    assert place.answer() == "transformed"
    service = place.get("services", "m")
    assert service is not None
    assert service["spec"]["selector"]["component"] == "transformer"
    assert len(place.pod_names(1)) == 2

    place.edit({"template": {"transformer": None}})
    place.wait_promoted(2)
    assert place.answer() == "raw"
    place.pin(1)
    place.wait_promoted(1)
    assert place.answer() == "transformed"


def test_model_that_says_it_is_not_ready_is_not_promoted_until_it_is(place: Place) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    two = place.add_model("two")
    place.set_ready("two", False)
    place.update(two)
    told = place.wait_condition("Promoted", "False", "ModelNotReady")
    assert "HTTP 503" in told["message"]
    assert "spec.rollout.readiness: Pods" in told["message"]
    assert place.answer() == "one"
    place.set_ready("two", True)
    place.wait_promoted(2)
    assert place.answer() == "two"


def test_ready_pods_are_enough_where_the_user_says_so(place: Place) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    two = place.add_model("two")
    place.set_ready("two", False)
    place.update(two)
    place.wait_condition("Promoted", "False", "ModelNotReady")
    place.edit({"rollout": {"readiness": "Pods"}})
    place.wait_promoted(2)
    assert place.answer() == "two"


def bounds(place: Place, number: int) -> tuple[int, int]:
    """The least and most replicas that KServe is told."""
    found = place.get("inferenceservices", place.revision(number))
    assert found is not None
    predictor = found["spec"]["predictor"]
    return predictor["minReplicas"], predictor["maxReplicas"]


def available(place: Place, number: int) -> int:
    found = place.get("deployments", f"{place.revision(number)}-predictor") or {}
    return int((found.get("status") or {}).get("availableReplicas", 0))


def test_scaling_reaches_kserve_without_replacing_a_pod(place: Place) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    pods = place.pod_names(1)
    since = place.now("modeldeployments")
    place.edit({"scaling": {"minReplicas": 2, "maxReplicas": 5, "target": 60}})
    place.wait(lambda: available(place, 1) == 2, "two replicas are available")
    assert bounds(place, 1) == (2, 5)
    found = place.get("inferenceservices", place.revision(1))
    assert found is not None
    assert found["spec"]["predictor"]["scaleTarget"] == 60
    assert pods < place.pod_names(1)
    assert place.phases() == {1: "Active"}
    ready = {
        condition["status"]
        for event in place.history("modeldeployments", since)
        for condition in event["object"]["status"]["conditions"]
        if condition["type"] == "Ready"
    }
    assert ready == {"True"}, "KServe says not ready while it scales up; the model serves"


def test_revision_takes_over_with_the_replicas_that_the_active_one_has(place: Place) -> None:
    place.deploy(place.add_model("one"), scaling={"minReplicas": 1, "maxReplicas": 4})
    place.wait_promoted(1)
    # What the autoscaler does under load; without metrics it leaves the number alone.
    place.patch("deployments", f"{place.revision(1)}-predictor", {"spec": {"replicas": 3}}, "scale")
    place.wait(lambda: available(place, 1) == 3, "the active one is scaled up")
    since = place.now("modeldeployments")
    place.update(place.add_model("two"))
    place.wait_promoted(2)
    assert available(place, 2) >= 3
    told = {
        condition["message"]
        for event in place.history("modeldeployments", since)
        for condition in event["object"]["status"]["conditions"]
        if event["object"]["status"]["activeRevision"]["number"] == 1
        if (condition["type"], condition["status"]) == ("Promoted", "False")
    }
    assert any("fewer than 3 available replicas" in message for message in told)
    assert bounds(place, 2) == (3, 4), "the floor stays after the flip"
    place.wait(lambda: bounds(place, 1) == (3, 4), "the one left behind is held")
    place.pin(1)
    place.wait_promoted(1)
    assert available(place, 1) >= 2, "at most one pod at a time is drained"


def test_capacity_is_the_share_that_is_asked_for(place: Place) -> None:
    place.deploy(
        place.add_model("one"),
        scaling={"minReplicas": 1, "maxReplicas": 4},
        rollout={"capacity": "50%"},
    )
    place.wait_promoted(1)
    place.patch("deployments", f"{place.revision(1)}-predictor", {"spec": {"replicas": 4}}, "scale")
    place.wait(lambda: available(place, 1) == 4, "the active one is scaled up")
    place.update(place.add_model("two"))
    place.wait_promoted(2)
    assert bounds(place, 2) == (2, 4)
    place.wait(lambda: bounds(place, 1) == (4, 4), "the one left behind is held")
