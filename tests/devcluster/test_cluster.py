import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from devcluster.cluster import Cluster
from devcluster.directory import Directory, State
from devcluster.errors import AlreadyRunningError, ComponentDiedError, DevclusterError
from devcluster.processes import Identity

SECONDS = 30.0


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def get_state(cluster: Cluster) -> State:
    state = Directory(cluster.access.directory).read_running_state()
    assert state is not None
    return state


def get_listeners(cluster: Cluster) -> set[tuple[str, int]]:
    own = {component.pid for component in get_state(cluster).components.values()}
    return {
        (connection.laddr.ip, connection.laddr.port)
        for connection in psutil.net_connections("inet")
        if connection.pid in own and connection.status == psutil.CONN_LISTEN and connection.laddr
    }


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster for tests that break it; without KServe it is there sooner."""
    with Cluster.start(kserve=False, directory=tmp_path_factory.mktemp("small")) as cluster:
        yield cluster


def test_everything_listens_on_loopback_only(cluster: Cluster) -> None:
    listeners = get_listeners(cluster)
    assert len(listeners) >= 8
    assert {address for address, _ in listeners} == {"127.0.0.1"}


def test_a_killed_component_is_expected_and_comes_back(small: Cluster) -> None:
    small.kill("kube-controller-manager")
    small.check()
    small.access.kubectl.run("create", "namespace", "orphan")
    small.restart("kube-controller-manager")
    small.check()
    account = ("serviceaccount", "default", "-n", "orphan", "--ignore-not-found")
    kubectl = small.access.kubectl
    wait_until(lambda: bool(kubectl.run("get", *account)), "its controllers do not work")


def test_a_paused_component_does_nothing_until_resumed(small: Cluster) -> None:
    small.pause("kube-scheduler")
    status = psutil.Process(get_state(small).components["kube-scheduler"].pid)
    wait_until(lambda: status.status() == psutil.STATUS_STOPPED, "not paused")
    small.resume("kube-scheduler")
    wait_until(lambda: status.status() != psutil.STATUS_STOPPED, "not resumed")


def test_a_service_accounts_kubeconfig_has_its_rights_and_no_more(small: Cluster) -> None:
    kubectl = small.access.kubectl
    kubectl.run("create", "serviceaccount", "reader", "-n", "default")
    kubectl.run("create", "role", "reader", "-n", "default", "--verb=get", "--resource=pods")
    kubectl.run(
        *("create", "rolebinding", "reader", "-n", "default", "--role=reader"),
        "--serviceaccount=default:reader",
    )
    own = str(small.kubeconfig_for("default", "reader"))
    assert kubectl.run("--kubeconfig", own, "auth", "can-i", "get", "pods").strip() == "yes"
    with pytest.raises(DevclusterError):
        kubectl.run("--kubeconfig", own, "auth", "can-i", "delete", "pods")
    with pytest.raises(DevclusterError, match="not found"):
        small.kubeconfig_for("default", "nobody")


def test_two_side_by_side_are_two(small: Cluster, tmp_path: Path) -> None:
    with Cluster.start(kserve=False, directory=tmp_path / "second") as second:
        second.access.kubectl.run("create", "namespace", "only-in-the-second")
        assert "only-in-the-second" not in small.access.kubectl.run("get", "namespaces")
        ports = {port for _, port in get_listeners(second)}
        assert ports.isdisjoint(port for _, port in get_listeners(small))
        components = list(get_state(second).components.values())
    small.check()
    assert not [component for component in components if component.is_alive()]
    assert not [port for port in ports if is_listening(port)]
    assert sorted(path.name for path in (tmp_path / "second").iterdir()) == ["lock", "logs"]


def test_a_directory_belongs_to_one_cluster(small: Cluster) -> None:
    with pytest.raises(AlreadyRunningError, match="already runs"):
        Cluster.start(kserve=False, directory=small.access.directory)
    small.check()


def test_a_directory_with_other_files_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "thesis.txt"
    precious.write_text("years")
    with pytest.raises(DevclusterError, match="not a devcluster's"):
        Cluster.start(kserve=False, directory=tmp_path)
    assert precious.read_text() == "years"


def test_what_a_crash_has_left_is_cleared_away(tmp_path: Path) -> None:
    """Processes of a cluster whose own process is gone end; a reused number is not touched."""
    with ExitStack() as stack:
        ours, other = (stack.enter_context(psutil.Popen(["sleep", "600"])) for _ in range(2))
        stack.callback(other.kill)
        stack.callback(ours.kill)
        left, reused = Identity.of(ours.pid), Identity.of(other.pid)
        assert left
        assert reused
        state = State(
            supervisor=Identity(os.getpid(), started=1),
            proxy_url="",
            components={"etcd": left, "node": Identity(reused.pid, reused.started - 1)},
        )
        directory = Directory(tmp_path)
        (tmp_path / "lock").touch()
        directory.write_state(state)
        assert directory.read_running_state() is None
        directory.claim()
        assert not left.is_alive()
        assert reused.is_alive()
        assert directory.read_state() is None
        directory.release()


def test_a_component_that_dies_is_named_with_its_last_lines(small: Cluster) -> None:
    """The last test of the small cluster, which does not survive it."""
    os.kill(get_state(small).components["kube-apiserver"].pid, signal.SIGKILL)

    def check() -> bool:
        small.check()
        return False

    message = r"kube-apiserver ended by itself \(signal SIGKILL\)"
    with pytest.raises(ComponentDiedError, match=message) as caught:
        wait_until(check, "nobody noticed")
    assert str(small.logs / "kube-apiserver.log") in str(caught.value)
    assert len(str(caught.value).splitlines()) > 5


def test_kserve_admits_and_refuses(cluster: Cluster) -> None:
    predictor = {
        "minReplicas": 2,
        "maxReplicas": 1,
        "model": {"modelFormat": {"name": "sklearn"}, "storageUri": "pvc://a/b"},
    }
    service = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "odd", "namespace": "default"},
        "spec": {"predictor": predictor},
    }
    with pytest.raises(DevclusterError, match="'MinReplicas' cannot be greater than MaxReplicas"):
        cluster.access.kubectl.apply(service)


def test_kserve_has_its_runtimes_and_predictors_have_addresses(cluster: Cluster) -> None:
    kubectl = cluster.access.kubectl
    found = json.loads(kubectl.run("get", "clusterservingruntimes", "-o", "json"))["items"]
    images = {each["metadata"]["name"]: each["spec"]["containers"][0]["image"] for each in found}
    assert images["kserve-sklearnserver"] == "kserve/sklearnserver:latest"
    model = {"modelFormat": {"name": "sklearn"}, "storageUri": "pvc://a/b"}
    service = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "addressed", "namespace": "default"},
        "spec": {"predictor": {"model": model}},
    }
    kubectl.apply(service)
    get = ("get", "service", "addressed-predictor", "--ignore-not-found")
    wait_until(lambda: bool(kubectl.run(*get)), "no Service")
    assert kubectl.run(*get, "-o", "jsonpath={.spec.clusterIP}").startswith("10.96.")
    kubectl.run("delete", "inferenceservice", "addressed")


def test_the_proxy_is_where_it_says(cluster: Cluster) -> None:
    url = urlsplit(cluster.proxy_url)
    assert url.hostname == "127.0.0.1"
    assert url.port
    assert is_listening(url.port)
