"""Pods on the node: what the API says of them, and what their processes see."""

from pathlib import Path

from devcluster.node.api import Json
from tests.devcluster.node.harness import SERVER, Space, is_ready, shell, state, wait_for


async def test_a_running_pod_is_described_as_a_kubelet_describes_it(space: Space) -> None:
    await space.run("p", SERVER)
    status = await space.wait_status("p", is_ready, "ready")
    assert status["phase"] == "Running"
    assert {c["type"] for c in status["conditions"] if c["status"] == "True"} == {
        "PodScheduled", "PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready",
    }  # fmt: skip
    assert status["podIP"].startswith("10.244.")
    assert status["podIPs"] == [{"ip": status["podIP"]}]
    assert status["hostIP"]
    assert status["startTime"]
    (container,) = status["containerStatuses"]
    assert container["image"] == "test/server:1"
    assert container["imageID"].startswith("test/server@sha256:")
    assert container["containerID"].startswith("containerd://")
    assert (container["ready"], container["started"], container["restartCount"]) == (True, True, 0)
    assert container["state"]["running"]["startedAt"]


async def test_an_image_runs_by_its_digest_and_one_that_is_gone_cannot_be_pulled(
    space: Space,
) -> None:
    await space.run("by-tag", SERVER)
    status = await space.wait_status("by-tag", is_ready, "ready")
    image_id = status["containerStatuses"][0]["imageID"]
    await space.run("by-digest", {"image": image_id})
    status = await space.wait_status("by-digest", is_ready, "ready")
    (container,) = status["containerStatuses"]
    assert (container["image"], container["imageID"]) == (image_id, image_id)
    gone = f"test/server@sha256:{'0' * 64}"
    await space.run("gone", {"image": gone})
    status = await space.wait_status(
        "gone",
        lambda s: "ErrImagePull" in state(s)["waiting"]["message"],
        "refused",
    )
    assert gone in state(status)["waiting"]["message"]


async def test_a_crash_loop_backs_off_and_keeps_the_last_end(space: Space) -> None:
    script = "echo out of luck; echo why > /dev/termination-log; exit 3"
    pod = await space.run("p", shell(script))
    status = await space.wait_status(
        "p",
        lambda s: (
            state(s)["waiting"]["reason"] == "CrashLoopBackOff"
            and s["containerStatuses"][0]["restartCount"] >= 2
        ),
        "crash loop",
    )
    assert status["phase"] == "Running"
    (container,) = status["containerStatuses"]
    assert "restarting failed container=c0 pod=p_" in container["state"]["waiting"]["message"]
    last = container["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"], last["message"]) == (3, "Error", "why\n")
    assert last["startedAt"]
    assert last["finishedAt"]
    assert (space.directory(pod) / "0.log").read_text() == "out of luck\n"
    assert not container["ready"]


async def test_unknown_images_are_pull_errors(space: Space) -> None:
    await space.run("p", {"image": "registry.example/none:1"}, {"image": "a/Bad:1"})
    seen = set()

    def is_backing_off(status: Json) -> bool:
        seen.add(state(status)["waiting"]["reason"])
        return "ImagePullBackOff" in seen

    status = await space.wait_status("p", is_backing_off, "image pull back-off")
    assert status["phase"] == "Pending"
    assert 'Back-off pulling image "registry.example/none:1"' in state(status)["waiting"]["message"]
    assert state(status, 1)["waiting"]["reason"] == "InvalidImageName"
    await space.wait_status("p", lambda s: state(s)["waiting"]["reason"] == "ErrImagePull", "retry")


