"""What the operator may do, what it must not do on an old view, and what it must not tell."""

import json
from pathlib import Path

import pytest
import requests
import yaml

from devcluster import holdfast
from devcluster.cluster import Cluster
from devcluster.holdfast import Operator
from holdfast.clients.kube import Conflict, Kube
from holdfast.clients.resources import SERVICE
from tests.integration.faults import read_samples, selected
from tests.integration.harness import JsonObject, Place

CANARY = "canary-7d1f0a93"
NUMBER = 71093321  # a password that somebody forgot to quote
RULES = Path(__file__).parents[2] / "deploy" / "2-permissions.yaml"


def test_a_whole_life_needs_the_rights_that_are_granted_and_no_others(
    place: Place, operator: Operator, cluster: Cluster, gateway_api: None
) -> None:
    operator.stop()
    # Its counts begin here, and know nothing of other tests' namespaces on their way out.
    with Operator(cluster.access, settings={"HOLDFAST_NAMESPACES": place.namespace}) as counted:
        live_a_life(place)
        samples = list(read_samples(counted, "holdfast_api_requests_total"))
    assert [labels for labels, _ in samples if labels["code"] in ("401", "403")] == []
    used = {(labels["resource"], labels["verb"]) for labels, value in samples if value}
    unused = {
        (plural, verb)
        for plural, verbs in read_rights().items()
        for verb in verbs
        if (plural, verb) not in used
    }
    # Creating by server-side apply is a patch that the API server also wants `create` for;
    # kopf lists and watches ModelDeployments itself; finalizers are for other clusters.
    implied = {
        *((plural, "create") for plural, verb in used if verb == "apply"),
        ("modeldeployments/status", "update"),
        ("modeldeployments/finalizers", "update"),
        ("modeldeployments", "list"),
        ("modeldeployments", "watch"),
    }
    assert unused - implied == set()


def live_a_life(place: Place) -> None:
    """Creation, ways in, updates, a drain, a rollback to a cold revision, pruning, deletion."""
    ingress = {"ingress": {"hosts": ["models.example.com"]}}
    place.deploy(
        place.add_model("one"),
        template=place.put_baseline(),
        revisionHistoryLimit=1,
        network=ingress,
    )
    place.wait_promoted(1)
    place.wait(lambda: place.names("ingresses") == {"m"}, "there is a way in")
    place.edit({"network": {"ingress": None, "httpRoute": {"parentRefs": [{"name": "public"}]}}})
    place.wait(lambda: place.names("httproutes") == {"m"}, "there is another way in")
    place.edit({"network": None})
    place.wait(lambda: not place.names("httproutes") | place.names("ingresses"), "both are gone")
    left = place.pod_names(1)
    place.update(place.add_model("two"))
    place.wait_promoted(2)
    place.wait(lambda: not left & place.pod_names(1), "revision 1 is drained")
    place.edit({"rollout": {"warmRevisions": 0}})
    place.update(place.add_model("three"))
    place.wait_promoted(3)
    place.wait_phase(2, "Cold")
    place.pin(2)
    place.wait_promoted(2)
    place.pin(None)
    place.wait_promoted(3)
    place.wait(lambda: 1 not in place.phases(), "the oldest record is pruned")
    copies = "holdfast.dev/revision"
    place.wait(lambda: len(place.list("configmaps", copies)) == 2, "and the baseline with it")
    place.delete("modeldeployments", "m")
    place.wait(lambda: not place.names("inferenceservices"), "everything is gone")


def read_rights() -> dict[str, set[str]]:
    """The verbs granted for each resource; `patch` as the operator uses it, to apply."""
    role = next(
        manifest
        for manifest in yaml.safe_load_all(RULES.read_text())
        if manifest["kind"] == "ClusterRole"
    )
    return {
        plural: {"apply" if verb == "patch" else verb for verb in rule["verbs"]}
        for rule in role["rules"]
        for plural in rule["resources"]
    }


async def test_flip_on_an_old_view_is_refused(
    place: Place, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    seen = place.get("services", "m")
    assert seen is not None
    old = selected(place)
    place.update(place.add_model("two"))
    place.wait_promoted(2)
    kept = ("name", "namespace", "labels", "ownerReferences", "resourceVersion", "uid")
    spec = {key: seen["spec"][key] for key in ("type", "selector", "ports")}
    flip = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {key: seen["metadata"][key] for key in kept},
        "spec": spec,
    }
    rights = cluster.kubeconfig_for(holdfast.NAMESPACE, holdfast.SERVICE_ACCOUNT)
    monkeypatch.setenv("KUBECONFIG", str(rights))
    async with Kube.connect() as kube:
        with pytest.raises(Conflict):
            await kube.apply(SERVICE, flip)
    assert selected(place) == place.revision(2) != old


def test_neither_its_token_nor_what_containers_are_told_is_told_on(
    place: Place, operator: Operator, cluster: Cluster
) -> None:
    def template(uri: str, **model: object) -> JsonObject:
        env = {"env": [{"name": "PASSWORD", "value": CANARY}], **model}
        declared = {"uri": uri, "format": {"name": "sklearn", "version": "1"}}
        return {"template": {"model": declared, "predictor": {"model": env}}}

    rights = cluster.kubeconfig_for(holdfast.NAMESPACE, holdfast.SERVICE_ACCOUNT)
    token = yaml.safe_load(rights.read_text())["users"][0]["user"]["token"]
    operator.stop()
    operator.start()  # with this token
    since = place.now("events")
    place.create("m", template(place.add_model("one")))
    place.wait_promoted(1)
    place.create("crashes", template(place.add_broken_model("two")))
    place.wait(
        lambda: "CrashLoopBackOff" in str(place.condition("Promoted", "crashes")), "it fails"
    )
    place.create(
        "refused",
        template(
            place.add_model("three"), env=[{"name": "PASSWORD", "value": CANARY, "x": CANARY}]
        ),
    )
    place.wait_condition("Promoted", "False", "Refused", "refused")
    number = [{"name": "PASSWORD", "value": NUMBER}]
    place.create("mistyped", template(place.add_model("four"), env=number))
    assert "value" in place.wait_condition("Promoted", "False", "Refused", "mistyped")["message"]
    place.edit({"rollout": {"progressDeadlineSeconds": 1}}, "crashes")
    place.wait_phase(1, "Rejected", "crashes")

    told = {
        "log": operator.log.read_text(),
        "metrics": requests.get(operator.metrics_url, timeout=10).text,
        "status": json.dumps([item["status"] for item in place.list("modeldeployments")]),
        "events": json.dumps(
            [
                event["object"]
                for event in place.history("events", since)
                if event["object"].get("reportingComponent") == "holdfast.dev/operator"
            ]
        ),
    }
    assert "RevisionRejected" in told["events"]
    for where, text in told.items():
        assert CANARY not in text, where
        assert str(NUMBER) not in text, where
        assert token not in text, where
        assert token.rpartition(".")[2] not in text, where
