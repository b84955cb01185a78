"""The node's pure rules, as tables."""

import json
from pathlib import Path
from typing import Any

import pytest

from devcluster.node.backoff import Backoff
from devcluster.node.environment import (
    ConfigError,
    Sources,
    compute_environment,
    expand_variables,
    get_resource,
)
from devcluster.node.images import (
    ImageEntry,
    ImageTable,
    InvalidImageError,
    make_builtin_entries,
    parse_reference,
)
from devcluster.node.launch import assign_ports, compute_launch
from devcluster.node.network import Network
from devcluster.node.paths import replace_port_flags, rewrite_paths
from devcluster.node.probes import ProbeCounter
from devcluster.node.status import ContainerRecord, compute_phase, compute_status

MOUNTS = {"/mnt/models": "/pod/m", "/mnt/models/extra": "/pod/e", "/etc/app": "/pod/app"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/mnt/models", "/pod/m"),
        ("--model_dir=/mnt/models", "--model_dir=/pod/m"),
        ("/mnt/models/x.joblib", "/pod/m/x.joblib"),
        ("/mnt/models/extra/x", "/pod/e/x"),
        ("/mnt/models2", "/mnt/models2"),
        ("/mnt/models-old/x", "/mnt/models-old/x"),
        ("file:///mnt/models/x", "file:///pod/m/x"),
        ("http://host/mnt/models", "http://host/mnt/models"),
        ("/srv/mnt/models", "/srv/mnt/models"),
        (
            "cat /mnt/models/a > /etc/app/b; ls '/mnt/models'",
            "cat /pod/m/a > /pod/app/b; ls '/pod/m'",
        ),
        ("a:/mnt/models:/etc/app", "a:/pod/m:/pod/app"),
        ('{"dir": "/mnt/models"}', '{"dir": "/pod/m"}'),
    ],
)
def test_mount_paths_are_rewritten_only_as_whole_paths(text: str, expected: str) -> None:
    assert rewrite_paths(text, MOUNTS) == expected


def test_port_flags_of_peers_get_loopback_ports() -> None:
    argv = ["agent", "--component-port", "8080", "--component-port=8080", "--other", "8080", "x"]
    moved = replace_port_flags(argv, ["--component-port"], {8080: 20001})
    assert moved[1:4] == ["--component-port", "20001", "--component-port=20001"]
    assert moved[4:] == ["--other", "8080", "x"]


@pytest.mark.parametrize(
    ("image", "valid"),
    [
        ("kserve-sklearnserver:replace", True),
        ("localhost:5000/a/b_c:1@sha256:" + "0" * 64, True),
        ("ghcr.io/x/y", True),
        ("a/Upper:1", False),
        ("a b", False),
        ("x:@", False),
        ("", False),
    ],
)
def test_image_references_are_parsed_as_a_runtime_would(image: str, valid: bool) -> None:
    if valid:
        parse_reference(image)
    else:
        with pytest.raises(InvalidImageError):
            parse_reference(image)