async def test_init_containers_run_in_order_and_hold_the_others(space: Space) -> None:
    volume = {"name": "v", "emptyDir": {}}
    mounts = {"volumeMounts": [{"name": "v", "mountPath": "/shared"}]}
    await space.run(
        "p",
        shell("cat /shared/log; sleep 100", **mounts),
        initContainers=[
            shell("test -e /shared/go || exit 1; echo one >> /shared/log", name="one", **mounts),
            shell("echo two >> /shared/log", name="two", **mounts),
        ],
        volumes=[volume],
    )
    status = await space.wait_status(
        "p", lambda s: s["initContainerStatuses"][0]["restartCount"] > 0, "first init retried"
    )
    assert status["phase"] == "Pending"
    assert state(status)["waiting"]["reason"] == "PodInitializing"
    assert state({"containerStatuses": status["initContainerStatuses"]}, 1)["waiting"]
    pod = await space.get("p")
    (space.directory(pod).parent / "volumes" / "v" / "go").touch()
    await space.wait_ready("p")
    log = space.directory(pod) / "0.log"
    await wait_for(lambda: log.read_text() == "one\ntwo\n", "both init containers ran in order")


async def test_a_sidecar_runs_before_and_ends_after_the_others(space: Space) -> None:
    sidecar = shell(
        "trap 'exit 0' TERM; while :; do sleep 0.1; done", name="s", restartPolicy="Always"
    )
    await space.run("p", shell("exit 0"), initContainers=[sidecar], restartPolicy="Never")
    status = await space.wait_status("p", lambda s: s["phase"] == "Succeeded", "succeeded")
    assert status["initContainerStatuses"][0]["state"]["terminated"]


