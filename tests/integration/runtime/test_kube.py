"""What our client makes of a real API server's answers."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster.cluster import Cluster
from holdfast.clients import kube as kube_module
from holdfast.clients.errors import NotFound, build_error
from holdfast.clients.kube import (
    ApiError,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    Kube,
    Unavailable,
)
from holdfast.clients.resources import (
    CONTROLLER_REVISION,
    DEPLOYMENT,
    MODEL_DEPLOYMENT,
    SERVICE,
)
from tests.integration.runtime.conftest import ROOT, Relay

OTHER_UID = "9f86d081-884c-4d65-9a2f-eaa0c55ad015"


def a_service(namespace: str, name: str = "s", **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": namespace, "name": name, "labels": labels},
        "spec": {"selector": {"app": "x"}, "ports": [{"name": "http", "port": 80}]},
    }


def a_record(namespace: str, **annotations: str) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {"namespace": namespace, "name": "r", "annotations": annotations},
        "revision": 1,
        "data": {"template": {"b": "<&>", "a": 1}},
    }


def a_deployment(namespace: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": namespace, "name": "d"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "x"}},
            "template": {
                "metadata": {"labels": {"app": "x"}},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
            },
            **spec,
        },
    }


def install_crd(plane: Cluster) -> None:
    plane.access.kubectl.run("apply", "--server-side", "-f", str(ROOT / "crds"))
    plane.access.kubectl.run("wait", "--for=condition=Established", "crd", "--all")


def a_model_deployment(namespace: str, **model: Any) -> dict[str, Any]:
    return {
        "apiVersion": MODEL_DEPLOYMENT.api_version,
        "kind": MODEL_DEPLOYMENT.kind,
        "metadata": {"namespace": namespace, "name": "m"},
        "spec": {
            "template": {"model": {"uri": "pvc://x/y", "format": {"name": "sklearn"}, **model}}
        },
    }


# --- reading


async def test_what_is_not_there_is_none(kube: Kube, namespace: str) -> None:
    assert await kube.get(SERVICE, namespace, "nothing") is None


async def test_a_list_comes_in_pages_selected_and_with_its_kind(
    kube: Kube, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kube_module, "_PAGE_SIZE", 2)
    for number in range(5):
        await kube.apply(SERVICE, a_service(namespace, f"s{number}", mine="yes"))
    await kube.apply(SERVICE, a_service(namespace, "other"))
    pages = [len(p) async for p, _ in kube.pages(SERVICE, namespace, label_selector="mine=yes")]
    assert pages == [2, 2, 1]
    items, version = await kube.list(SERVICE, namespace, label_selector="mine=yes")
    assert [item["metadata"]["name"] for item in items] == [f"s{n}" for n in range(5)]
    assert {(item["apiVersion"], item["kind"]) for item in items} == {("v1", "Service")}
    assert int(version) >= max(int(item["metadata"]["resourceVersion"]) for item in items)


async def test_a_name_that_would_address_something_else_is_refused(
    kube: Kube, namespace: str
) -> None:
    for name in ("", ".", "..", "a/b", "%2e%2e"):
        with pytest.raises(Invalid, match="cannot be the name"):
            await kube.get(SERVICE, namespace, name)
        with pytest.raises(Invalid, match="cannot be the name"):
            await kube.delete(SERVICE, namespace, name, uid="x")


# --- server-side apply


async def test_applying_again_changes_nothing_and_leaving_a_field_out_removes_it(
    kube: Kube, namespace: str
) -> None:
    first = await kube.apply(SERVICE, a_service(namespace, color="red"))
    again = await kube.apply(SERVICE, a_service(namespace, color="red"))
    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    without = await kube.apply(SERVICE, a_service(namespace))
    assert "labels" not in without["metadata"]
    managers = [(m["manager"], m["operation"]) for m in without["metadata"]["managedFields"]]
    assert managers == [("holdfast", "Apply")]


async def test_a_field_of_somebody_else_is_taken_over(
    kube: Kube, namespace: str, plane: Cluster
) -> None:
    await kube.apply(DEPLOYMENT, a_deployment(namespace))
    plane.access.kubectl.run("scale", "deployment/d", "--replicas=1", "-n", namespace)
    after = await kube.apply(DEPLOYMENT, a_deployment(namespace))
    assert after["spec"]["replicas"] == 0


async def test_a_dry_run_stores_nothing(kube: Kube, namespace: str) -> None:
    await kube.apply(SERVICE, a_service(namespace), dry_run=True, strict=True)
    assert await kube.get(SERVICE, namespace, "s") is None


@pytest.mark.parametrize("dry_run", [True, False])
async def test_strict_refuses_unknown_fields_of_a_custom_resource(
    kube: Kube, namespace: str, plane: Cluster, dry_run: bool
) -> None:
    install_crd(plane)
    manifest = a_model_deployment(namespace, misspelt=1)
    with pytest.raises(ApiError) as caught:
        await kube.apply(MODEL_DEPLOYMENT, manifest, dry_run=dry_run, strict=True)
    assert caught.value.refused
    assert "misspelt" in caught.value.message


async def test_a_field_that_is_no_field_of_a_built_in_kind_is_refused(
    kube: Kube, namespace: str
) -> None:
    with pytest.raises(ApiError) as caught:
        await kube.apply(DEPLOYMENT, a_deployment(namespace, misspelt=1))
    assert caught.value.refused
    assert "misspelt" in caught.value.message


async def test_a_wrong_value_is_invalid_with_the_servers_words(kube: Kube, namespace: str) -> None:
    with pytest.raises(Invalid) as caught:
        await kube.apply(DEPLOYMENT, a_deployment(namespace, replicas=-1))
    assert caught.value.refused
    assert "must be greater than or equal to 0" in caught.value.message


async def test_a_version_that_is_not_the_objects_is_a_conflict(kube: Kube, namespace: str) -> None:
    first = await kube.apply(SERVICE, a_service(namespace))
    await kube.apply(SERVICE, a_service(namespace, changed="yes"))
    stale = a_service(namespace, mine="yes")
    stale["metadata"]["resourceVersion"] = first["metadata"]["resourceVersion"]
    with pytest.raises(Conflict) as caught:
        await kube.apply(SERVICE, stale)
    assert not caught.value.refused


async def test_an_uid_never_creates_but_a_version_alone_does(kube: Kube, namespace: str) -> None:
    for version in ({}, {"resourceVersion": "7"}):
        manifest = a_service(namespace)
        manifest["metadata"] |= {"uid": OTHER_UID, **version}
        with pytest.raises(Conflict):
            await kube.apply(SERVICE, manifest)
        assert await kube.get(SERVICE, namespace, "s") is None
    manifest = a_service(namespace)
    manifest["metadata"]["resourceVersion"] = "7"
    await kube.apply(SERVICE, manifest)  # why flips of the Service carry both


async def test_an_uid_of_a_namesake_is_a_conflict(kube: Kube, namespace: str) -> None:
    await kube.apply(SERVICE, a_service(namespace))
    manifest = a_service(namespace, mine="yes")
    manifest["metadata"]["uid"] = OTHER_UID
    with pytest.raises(Conflict):
        await kube.apply(SERVICE, manifest)


async def test_an_applied_record_takes_notes_and_keeps_its_data(kube: Kube, namespace: str) -> None:
    born = await kube.apply(CONTROLLER_REVISION, a_record(namespace))
    noted = await kube.apply(CONTROLLER_REVISION, a_record(namespace, promoted="now"))
    assert noted["metadata"]["annotations"] == {"promoted": "now"}
    assert noted["data"] == born["data"] == {"template": {"a": 1, "b": "<&>"}}
    changed = a_record(namespace) | {"data": {"template": {}}}
    with pytest.raises(Invalid):
        await kube.apply(CONTROLLER_REVISION, changed)


async def test_a_status_is_replaced_whoever_wrote_it_and_nothing_else_is(
    kube: Kube, namespace: str, plane: Cluster
) -> None:
    install_crd(plane)
    await kube.create(MODEL_DEPLOYMENT, a_model_deployment(namespace))
    forged = {"status": {"model": "forged", "conditions": []}}
    options = ("--subresource=status", "--type=merge", "-n", namespace)
    plane.access.kubectl.run("patch", "mdep", "m", *options, "-p", json.dumps(forged))
    read = await kube.get(MODEL_DEPLOYMENT, namespace, "m")
    assert read is not None
    wanted = {**read, "spec": {}, "status": {"observedGeneration": 1}}
    after = await kube.update_status(MODEL_DEPLOYMENT, wanted)
    assert after["status"] == {"observedGeneration": 1}
    assert (after["spec"], after["metadata"]["generation"]) == (read["spec"], 1)


async def test_a_status_is_written_only_onto_the_version_that_was_read(
    kube: Kube, namespace: str, plane: Cluster
) -> None:
    install_crd(plane)
    read = await kube.create(MODEL_DEPLOYMENT, a_model_deployment(namespace))
    await kube.update_status(MODEL_DEPLOYMENT, {**read, "status": {"observedGeneration": 1}})
    with pytest.raises(Conflict):
        await kube.update_status(MODEL_DEPLOYMENT, {**read, "status": {"observedGeneration": 2}})
    plane.access.kubectl.run("delete", "mdep", "m", "-n", namespace)
    with pytest.raises(NotFound):
        await kube.update_status(MODEL_DEPLOYMENT, {**read, "status": {}})


# --- admission


async def test_a_policy_that_denies_is_a_refusal_and_a_webhook_that_is_away_is_not(
    kube: Kube, namespace: str, plane: Cluster
) -> None:
    here = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["services"]}
    group = "admissionregistration.k8s.io/v1"
    policy = {
        "apiVersion": group,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": namespace},
        "spec": {
            "matchConstraints": {"resourceRules": [{**rule, "operations": ["CREATE"]}]},
            "validations": [{"expression": "false", "message": "not on a Sunday"}],
        },
    }
    binding = {
        "apiVersion": group,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": namespace},
        "spec": {
            "policyName": namespace,
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": here},
        },
    }
    webhook = {
        "apiVersion": group,
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": namespace},
        "webhooks": [
            {
                "name": "away.example.com",
                "clientConfig": {"url": "https://127.0.0.1:9/x"},
                "rules": [{**rule, "operations": ["CREATE"]}],
                "namespaceSelector": here,
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
                "timeoutSeconds": 1,
            }
        ],
    }
    plane.access.kubectl.apply(policy, binding)
    try:
        error = await _wait_for_denial(kube, namespace)
        assert "not on a Sunday" in error.message
        assert error.denied_by_admission
        assert error.refused
        plane.access.kubectl.run("delete", "validatingadmissionpolicybinding", namespace)
        plane.access.kubectl.apply(webhook)
        away = await _wait_for_denial(kube, namespace, kind=Unavailable)
        assert "away.example.com" in away.message
        assert not away.denied_by_admission
        assert not away.refused
    finally:
        plane.access.kubectl.run(
            "delete", "--ignore-not-found", "validatingwebhookconfiguration", namespace
        )
        plane.access.kubectl.run(
            "delete", "--ignore-not-found", "validatingadmissionpolicybinding", namespace
        )


async def _wait_for_denial(kube: Kube, namespace: str, kind: type[ApiError] = Invalid) -> ApiError:
    """Ask until what was configured has reached the API server's admission."""
    for _ in range(600):
        try:
            await kube.apply(SERVICE, a_service(namespace), dry_run=True)
        except kind as error:
            return error
        except ApiError:
            continue
    raise AssertionError("never denied")