def test_later_tables_win_and_a_changed_table_is_read_again(tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(
        "images: [{image: 'a:*', command: [one]}, {image: 'b:*', command: ['{here}/b']}]"
    )
    second.write_text("images: [{image: 'a:1', command: [two]}]")
    table = ImageTable(make_builtin_entries(None), [first, second])

    def command(image: str) -> tuple[str, ...] | None:
        entry = table.find(image)
        return entry.command if entry else None

    assert command("a:1") == ("two",)
    assert command("a:2") == ("one",)
    assert command("b:1") == (f"{tmp_path}/b",)
    assert command("c:1") is None
    assert table.find("holdfast.dev/instant:9") == ImageEntry(
        "holdfast.dev/instant:*", process=False
    )
    second.write_text("images: [{image: 'c:*', command: [three]}]")
    assert command("c:1") == ("three",)
    assert command("a:1") == ("one",)
    second.write_text("images: [not a table")
    assert command("c:1") == ("three",)


def test_image_ids_are_stable_and_follow_name_and_content() -> None:
    entry = ImageEntry("a:*", ("run",))
    identity = entry.compute_image_id("a:1")
    assert identity == ImageEntry("a:*", ("run",)).compute_image_id("a:1")
    assert identity != ImageEntry("*:*", ("run",)).compute_image_id("b:1")
    assert identity != ImageEntry("a:*", ("walk",)).compute_image_id("a:1")
    parsed = parse_reference(identity)
    assert (parsed["name"], parsed["tag"]) == ("a", None)
    assert parsed["digest"]


@pytest.mark.parametrize("image", ["registry:5000/b/a:1", "registry:5000/b/a", "kserve/a:1"])
def test_image_is_found_by_its_digest_while_it_is_there(tmp_path: Path, image: str) -> None:
    file = tmp_path / "images.yaml"
    file.write_text("images: [{image: '*/a:*', command: [one]}, {image: '*/a', command: [one]}]")
    table = ImageTable([], [file])
    entry = table.find(image)
    assert entry is not None
    by_digest = entry.compute_image_id(image)
    found = table.find(by_digest)
    assert found is not None
    assert found.command == ("one",)
    assert found.compute_image_id(by_digest) == by_digest
    repository, _, digest = by_digest.partition("@")
    assert table.find(f"{repository}:1@{digest}") == found
    assert table.find(f"{repository}@sha256:{'0' * 64}") is None
    assert table.find(f"other/b@{digest}") is None
    file.write_text("images: [{image: '*/a:*', command: [two]}]")
    assert table.find(by_digest) is None
    assert table.find("kserve/a:1") is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("$(A)/x", "1/x"), ("$$(A)", "$(A)"), ("$(B)", "$(B)"), ("$A", "$A"), ("$(A)$(A)", "11")],
)
def test_variables_are_expanded(text: str, expected: str) -> None:
    assert expand_variables(text, {"A": "1"}) == expected


POD: dict[str, Any] = {
    "metadata": {"name": "p", "namespace": "ns", "uid": "u", "labels": {"app": "x"}},
    "spec": {"nodeName": "devcluster", "serviceAccountName": "sa", "containers": [{"name": "c"}]},
}
SOURCES = Sources(
    {"cm": {"data": {"k": "v", "A": "from"}}, "gone": None}, {"s": {"data": {"k": "dg=="}}}
)


def env(name: str, **value: Any) -> dict[str, Any]:
    return {"name": name, "valueFrom": value}


def test_environment_from_every_source() -> None:
    container = {
        "envFrom": [
            {"prefix": "P_", "configMapRef": {"name": "cm"}},
            {"secretRef": {"name": "absent", "optional": True}},
        ],
        "env": [
            {"name": "A", "value": "1"},
            {"name": "B", "value": "$(A)-$(P_k)"},
            env("C", configMapKeyRef={"name": "cm", "key": "k"}),
            env("D", secretKeyRef={"name": "s", "key": "k"}),
            env("E", configMapKeyRef={"name": "gone", "key": "k", "optional": True}),
            env("F", fieldRef={"fieldPath": "metadata.labels['app']"}),
            env("G", fieldRef={"fieldPath": "status.podIP"}),
            env("H", fieldRef={"fieldPath": "spec.serviceAccountName"}),
            env("I", resourceFieldRef={"resource": "limits.memory", "divisor": "1Mi"}),
        ],
        "resources": {"limits": {"memory": "1Gi"}},
    }
    assert compute_environment(POD, container, SOURCES, "10.244.1.1") == {
        "P_k": "v", "P_A": "from", "A": "1", "B": "1-v", "C": "v", "D": "v", "F": "x",
        "G": "10.244.1.1", "H": "sa", "I": "1024",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("container", "message"),
    [
        (
            {"env": [env("A", configMapKeyRef={"name": "gone", "key": "k"})]},
            'configmap "gone" not found',
        ),
        (
            {"env": [env("A", secretKeyRef={"name": "s", "key": "x"})]},
            "couldn't find key x in Secret ns/s",
        ),
        ({"envFrom": [{"secretRef": {"name": "none"}}]}, 'secret "none" not found'),
    ],
)
def test_missing_sources_are_config_errors(container: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("'", ".")):
        compute_environment(POD, container, SOURCES, "")