async def test_probes_decide_readiness_and_restarts(space: Space) -> None:
    pod = await space.run(
        "p",
        {
            **SERVER,
            "ports": [{"containerPort": 8080, "name": "http"}],
            "startupProbe": {
                "exec": {"command": ["sh", "-c", "test -e /shared/up"]}, "failureThreshold": 90,
            },
            "readinessProbe": {
                "httpGet": {"path": "/status/unready", "port": "http"}, "failureThreshold": 1,
            },
            "livenessProbe": {"httpGet": {"path": "/status/dead", "port": 8080}},
            "volumeMounts": [{"name": "v", "mountPath": "/shared"}],
        },
        volumes=[{"name": "v", "emptyDir": {}}],
    )  # fmt: skip
    status = await space.wait_status("p", lambda s: state(s)["running"], "running")
    assert not status["containerStatuses"][0]["started"]
    assert not is_ready(status)
    (space.directory(pod).parent / "volumes" / "v" / "up").touch()
    await space.wait_ready("p")
    unready, dead = (space.directory(pod) / "root" / name for name in ("unready", "dead"))
    unready.touch()
    status = await space.wait_status("p", lambda s: not is_ready(s), "unready")
    assert state(status)["running"]
    unready.unlink()
    await space.wait_ready("p")
    dead.touch()
    status = await space.wait_status(
        "p", lambda s: s["containerStatuses"][0]["restartCount"] == 1, "restarted by liveness"
    )
    assert status["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 143
    dead.unlink()
    await space.wait_ready("p")


async def test_environment_and_volumes(space: Space, tmp_path: Path) -> None:
    await space.create("configmaps", "cm", data={"key": "value", "other": "o"})
    await space.create("secrets", "s", stringData={"token": "hidden"})
    (tmp_path / "models" / "a").mkdir(parents=True)
    (tmp_path / "models" / "a" / "model").write_text("weights")
    await space.api.request("POST", "/api/v1/persistentvolumes", {
        "metadata": {"name": space.name},
        "spec": {
            "capacity": {"storage": "1Gi"}, "accessModes": ["ReadOnlyMany"],
            "hostPath": {"path": str(tmp_path / "models")}, "storageClassName": space.name,
        },
    })  # fmt: skip
    pod = await space.run(
        "p",
        shell(
            "cat /mnt/models/model /etc/cm/key /etc/file /etc/all/t /etc/all/l /etc/all/labels;"
            " echo; echo $DIR $NAME $KEY $POD_IP; sleep 100",
            env=[
                {"name": "DIR", "value": "dir=/mnt/models"},
                {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "token"}}},
                {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            ],
            volumeMounts=[
                {"name": "m", "mountPath": "/mnt/models", "subPath": "a"},
                {"name": "cm", "mountPath": "/etc/cm"},
                {"name": "cm", "mountPath": "/etc/file", "subPath": "other"},
                {"name": "all", "mountPath": "/etc/all"},
            ],
        ),
        volumes=[
            {"name": "m", "persistentVolumeClaim": {"claimName": "claim"}},
            {"name": "cm", "configMap": {"name": "cm"}},
            {"name": "all", "projected": {"sources": [
                {"secret": {"name": "s", "items": [{"key": "token", "path": "t"}]}},
                {"configMap": {"name": "later", "items": [{"key": "l", "path": "l"}]}},
                {"downwardAPI": {"items": [
                    {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
                ]}},
            ]}},
        ],
        nodeName="devcluster",  # bound before its claim is, to see the node wait for it
    )  # fmt: skip
    status = await space.wait_status("p", lambda s: s["startTime"], "accepted")
    assert state(status)["waiting"]["reason"] == "ContainerCreating"
    assert "podIP" not in status
    await space.create("persistentvolumeclaims", "claim", spec={
        "accessModes": ["ReadOnlyMany"], "resources": {"requests": {"storage": "1Gi"}},
        "volumeName": space.name, "storageClassName": space.name,
    })  # fmt: skip
    await space.create("configmaps", "later", data={"l": "late"})
    await space.wait_ready("p")
    address = (await space.status("p"))["podIP"]
    log = space.directory(pod) / "0.log"
    mount = space.directory(pod) / "root/mnt/models"
    expected = f'weightsvalueohiddenlatepod="p"\ndir={mount} p hidden {address}\n'
    await wait_for(lambda: log.read_text() == expected, f"log is {log.read_text()}")


async def test_a_missing_key_is_a_config_error_until_it_is_there(space: Space) -> None:
    source = {"configMapKeyRef": {"name": "cm", "key": "k"}}
    await space.run("p", shell("sleep 100", env=[{"name": "K", "valueFrom": source}]))
    status = await space.wait_status(
        "p", lambda s: state(s)["waiting"]["reason"] == "CreateContainerConfigError", "error"
    )
    assert state(status)["waiting"]["message"] == 'configmap "cm" not found'
    await space.create("configmaps", "cm", data={"k": "v"})
    await space.wait_ready("p")


async def test_instant_pods_are_ready_without_a_process(space: Space) -> None:
    container = {
        "name": "c",
        "image": "holdfast.dev/instant:1",
        "readinessProbe": {"tcpSocket": {"port": 1}},
    }
    labels = {"app": "fleet"}
    spec = {
        "replicas": 50,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    await space.create("deployments", "fleet", api="/apis/apps/v1", spec=spec)
    path = f"/apis/apps/v1/namespaces/{space.name}/deployments/fleet"

    async def is_available() -> bool:
        return bool((await space.api.request("GET", path))["status"].get("availableReplicas") == 50)

    await wait_for(is_available, "50 replicas available")
    assert not any("instant" in line for line in space.node.find_processes())


async def test_a_service_account_token_is_real(space: Space) -> None:
    path = "/var/run/secrets/kubernetes.io/serviceaccount/token"
    pod = await space.run("p", shell(f"cat {path}; sleep 100"), automountServiceAccountToken=True)
    log = space.directory(pod) / "0.log"
    await wait_for(lambda: log.exists() and log.read_text(), "token")
    review = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": log.read_text()},
    }
    answer = await space.api.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review)
    assert answer["status"]["user"]["username"] == f"system:serviceaccount:{space.name}:default"


async def test_status_is_written_only_on_change(space: Space) -> None:
    await space.run("p", {**SERVER, "readinessProbe": {"httpGet": {"path": "/", "port": 8080}}})
    await space.wait_ready("p")
    before = (await space.get("p"))["metadata"]["resourceVersion"]
    await space.run("q", shell("sleep 0.7; exit 1"), restartPolicy="Never")
    await space.wait_status("q", lambda s: s["phase"] == "Failed", "q ends")
    # Several probe periods have passed meanwhile.
    assert (await space.get("p"))["metadata"]["resourceVersion"] == before
