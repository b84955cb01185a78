"""Why a revision does not become ready, in words that do not move by themselves."""

from typing import Any

import pytest

from holdfast.domain.failure import compute_image_digests, diagnose
from holdfast.domain.observed import Component, LiveRevision


def container(**status: Any) -> dict[str, Any]:
    return {"name": "kserve-container", "image": "server:1", "ready": False, **status}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"state": {"waiting": {"reason": reason, "message": message}}}


def terminated(code: int, **more: Any) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, **more}}


def live_with(
    *,
    containers: list[dict[str, Any]] | None = None,
    inits: list[dict[str, Any]] | None = None,
    pod_conditions: list[dict[str, Any]] | None = None,
    deployment_conditions: list[dict[str, Any]] | None = None,
    kserve: dict[str, Any] | None = None,
    leaving: bool = False,
) -> LiveRevision:
    pod = {
        "metadata": {
            "name": "p",
            **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if leaving else {}),
        },
        "status": {
            "containerStatuses": containers or [],
            "initContainerStatuses": inits or [],
            "conditions": pod_conditions or [],
        },
    }
    deployment = {
        "metadata": {"name": "d"},
        "spec": {},
        "status": {"conditions": deployment_conditions or []},
    }
    return LiveRevision(
        inference_service={"metadata": {"name": "r"}, "status": kserve or {}},
        components={"predictor": Component(deployment=deployment, pods=(pod,))},
    )


@pytest.mark.parametrize(
    ("live", "reason", "part", "heals"),
    [
        pytest.param(
            live_with(containers=[container(**waiting("ErrImagePull", "no such host"))]),
            "ImagePullBackOff",
            "image server:1 cannot be pulled",
            True,
            id="image cannot be pulled, first try",
        ),
        pytest.param(
            live_with(containers=[container(**waiting("ImagePullBackOff", "Back-off 10s"))]),
            "ImagePullBackOff",
            "image server:1 cannot be pulled",
            True,
            id="image cannot be pulled, backing off",
        ),
        pytest.param(
            live_with(containers=[container(**waiting("InvalidImageName"))]),
            "InvalidImageName",
            "'server:1' is not the name of an image",
            False,
            id="no image name",
        ),
        pytest.param(
            live_with(
                containers=[
                    container(**waiting("CreateContainerConfigError", "secret x not found"))
                ]
            ),
            "CreateContainerConfigError",
            "secret x not found",
            True,
            id="configuration",
        ),
        pytest.param(
            live_with(
                containers=[
                    container(
                        **waiting("CrashLoopBackOff", "back-off 40s"),
                        lastState=terminated(3, message="Traceback\n  x\nValueError: bad\n\n"),
                    )
                ]
            ),
            "CrashLoopBackOff",
            "exited with code 3: x / ValueError: bad",
            True,
            id="crash, backing off",
        ),
        pytest.param(
            live_with(containers=[container(state={"running": {}}, lastState=terminated(3))]),
            "CrashLoopBackOff",
            "exited with code 3",
            True,
            id="crash, running again",
        ),
        pytest.param(
            live_with(containers=[container(state=terminated(3))]),
            "CrashLoopBackOff",
            "exited with code 3",
            True,
            id="crash, a moment ago",
        ),
        pytest.param(
            live_with(containers=[container(lastState=terminated(137, reason="OOMKilled"))]),
            "OOMKilled",
            "out of memory",
            True,
            id="out of memory",
        ),
        pytest.param(
            live_with(inits=[container(name="storage-initializer", state=terminated(1))]),
            "CrashLoopBackOff",
            "container storage-initializer exited with code 1",
            True,
            id="init container",
        ),
        pytest.param(
            live_with(
                pod_conditions=[
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "0/3 nodes: insufficient gpu",
                    }
                ]
            ),
            "Unschedulable",
            "insufficient gpu",
            True,
            id="unschedulable",
        ),
        pytest.param(
            live_with(
                deployment_conditions=[
                    {
                        "type": "ReplicaFailure",
                        "status": "True",
                        "reason": "FailedCreate",
                        "message": "exceeded quota",
                    }
                ]
            ),
            "FailedCreate",
            "exceeded quota",
            True,
            id="quota",
        ),
        pytest.param(
            live_with(
                kserve={
                    "modelStatus": {
                        "transitionStatus": "InvalidSpec",
                        "lastFailureInfo": {"reason": "RuntimeDisabled", "message": "is disabled"},
                    }
                }
            ),
            "RuntimeDisabled",
            "is disabled",
            False,
            id="KServe refuses",
        ),
        pytest.param(
            live_with(
                kserve={
                    "modelStatus": {
                        "transitionStatus": "BlockedByFailedLoad",
                        "lastFailureInfo": {"reason": "ModelLoadFailed", "message": "no file"},
                    }
                }
            ),
            "ModelLoadFailed",
            "no file",
            True,
            id="KServe says that the load failed",
        ),
        pytest.param(
            live_with(
                kserve={
                    "conditions": [
                        {
                            "type": "PredictorReady",
                            "status": "False",
                            "reason": "ReconcileFailed",
                            "message": "fails to reconcile",
                        }
                    ]
                }
            ),
            "ReconcileFailed",
            "fails to reconcile",
            True,
            id="KServe fails",
        ),
    ],
)
def test_diagnosis(live: LiveRevision, reason: str, part: str, heals: bool) -> None:
    failure = diagnose(live)
    assert failure is not None
    assert (failure.reason, failure.heals) == (reason, heals)
    assert part in failure.message


@pytest.mark.parametrize(
    "live",
    [
        live_with(),
        live_with(containers=[container(**waiting("ContainerCreating"))]),
        live_with(containers=[container(ready=True, lastState=terminated(1))]),
        live_with(containers=[container(state=terminated(0))]),
        live_with(containers=[container(state=terminated(1))], leaving=True),
    ],
    ids=["nothing", "being created", "recovered", "ended well", "on its way out"],
)
def test_no_failure_where_there_is_none(live: LiveRevision) -> None:
    assert diagnose(live) is None


def test_a_crash_loop_is_told_in_the_same_words_all_the_way_round() -> None:
    states = [
        container(state=terminated(1, message="bad")),
        container(
            **waiting("CrashLoopBackOff", "back-off 10s"), lastState=terminated(1, message="bad")
        ),
        container(state={"running": {}}, lastState=terminated(1, message="bad")),
        container(
            **waiting("CrashLoopBackOff", "back-off 20s"), lastState=terminated(1, message="bad")
        ),
    ]
    assert len({diagnose(live_with(containers=[state])) for state in states}) == 1


def test_the_container_is_told_before_the_controllers() -> None:
    live = live_with(
        containers=[container(**waiting("ImagePullBackOff"))],
        kserve={"modelStatus": {"transitionStatus": "BlockedByFailedLoad"}},
    )
    failure = diagnose(live)
    assert failure is not None
    assert failure.reason == "ImagePullBackOff"


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([], {}),
        ([{"a": ""}], {}),
        ([{"a": ""}, {"a": "x@sha256:1"}], {"a": "x@sha256:1"}),
        ([{"a": "x@sha256:1", "b": "y@sha256:2"}], {"a": "x@sha256:1", "b": "y@sha256:2"}),
    ],
)
def test_image_digests_are_those_of_the_first_pod_that_has_them_all(
    ids: list[dict[str, str]], expected: dict[str, str]
) -> None:
    pods = [
        {
            "status": {
                "containerStatuses": [
                    {"name": name, "imageID": image} for name, image in found.items()
                ]
            }
        }
        for found in ids
    ]
    assert compute_image_digests(pods) == expected