def test_cpu_limits_are_rounded_up() -> None:
    container = {"resources": {"limits": {"cpu": "1500m"}}}
    assert get_resource(POD, container, {"resource": "limits.cpu"}) == "2"
    assert get_resource(POD, container, {"resource": "limits.cpu", "divisor": "1m"}) == "1500"


def test_thresholds_turn_answers_into_verdicts() -> None:
    counter = ProbeCounter(success_threshold=2, failure_threshold=3)
    answers = [True, True, False, False, True, False, False, False, False]
    verdicts = [counter.observe(success=answer) for answer in answers]
    assert verdicts == [None, True, None, None, None, None, None, False, False]


def test_back_off_doubles_to_five_minutes_and_forgets_after_ten() -> None:
    backoff = Backoff(10)
    assert [backoff.advance() for _ in range(8)] == [0, 10, 20, 40, 80, 160, 300, 300]
    assert backoff.advance(ran_seconds=601) == 0
    assert backoff.advance() == 10


SERVER = ImageEntry("s:*", ("serve",), port=8080, port_flag="--port={port}", port_env="PORT")


@pytest.mark.parametrize(
    ("container", "argv", "port"),
    [
        ({"args": ["--dir=/mnt/models"]}, ["serve", "--dir=/pod/m", "--port=20001"], "20001"),
        ({"command": ["sh", "-c", "ls /mnt/models"]}, ["sh", "-c", "ls /pod/m"], "20001"),
        (
            {"command": ["other"], "ports": [{"containerPort": 8080}]},
            ["other", "--port=20001"],
            "20001",
        ),
        (
            {
                "ports": [{"containerPort": 9000}],
                "args": ["$(X)"],
                "env": [{"name": "X", "value": "y"}],
            },
            ["serve", "y", "--port=20002"],
            "20002",
        ),
    ],
)
def test_command_line(
    container: dict[str, Any], argv: list[str], port: str, tmp_path: Path
) -> None:
    launch = compute_launch(
        container,
        SERVER,
        variables=compute_environment(POD, container, Sources(), ""),
        mounts=MOUNTS,
        ports={8080: 20001, 9000: 20002},
        home=tmp_path,
        hostname="p",
        proxy_url="http://127.0.0.1:1",
    )
    assert launch.argv == argv
    assert launch.env["PORT"] == port
    assert launch.env["HTTP_PROXY"] == "http://127.0.0.1:1"


def test_a_server_with_several_ports_is_told_each_of_them(tmp_path: Path) -> None:
    raw = {"image": "c:*", "portVariables": {8080: "EVENTS_PORT", 8081: "METRICS_PORT"}}
    file = tmp_path / "images.yaml"
    file.write_text(json.dumps({"images": [raw]}))
    table, network = ImageTable([], [file]), Network()
    entry = table.find("c:1")
    assert entry is not None
    numbers = (8080, 8081, 9000)
    container = {"image": "c:1", "command": ["c"], "ports": [{"containerPort": n} for n in numbers]}
    ports = assign_ports({"spec": {"containers": [container]}}, "10.244.1.1", table, network)
    assert ports[9000] == 9000
    assert {ports[8080], ports[8081]}.isdisjoint(numbers)
    assert all(network.find_port("10.244.1.1", number) == ports[number] for number in numbers)
    launch = compute_launch(
        container,
        entry,
        variables={},
        mounts={},
        ports=ports,
        home=tmp_path,
        hostname="p",
        proxy_url="",
    )
    assert launch.env["EVENTS_PORT"] == str(ports[8080])
    assert launch.env["METRICS_PORT"] == str(ports[8081])
    assert launch.argv == ["c"]