def test_a_webhooks_own_words_are_told_from_its_failure() -> None:
    denied = build_error(
        403,
        b'{"kind":"Status","reason":"Forbidden","message":"admission webhook '
        b'\\"inferenceservice.kserve-webhook-server.validator\\" denied the request: '
        b"'MinReplicas' cannot be greater than MaxReplicas\"}",
        {},
    )
    assert isinstance(denied, Forbidden)
    assert denied.refused
    away = build_error(
        500,
        b'{"reason":"InternalError","message":"Internal error occurred: failed calling webhook '
        b'\\"x\\": connection refused"}',
        {},
    )
    assert isinstance(away, Unavailable)
    assert not away.refused
    rights = build_error(403, b'{"reason":"Forbidden","message":"services is forbidden"}', {})
    assert not rights.refused


def test_an_overload_says_when_to_come_back_and_a_stranger_is_quoted() -> None:
    overload = build_error(429, b"{}", {"Retry-After": "3"})
    assert isinstance(overload, Unavailable)
    assert overload.retry_after == 3
    stranger = build_error(502, b"<html>Bad gateway</html>", {})
    assert isinstance(stranger, Unavailable)
    assert "Bad gateway" in stranger.message


# --- deleting


async def test_only_the_object_that_was_seen_is_deleted(kube: Kube, namespace: str) -> None:
    service = await kube.apply(SERVICE, a_service(namespace))
    uid, version = service["metadata"]["uid"], service["metadata"]["resourceVersion"]
    with pytest.raises(Conflict):
        await kube.delete(SERVICE, namespace, "s", uid=OTHER_UID)
    await kube.apply(SERVICE, a_service(namespace, changed="yes"))
    with pytest.raises(Conflict):
        await kube.delete(SERVICE, namespace, "s", uid=uid, resource_version=version)
    assert await kube.delete(SERVICE, namespace, "s", uid=uid) is None
    assert await kube.get(SERVICE, namespace, "s") is None
    assert await kube.delete(SERVICE, namespace, "s", uid=uid) is None


