"""Why a revision does not become ready, in words that do not move by themselves."""

from dataclasses import replace
from typing import Any

import pytest

from holdfast.domain.failure import diagnose
from holdfast.domain.observed import LiveRevision
from tests.unit.domain import shown
from tests.unit.domain.test_readiness import changed, ready


def failing(status: shown.Status, name: str = "predictor") -> LiveRevision:
    """A revision one of whose pods has this status."""
    return changed(ready(), name, pods=(shown.pod("p", status),))


def init_failing(status: shown.Status) -> LiveRevision:
    statuses = [{**each, "name": "storage-initializer"} for each in status["containerStatuses"]]
    return failing({"initContainerStatuses": statuses})


def kserve_says(**status: Any) -> LiveRevision:
    live = ready()
    return replace(live, inference_service={**(live.inference_service or {}), "status": status})


def quota() -> LiveRevision:
    live = ready()
    deployment = shown.with_condition(
        live.component("predictor").deployment or {},
        "ReplicaFailure",
        status="True",
        reason="FailedCreate",
        message="exceeded quota: gpus",
    )
    return changed(live, "predictor", deployment=deployment, pods=())


LONG = "\n".join(f"line {n}" for n in range(50)) + "\n\nValueError: cannot load\n"


@pytest.mark.parametrize(
    ("live", "reason", "told", "heals"),
    [
        (failing(shown.waiting("ErrImagePull")), "ImagePullBackOff", "registry/model:1", True),
        (failing(shown.waiting("ImagePullBackOff")), "ImagePullBackOff", "cannot be pulled", True),
        (
            failing(shown.waiting("InvalidImageName")),
            "InvalidImageName",
            "'registry/model:1'",
            False,
        ),
        (
            failing(shown.waiting("CreateContainerConfigError", message="secret x not found")),
            "CreateContainerConfigError",
            "secret x not found",
            True,
        ),
        (failing(shown.crashed(3)), "CrashLoopBackOff", "code 3: cannot load model", True),
        (failing(shown.crashed(3, "")), "CrashLoopBackOff", "exited with code 3", True),
        (failing(shown.running_again(3)), "CrashLoopBackOff", "code 3: cannot load model", True),
        (failing(shown.crashed(1, LONG)), "CrashLoopBackOff", "line 49 / ValueError", True),
        (failing(shown.crashed(137, reason="OOMKilled")), "OOMKilled", "out of memory", True),
        (init_failing(shown.crashed(1, "no bucket")), "CrashLoopBackOff", "storage-init", True),
        (failing(shown.unschedulable("no gpu")), "Unschedulable", "no gpu", True),
        (failing(shown.crashed(), "transformer"), "CrashLoopBackOff", "cannot load", True),
        (quota(), "FailedCreate", "exceeded quota: gpus", True),
        (
            kserve_says(
                modelStatus={
                    "transitionStatus": "InvalidSpec",
                    "lastFailureInfo": {"reason": "NoSupportingRuntime", "message": "which?"},
                }
            ),
            "NoSupportingRuntime",
            "which?",
            False,
        ),
        (
            kserve_says(
                modelStatus={
                    "transitionStatus": "InvalidSpec",
                    "lastFailureInfo": {"reason": "RuntimeNotRecognized", "message": "Waiting"},
                }
            ),
            "RuntimeNotRecognized",
            "Waiting",
            True,
        ),
        (
            kserve_says(
                modelStatus={
                    "transitionStatus": "BlockedByFailedLoad",
                    "lastFailureInfo": {"reason": "ModelLoadFailed", "message": LONG},
                }
            ),
            "ModelLoadFailed",
            "ValueError: cannot load",
            True,
        ),
        (
            kserve_says(
                conditions=[
                    {
                        "type": "PredictorReady",
                        "status": "False",
                        "reason": "ReconcileFailed",
                        "message": "StorageURI not supported",
                    }
                ]
            ),
            "ReconcileFailed",
            "StorageURI not supported",
            True,
        ),
    ],
)
def test_reason_is_told(live: LiveRevision, reason: str, told: str, heals: bool) -> None:
    failure = diagnose(live)
    assert failure is not None
    assert (failure.reason, failure.heals) == (reason, heals)
    assert told in failure.message
    assert len(failure.message) < 400


@pytest.mark.parametrize(
    "live",
    [
        ready(),
        failing(shown.loading()),
        failing(shown.waiting("ContainerCreating")),
        failing(shown.waiting("PodInitializing")),
        failing({}),
        failing(shown.crashed(0)),
        kserve_says(modelStatus={"transitionStatus": "InProgress"}),
        kserve_says(conditions=[{"type": "PredictorReady", "status": "False", "reason": "x"}]),
        LiveRevision(),
    ],
)
def test_no_reason_is_told_where_nothing_has_failed(live: LiveRevision) -> None:
    assert diagnose(live) is None


def test_ready_container_that_crashed_once_is_no_failure() -> None:
    status = shown.serving()
    status["containerStatuses"][0]["lastState"] = {"terminated": {"exitCode": 1}}
    assert diagnose(failing(status)) is None


def test_pod_on_its_way_out_is_no_failure() -> None:
    going = shown.pod("p", shown.crashed(), terminating=True)
    assert diagnose(changed(ready(), "predictor", pods=(going,))) is None


def test_container_goes_before_the_controller() -> None:
    live = quota()
    live = changed(live, "predictor", pods=(shown.pod("p", shown.crashed()),))
    failure = diagnose(live)
    assert failure is not None
    assert failure.reason == "CrashLoopBackOff"


def test_message_is_the_same_all_the_way_round_the_crash_loop() -> None:
    often, just_now = shown.crashed(), shown.running_again()
    often["containerStatuses"][0] |= {"restartCount": 9}
    often["containerStatuses"][0]["state"]["waiting"]["message"] = "back-off 5m0s restarting"
    just_now["containerStatuses"][0] |= {
        "state": {"terminated": {"exitCode": 1, "message": "cannot load model"}},
        "lastState": {},
    }
    round_the_loop = [shown.crashed(), shown.running_again(), often, just_now]
    assert len({diagnose(failing(status)) for status in round_the_loop}) == 1
