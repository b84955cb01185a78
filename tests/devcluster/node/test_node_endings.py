"""How pods end: by themselves, by deletion, by a deadline, and with the node."""

import pytest

from devcluster.node.api import Json
from tests.devcluster.node.harness import SERVER, Space, is_ready, shell, state, wait_for


@pytest.mark.parametrize(
    ("script", "fields", "phase", "terminated"),
    [
        (
            "echo '{\"auc\": 1}' > $RESULT",
            {},
            "Succeeded",
            {"exitCode": 0, "message": '{"auc": 1}\n'},
        ),
        (
            "echo trace; exit 4",
            {"terminationMessagePolicy": "FallbackToLogsOnError"},
            "Failed",
            {"exitCode": 4, "message": "trace\n", "reason": "Error"},
        ),
        ("kill -9 $$$$", {}, "Failed", {"exitCode": 137, "reason": "Error"}),
    ],
)
async def test_a_pod_that_ends(
    space: Space, script: str, fields: Json, phase: str, terminated: Json
) -> None:
    env = [{"name": "RESULT", "value": "/dev/termination-log"}]
    await space.run("p", shell(script, env=env, **fields), restartPolicy="Never")
    status = await space.wait_status("p", lambda s: s["phase"] == phase, phase)
    found = state(status)["terminated"]
    assert {key: found.get(key) for key in terminated} == terminated
    assert not is_ready(status)


async def test_a_job_completes_and_one_that_never_works_fails(space: Space) -> None:
    for name, script in (("good", "exit 0"), ("bad", "exit 1")):
        template = {"spec": {"restartPolicy": "Never", "containers": [shell(script, name="c")]}}
        spec = {"backoffLimit": 0, "template": template}
        await space.create("jobs", name, api="/apis/batch/v1", spec=spec)
    for name, condition in (("good", "Complete"), ("bad", "Failed")):
        path = f"/apis/batch/v1/namespaces/{space.name}/jobs/{name}"

        async def has_condition(path: str = path, condition: str = condition) -> bool:
            conditions = (await space.api.request("GET", path))["status"].get("conditions") or []
            return any(c["type"] == condition and c["status"] == "True" for c in conditions)

        await wait_for(has_condition, f"{name} {condition}")


async def test_the_deadline_of_a_pod(space: Space) -> None:
    await space.run("p", shell("sleep 100"), activeDeadlineSeconds=1)
    status = await space.wait_status("p", lambda s: s["phase"] == "Failed", "failed")
    assert status["reason"] == "DeadlineExceeded"


async def test_a_pod_stops_gracefully_and_is_gone(space: Space) -> None:
    script = (
        "trap 'echo term; test -e go || exit 1; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    )
    hook = {
        "preStop": {
            "exec": {
                "command": ["sh", "-c", "echo hook > go; while ! test -e stop; do sleep 0.05; done"]
            }
        }
    }
    pod = await space.run("p", shell(script, lifecycle=hook), terminationGracePeriodSeconds=20)
    log = space.directory(pod) / "0.log"
    await wait_for(lambda: log.exists() and log.read_text(), "up")
    await space.delete("p")
    terminating = await space.get("p")
    assert terminating["metadata"]["deletionTimestamp"]
    root = space.directory(pod) / "root"
    await wait_for((root / "go").exists, "preStop ran")
    assert log.read_text() == "up\n"
    (root / "stop").touch()
    await space.wait_gone("p")
    assert log.read_text().endswith("term\n")
    assert not root.exists()
    assert not any(pod["metadata"]["uid"] in line for line in space.node.find_processes())


async def test_what_ignores_sigterm_is_killed_with_its_children(space: Space) -> None:
    script = "trap '' TERM; (setsid sleep 7654 &); echo up; while :; do sleep 0.05; done"
    pod = await space.run("p", shell(script), terminationGracePeriodSeconds=1)
    log = space.directory(pod) / "0.log"
    await wait_for(lambda: log.exists() and log.read_text(), "up")
    await space.delete("p")
    await space.wait_gone("p")
    assert not any("sleep 7654" in line for line in space.node.find_processes())


async def test_a_forced_deletion_ends_a_pod_that_is_stopping(space: Space) -> None:
    script = "trap '' TERM; echo up; while :; do sleep 0.05; done; : forced"
    pod = await space.run("p", shell(script), terminationGracePeriodSeconds=300)
    log = space.directory(pod) / "0.log"
    await wait_for(lambda: log.exists() and log.read_text(), "up")
    await space.delete("p")
    await space.delete("p", gracePeriodSeconds=0)
    await space.wait_gone("p")
    await wait_for(
        lambda: not any(": forced" in line for line in space.node.find_processes()), "processes end"
    )


async def test_a_killed_node_leaves_nothing_and_takes_up_its_pods_again(space: Space) -> None:
    script = "(setsid sleep 8765 &); sleep 9876; :"
    await space.run("loop", shell(script))
    await space.run("once", shell(script), restartPolicy="Never")
    await space.run("gone", shell(script))
    await space.run("instant", {"image": "holdfast.dev/instant:1"})
    await space.wait_ready("loop", "once", "gone", "instant")
    await wait_for(lambda: len([p for p in space.node.find_processes() if "8765" in p]) >= 3, "up")
    before = await space.get("instant")
    space.node.kill()
    await wait_for(lambda: not space.node.find_processes(), "all processes gone")
    await space.delete("gone")
    space.node.start()
    await space.node.wait_ready()
    status = await space.wait_status(
        "loop", lambda s: s["containerStatuses"][0]["restartCount"] == 1 and is_ready(s), "back"
    )
    assert status["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 137
    status = await space.wait_status("once", lambda s: s["phase"] == "Failed", "failed")
    assert state(status)["terminated"]["reason"] == "ContainerStatusUnknown"
    await space.wait_gone("gone")
    assert (await space.status("instant")) == before["status"]


async def test_a_pod_of_the_same_name_is_another_pod(space: Space) -> None:
    first = await space.run("p", SERVER)
    await space.wait_ready("p")
    await space.delete("p")
    await space.wait_gone("p")
    second = await space.run("p", SERVER)
    await space.wait_ready("p")
    assert not space.directory(first).joinpath("root").exists()
    assert space.directory(second).joinpath("root").exists()
