"""Requests through the proxy to real pods behind real Services."""

import base64
import http.client
import json
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import closing

import pytest

from devcluster.node.api import Json
from tests.devcluster.node.harness import Space, wait_for

SERVER: Json = {
    "image": "test/server:1",
    "ports": [{"containerPort": 8080}],
    "readinessProbe": {"httpGet": {"path": "/status/unready", "port": 8080}, "failureThreshold": 1},
}


class Client:
    """A kept-alive HTTP client of one Service, through the proxy."""

    def __init__(self, space: Space, service: str = "s") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", space.node.port, timeout=10)
        self.base = f"http://{service}.{space.name}.svc"

    def ask(
        self, path: str = "/status/x", method: str = "GET", url: str = "", **more: object
    ) -> http.client.HTTPResponse:
        self.connection.request(method, url or self.base + path, **more)  # type: ignore[arg-type]
        response = self.connection.getresponse()
        response.body = response.read()  # type: ignore[attr-defined]
        return response

    def ask_who(self, headers: dict[str, str] | None = None) -> str | None:
        return self.ask(headers=headers or {}).getheader("X-Devcluster-Endpoint")

    def close(self) -> None:
        self.connection.close()


def ask_once(space: Space, path: str = "/status/x", url: str = "") -> http.client.HTTPResponse:
    with closing(Client(space)) as client:
        return client.ask(path, url=url)


def ask_who(space: Space, address: str = "") -> str | None:
    """Which pod answers, a client outside of pods or the pod with an address."""
    credentials = base64.b64encode(f"{address}:".encode()).decode()
    headers = {"Proxy-Authorization": f"Basic {credentials}"} if address else {}
    with closing(Client(space)) as client:
        return client.ask_who(headers=headers)


async def create_service(space: Space, pod: str, **spec: object) -> None:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    await space.create("services", "s", spec={"selector": {"pod": pod}, "ports": ports, **spec})


async def flip_service(space: Space, pod: str) -> None:
    await space.api.request(
        "PATCH",
        f"{space.path}/services/s",
        {"spec": {"selector": {"pod": pod}}},
        content_type="application/merge-patch+json",
    )


async def wait_who(space: Space, expected: str | None) -> None:
    await wait_for(lambda: ask_who(space) == expected, f"the Service leads to {expected}")


async def test_a_service_leads_to_its_pod_by_every_name(space: Space) -> None:
    await space.run("a", SERVER)
    await space.wait_ready("a")
    await create_service(space, "a")
    await wait_who(space, "a")
    service = await space.api.request("GET", f"{space.path}/services/s")
    address = (await space.status("a"))["podIP"]
    for host in (
        f"s.{space.name}", f"s.{space.name}.svc", f"s.{space.name}.svc.cluster.local",
        service["spec"]["clusterIP"], f"{address}:8080",
    ):  # fmt: skip
        response = ask_once(space, url=f"http://{host}/status/x")
        assert (response.status, response.getheader("X-Devcluster-Endpoint")) == (200, "a"), host


@pytest.mark.parametrize(
    ("url", "status", "reason"),
    [
        ("http://none.{ns}.svc/", 502, "unknown host"),
        ("http://s.{ns}.svc/", 503, "no ready endpoint"),
        ("http://s.{ns}.svc:81/", 503, "no port 81"),
        ("http://192.0.2.1/", 403, "not in this cluster"),
        ("http://10.244.250.250:8080/", 403, "not in this cluster"),
        ("https://s.{ns}.svc/", 400, "not a URL"),
        ("/metrics", 400, "forward proxy"),
    ],
)
async def test_what_cannot_be_reached_is_refused_and_says_so(
    space: Space, url: str, status: int, reason: str
) -> None:
    await create_service(space, "nobody")
    target = url.format(ns=space.name)

    def is_refused() -> bool:
        response = ask_once(space, url=target)
        return response.status == status and reason in response.getheader("X-Devcluster-Proxy", "")

    await wait_for(is_refused, f"{target} refused with {status}: {reason}")


async def test_unready_and_terminating_pods_get_no_new_connections(space: Space) -> None:
    await space.run("a", SERVER)
    await space.wait_ready("a")
    await create_service(space, "a")
    await wait_who(space, "a")
    address = (await space.status("a"))["podIP"]
    with closing(Client(space)) as client:
        client.ask("/status/unready", "PUT", url=f"http://{address}:8080/status/unready")
        await wait_for(lambda: ask_once(space).status == 503, "nothing ready")
        client.ask("/status/unready", "DELETE", url=f"http://{address}:8080/status/unready")
        await wait_who(space, "a")


async def test_a_kept_alive_connection_stays_on_its_pod_while_the_service_moves_on(
    space: Space,
) -> None:
    for name in ("a", "b"):
        await space.run(name, SERVER)
    await space.wait_ready("a", "b")
    await create_service(space, "a")
    await wait_who(space, "a")
    with closing(Client(space)) as kept:
        assert kept.ask_who() == "a"
        await flip_service(space, "b")
        await wait_who(space, "b")
        response = kept.ask()
        assert response.getheader("X-Devcluster-Endpoint") == "a"
        assert response.getheader("X-Requests") == "2"
        await space.api.request("DELETE", f"{space.path}/services/s")
        await wait_for(lambda: ask_once(space).status == 502, "the Service is gone")
        assert kept.ask_who() == "a"
        await space.delete("a")
        await space.wait_gone("a")
        # The connection is closed, not led elsewhere; http.client opens another for the next one.
        await wait_for(lambda: is_closed(kept.connection.sock), "the client's connection is closed")


