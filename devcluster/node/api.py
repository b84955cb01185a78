"""Plain-dict access to the Kubernetes API: requests, and a cache kept current by list and watch.

The node handles thousands of pods on a busy machine and passes their JSON on unchanged, so it skips
the client's typed models and uses only its authentication and connection handling.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import load_kube_config

Json = dict[str, Any]
EventType = Literal["ADDED", "MODIFIED", "DELETED"]
Key = tuple[str, str]

STRATEGIC_MERGE = "application/strategic-merge-patch+json"

log = logging.getLogger(__name__)


class ApiError(Exception):
    """The API server refused a request; `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


def get_key(obj: Mapping[str, Any]) -> Key:
    """Return (namespace, name) of an object."""
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


class Api:
    """A connection to one API server, with the credentials of a kubeconfig."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    @classmethod
    async def connect(cls, kubeconfig: str) -> "Api":
        """Return an API for the current context of a kubeconfig file."""
        configuration = Configuration()
        await load_kube_config(kubeconfig, client_configuration=configuration)  # type: ignore[no-untyped-call]
        # The API server is on loopback: proxies of the user's environment are not meant for it.
        configuration.client_session_kwargs = {"trust_env": False}
        return cls(ApiClient(configuration))

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()  # type: ignore[no-untyped-call]

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Json | None,
        content_type: str,
        timeout_seconds: float,
    ) -> aiohttp.ClientResponse:
        headers = {"Accept": "application/json", "Content-Type": content_type}
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        url = self._client.configuration.host + path
        if query:
            url += "?" + urlencode(query)
        reply = await self._client.rest_client.request(  # type: ignore[no-untyped-call]
            method, url, headers=headers, body=body, _request_timeout=timeout_seconds
        )
        response: aiohttp.ClientResponse = reply.response
        if response.status >= 400:
            raise ApiError(response.status, _explain(await response.text()))
        return response

    async def request(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Json:
        """Send one request and return the decoded answer.

        Raises:
            ApiError: The server answered 4xx or 5xx.
            aiohttp.ClientError, TimeoutError: It did not answer.
        """
        response = await self._send(method, path, query or {}, body, content_type, 30)
        answer: Json = await response.json()
        return answer

    async def get_or_none(self, path: str) -> Json | None:
        """Return an object, or None where the server says 404."""
        try:
            return await self.request("GET", path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def open_watch(self, path: str, query: Mapping[str, str]) -> aiohttp.ClientResponse:
        """Start a watch; the lines of the response's content are its events."""
        return await self._send("GET", path, {**query, "watch": "true"}, None, "", 3600)


def _explain(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text[:200]


class Cache:
    """The current objects of one collection, with a callback for every change."""

    def __init__(
        self,
        api: Api,
        path: str,
        on_change: Callable[[EventType, Json], None],
        field_selector: str = "",
    ) -> None:
        self._api = api
        self._path = path
        self._on_change = on_change
        self._query = {"fieldSelector": field_selector} if field_selector else {}
        self.objects: dict[Key, Json] = {}
        self.synced = asyncio.Event()

    async def run(self) -> None:
        """Keep the cache current until cancelled."""
        while True:
            try:
                version = await self._list()
                self.synced.set()
                while True:
                    version = await self._watch(version)
            except (ApiError, aiohttp.ClientError, TimeoutError, ValueError) as error:
                log.info("watching %s starts again: %s", self._path, error)
                await asyncio.sleep(0.5)

    async def _list(self) -> str:
        answer = await self._api.request("GET", self._path, query=self._query)
        items = {get_key(item): item for item in answer.get("items") or []}
        for key in [key for key in self.objects if key not in items]:
            self._apply("DELETED", self.objects[key])
        for key, item in items.items():
            known = self.objects.get(key)
            if known is not None and known["metadata"]["uid"] != item["metadata"]["uid"]:
                self._apply("DELETED", known)
            self._apply("MODIFIED" if key in self.objects else "ADDED", item)
        return str(answer["metadata"]["resourceVersion"])

    async def _watch(self, version: str) -> str:
        query = {**self._query, "resourceVersion": version, "allowWatchBookmarks": "true"}
        async with await self._api.open_watch(self._path, query) as response:
            async for line in response.content:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise ApiError(event["object"].get("code", 500), event["object"]["message"])
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    self._apply(event["type"], event["object"])
        return version

    def _apply(self, kind: EventType, obj: Json) -> None:
        if kind == "DELETED":
            self.objects.pop(get_key(obj), None)
        else:
            self.objects[get_key(obj)] = obj
        self._on_change(kind, obj)
