"""The API server as the benchmarks speak to it: the administrator's, many requests at a time."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Self

import aiohttp
import yaml

JsonObject = dict[str, Any]

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"

_LINE_BYTES: Final = 4 * 1024 * 1024
_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=600)
_NOT_NOW: Final = 429
_RETRY_SECONDS: Final = 0.2

GROUPS: Final = {
    "modeldeployments": "apis/holdfast.dev/v1alpha1",
    "services": "api/v1",
    "pods": "api/v1",
    "serviceaccounts": "api/v1",
    "controllerrevisions": "apis/apps/v1",
    "deployments": "apis/apps/v1",
    "endpointslices": "apis/discovery.k8s.io/v1",
    "inferenceservices": "apis/serving.kserve.io/v1beta1",
    "servingruntimes": "apis/serving.kserve.io/v1alpha1",
}


def get_path(plural: str, namespace: str = "", name: str = "", subresource: str = "") -> str:
    """Where objects of a kind are, from the root of the server."""
    place = ["namespaces", namespace] if namespace else []
    return "/".join([GROUPS[plural], *place, *filter(None, (plural, name, subresource))])


class Client:
    """A session with the API server. Make it with `connect`."""

    def __init__(self, session: aiohttp.ClientSession, server: str) -> None:
        self._session = session
        self._server = server

    @classmethod
    @asynccontextmanager
    async def connect(cls, kubeconfig: Path) -> AsyncIterator[Self]:
        """Connect as the user of a kubeconfig that the devcluster has written."""
        config = await asyncio.to_thread(lambda: yaml.safe_load(kubeconfig.read_text()))
        authority = str(kubeconfig.parent / "pki" / "ca.crt")
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=64, ssl=ssl.create_default_context(cafile=authority)
            ),
            headers={"Authorization": f"Bearer {config['users'][0]['user']['token']}"},
            read_bufsize=_LINE_BYTES,
            timeout=_TIMEOUT,
        ) as session:
            yield cls(session, config["clusters"][0]["cluster"]["server"])

    async def call(
        self, method: str, path: str, body: JsonObject | None = None, content: str = JSON
    ) -> JsonObject:
        """One request that has to succeed.

        Raises:
            RuntimeError: It did not; the message is the server's.
        """
        async with self._session.request(
            method,
            f"{self._server}/{path}",
            data=None if body is None else json.dumps(body),
            headers={"Content-Type": content},
        ) as response:
            text = await response.read()
            if not response.ok:
                raise RuntimeError(f"{method} {path}: {response.status} {text.decode()}")
            answer: JsonObject = json.loads(text)
            return answer

    async def list(self, plural: str, selector: str = "") -> list[JsonObject]:
        """All objects of a kind, in all namespaces."""
        answer = await self.call("GET", f"{get_path(plural)}?labelSelector={selector}")
        items: list[JsonObject] = answer["items"]
        return items

    async def watch(self, plural: str, selector: str = "") -> AsyncIterator[tuple[str, JsonObject]]:
        """What there is of a kind, as ADDED, and then whatever happens to it, for an hour."""
        path = f"{get_path(plural)}?watch=1&timeoutSeconds=3600&labelSelector={selector}"
        while True:
            async with self._session.get(f"{self._server}/{path}") as response:
                if response.status == _NOT_NOW:  # the server has just met this kind
                    await asyncio.sleep(_RETRY_SECONDS)
                    continue
                response.raise_for_status()
                async for line in response.content:
                    event = json.loads(line)
                    yield event["type"], event["object"]
                return