async def test_a_deletion_in_the_foreground_is_not_over_yet(kube: Kube, namespace: str) -> None:
    deployment = await kube.apply(DEPLOYMENT, a_deployment(namespace))
    uid = deployment["metadata"]["uid"]
    answer = await kube.delete(DEPLOYMENT, namespace, "d", uid=uid, foreground=True)
    assert answer is not None
    assert answer["kind"] == "Deployment"
    assert answer["metadata"]["finalizers"] == ["foregroundDeletion"]


# --- watching


async def test_a_watch_tells_what_happens_after_a_version(kube: Kube, namespace: str) -> None:
    _, version = await kube.list(SERVICE, namespace)
    service = await kube.apply(SERVICE, a_service(namespace))
    await kube.apply(SERVICE, a_service(namespace, changed="yes"))
    await kube.delete(SERVICE, namespace, "s", uid=service["metadata"]["uid"])
    seen = []
    async for event, obj in kube.watch(SERVICE, namespace, resource_version=version):
        seen.append((event, obj["kind"]))
        if event == "DELETED":
            break
    assert seen == [("ADDED", "Service"), ("MODIFIED", "Service"), ("DELETED", "Service")]


async def test_a_version_that_is_too_old_is_gone(kube: Kube, plane: Cluster) -> None:
    install_crd(plane)  # the kind is younger than the version
    with pytest.raises(Gone):
        await anext(kube.watch(MODEL_DEPLOYMENT, resource_version="1"))