def test_the_agents_copy_of_the_models_probe_follows_the_port(tmp_path: Path) -> None:
    agent = make_builtin_entries(Path("agent"))[1]
    variables = {"SERVING_READINESS_PROBE": '{"tcpSocket":{"port":8080,"host":"127.0.0.1"}}'}
    launch = compute_launch(
        {"args": ["--component-port", "8080"], "ports": [{"containerPort": 9081}]},
        agent,
        variables=variables,
        mounts={},
        ports={8080: 20001, 9081: 20002},
        home=tmp_path,
        hostname="p",
        proxy_url="",
    )
    assert launch.argv[1:] == ["--component-port", "20001", "--port=20002"]
    assert json.loads(launch.env["SERVING_READINESS_PROBE"])["tcpSocket"]["port"] == 20001


def waiting(exit_code: int | None = None) -> ContainerRecord:
    last = {} if exit_code is None else {"terminated": {"exitCode": exit_code}}
    return ContainerRecord("c", "i", state={"waiting": {"reason": "x"}}, last_state=last)


def running(*, ready: bool = True) -> ContainerRecord:
    return ContainerRecord("c", "i", state={"running": {}}, ready=ready, started=True)


def ended(exit_code: int) -> ContainerRecord:
    return ContainerRecord("c", "i", state={"terminated": {"exitCode": exit_code}})


@pytest.mark.parametrize(
    ("policy", "init", "main", "phase"),
    [
        ("Always", [], [waiting()], "Pending"),
        ("Always", [], [running()], "Running"),
        ("Always", [], [running(), waiting()], "Pending"),
        ("Always", [], [waiting(1)], "Running"),
        ("Always", [], [ended(1)], "Running"),
        ("Always", [], [ended(0)], "Running"),
        ("OnFailure", [], [ended(0)], "Succeeded"),
        ("OnFailure", [], [ended(1)], "Running"),
        ("Never", [], [ended(1)], "Failed"),
        ("Never", [], [ended(0), ended(0)], "Succeeded"),
        ("Never", [], [ended(1), running()], "Running"),
        ("Never", [], [ended(0), ended(2)], "Failed"),
        ("Always", [waiting()], [waiting()], "Pending"),
        ("Always", [waiting(1)], [waiting()], "Pending"),
        ("Never", [ended(1)], [waiting()], "Failed"),
        ("Never", [ended(0)], [running()], "Running"),
    ],
)
def test_phase(
    policy: str, init: list[ContainerRecord], main: list[ContainerRecord], phase: str
) -> None:
    assert compute_phase(policy, init, main) == phase


def test_a_removed_pod_ends_succeeded_or_failed() -> None:
    assert compute_phase("Always", [], [ended(0)], ending=True) == "Succeeded"
    assert compute_phase("Always", [], [ended(143)], ending=True) == "Failed"


def test_conditions_keep_their_transition_time_while_nothing_changes() -> None:
    def status(record: ContainerRecord, now: str, previous: dict[str, Any]) -> dict[str, Any]:
        return compute_status(
            POD, [], [record], address="10.244.1.1", started="t0", now=now, previous=previous
        )

    first = status(running(ready=False), "t1", {})
    assert {c["type"]: c["status"] for c in first["conditions"]} == {
        "PodReadyToStartContainers": "True", "Initialized": "True", "Ready": "False",
        "ContainersReady": "False", "PodScheduled": "True",
    }  # fmt: skip
    assert first["conditions"][2]["message"] == "containers with unready status: [c]"
    assert status(running(ready=False), "t2", first) == first
    ready = {c["type"]: c for c in status(running(), "t2", first)["conditions"]}
    assert (ready["Ready"]["status"], ready["Ready"]["lastTransitionTime"]) == ("True", "t2")
    assert ready["PodScheduled"]["lastTransitionTime"] == "t1"


def test_readiness_gates_hold_a_pod_back() -> None:
    pod = {**POD, "spec": {**POD["spec"], "readinessGates": [{"conditionType": "x/y"}]}}
    status = compute_status(
        pod, [], [running()], address="a", started="t", now="t", previous={}
    )  # fmt: skip
    conditions = {c["type"]: c["status"] for c in status["conditions"]}
    assert (conditions["ContainersReady"], conditions["Ready"]) == ("True", "False")