def is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False


async def test_when_the_pod_closes_the_connection_the_clients_is_closed(space: Space) -> None:
    await space.run("a", SERVER)
    await space.wait_ready("a")
    await create_service(space, "a")
    await wait_who(space, "a")
    with closing(Client(space)) as client:
        response = client.ask("/close")
        assert (response.status, response.getheader("Connection")) == (200, "close")
        assert client.connection.sock is None


async def test_new_connections_take_turns_unless_the_service_is_sticky(space: Space) -> None:
    labels = {"pod": "both"}
    for name in ("a", "b"):
        spec = {"containers": [{"name": "c", **SERVER}], "terminationGracePeriodSeconds": 1}
        await space.create("pods", name, metadata={"labels": labels}, spec=spec)
    await space.wait_ready("a", "b")
    await create_service(space, "both")
    await wait_for(lambda: {ask_who(space) for _ in range(4)} == {"a", "b"}, "both in turn")
    assert Counter(ask_who(space) for _ in range(10)) == {"a": 5, "b": 5}
    await space.api.request(
        "PATCH",
        f"{space.path}/services/s",
        {"spec": {"sessionAffinity": "ClientIP"}},
        content_type="application/merge-patch+json",
    )
    await wait_for(lambda: len({ask_who(space) for _ in range(6)}) == 1, "one of them")
    # Each client keeps to its own.
    clients = [f"10.244.9.{number}" for number in range(1, 7)]
    first = [ask_who(space, client) for client in clients]
    assert Counter(first) == {"a": 3, "b": 3}
    assert [ask_who(space, client) for client in reversed(clients)] == first[::-1]


async def test_bodies_stream_in_both_directions(space: Space) -> None:
    await space.run("a", SERVER)
    await space.wait_ready("a")
    await create_service(space, "a")
    await wait_who(space, "a")
    block = bytes(range(256)) * 512
    with closing(Client(space)) as client:
        for body in (block * 8, (block for _ in range(8)), b""):  # with a length, chunked, empty
            response = client.ask("/echo", "POST", body=body)
            assert response.status == 200
            assert response.body == (b"" if body == b"" else block * 8)  # type: ignore[attr-defined]


async def test_expect_100_continue_is_passed_on(space: Space) -> None:
    await space.run("a", SERVER)
    await space.wait_ready("a")
    await create_service(space, "a")
    await wait_who(space, "a")
    with socket.create_connection(("127.0.0.1", space.node.port), timeout=5) as client:
        head = f"POST http://s.{space.name}/echo HTTP/1.1\r\nHost: s\r\nContent-Length: 5\r\n"
        client.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 100")
        client.sendall(b"hello")
        received = read_until(client, lambda data: data.endswith(b"0\r\n\r\n"))
        assert b"hello" in received


async def test_connect_opens_a_tunnel(space: Space) -> None:
    await space.run("a", SERVER)
    await space.wait_ready("a")
    await create_service(space, "a")
    await wait_who(space, "a")
    with socket.create_connection(("127.0.0.1", space.node.port), timeout=5) as client:
        client.sendall(f"CONNECT s.{space.name}.svc:80 HTTP/1.1\r\nHost: s\r\n\r\n".encode())
        head = read_until(client, lambda data: b"\r\n\r\n" in data)
        assert head.startswith(b"HTTP/1.1 200")
        assert b"X-Devcluster-Endpoint: a" in head
        client.sendall(b"GET /status/x HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n")
        assert read_until(client, lambda data: False).endswith(b"fine")


def read_until(client: socket.socket, is_complete: Callable[[bytes], bool]) -> bytes:
    received = b""
    while not is_complete(received) and (data := client.recv(65536)):
        received += data
    return received


async def test_one_client_connection_may_ask_several_services(space: Space) -> None:
    for name in ("a", "b"):
        await space.run(name, SERVER)
    await space.wait_ready("a", "b")
    addresses = [(await space.status(name))["podIP"] for name in ("a", "b")]
    with closing(Client(space)) as client:
        seen = [
            client.ask(url=f"http://{address}:8080/x").getheader("X-Devcluster-Endpoint")
            for address in addresses * 2
        ]
    assert seen == ["a", "b", "a", "b"]


async def test_pods_are_told_of_the_proxy_and_of_their_port(space: Space) -> None:
    args = ["--model_name=m", "$(POD)"]
    env = [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
    await space.run("a", {**SERVER, "args": args, "env": env})
    await space.wait_ready("a")
    address = (await space.status("a"))["podIP"]
    with closing(Client(space)) as client:
        base = f"http://{address}:8080"
        environment = json.loads(client.ask(url=f"{base}/environment").body)  # type: ignore[attr-defined]
        arguments = json.loads(client.ask(url=f"{base}/arguments").body)  # type: ignore[attr-defined]
    proxy = space.node.proxy_url.replace("://", f"://{address}:@")  # by which it is known
    assert environment["HTTP_PROXY"] == environment["http_proxy"] == proxy
    assert "127.0.0.1" in environment["NO_PROXY"]
    assert environment["IMAGE_SAYS"] == "hello"
    assert arguments == ["--model_name=m", "a"]