async def test_a_broken_watch_says_so(kube: Kube, relay: Relay, namespace: str) -> None:
    async with Kube.connect() as through_relay:
        _, version = await through_relay.list(SERVICE, namespace)
        await kube.apply(SERVICE, a_service(namespace))
        events = through_relay.watch(SERVICE, namespace, resource_version=version)
        await anext(events)
        relay.cut()
        with pytest.raises(Unavailable):
            await anext(events)


# --- access


async def test_nobody_there(kube: Kube, relay: Relay) -> None:
    relay.cut()
    async with Kube.connect() as through_relay:
        with pytest.raises(Unavailable) as caught:
            await through_relay.list(SERVICE, "default")
    assert caught.value.status == 0


async def test_a_missing_permission_says_which(
    plane: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane.access.kubectl.run("create", "serviceaccount", "nobody", "-n", namespace)
    monkeypatch.setenv("KUBECONFIG", str(plane.kubeconfig_for(namespace, "nobody")))
    async with Kube.connect() as kube:
        with pytest.raises(Forbidden, match='cannot list resource "services"'):
            await kube.list(SERVICE, namespace)


async def test_refused_credentials_are_read_again(
    plane: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    good = plane.kubeconfig.read_text()
    bad = yaml.safe_load(good)
    bad["users"][0]["user"] = {"token": "expired"}
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(bad))
    monkeypatch.setenv("KUBECONFIG", str(path))
    async with Kube.connect() as kube:
        with pytest.raises(Unavailable) as caught:
            await kube.list(SERVICE, namespace)
        assert caught.value.status == 401
        path.write_text(good)  # rotated
        await kube.list(SERVICE, namespace)


async def test_a_proxy_for_the_world_is_not_one_for_the_api_server(
    plane: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(variable, "127.0.0.1")
    async with Kube.connect() as kube:
        await kube.list(SERVICE, namespace)
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(variable, "")
    async with Kube.connect() as kube:
        with pytest.raises(Unavailable):
            await kube.list(SERVICE, namespace)
