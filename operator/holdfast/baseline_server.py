"""Tells collectors which revisions there are to monitor, and by which baselines: /baselines.

What is asked for and answered stands in `collector.baselines`, the other side. Documents are read
from the API server when they are asked for: each collector asks once per revision, and keeping
them here, compressed as they may be, would cost memory for every revision all the time.
"""

import asyncio
import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson
from aiohttp import web

from holdfast.api.identity import KIND, LABEL_DEPLOYMENT
from holdfast.clients.kube import ApiError, Kube
from holdfast.clients.resources import CONFIG_MAP, INFERENCE_SERVICE
from holdfast.domain.baseline import Document, digest_of_copy, find_copy, name_copy, read_document
from holdfast.domain.kubeobject import controller_of, labels_of, name_of
from holdfast.domain.serving import find_collector_url
from holdfast.store import Store

_log = logging.getLogger(__name__)

_SCHEMA_VERSION: Final = 1
_READS_AT_A_TIME: Final = 4
"""A document may have a megabyte, and anybody may ask."""
_RETRY_SECONDS: Final = "5"


@dataclass(frozen=True)
class Monitored:
    """A revision whose payloads are sent to the collector."""

    namespace: str
    deployment: str
    name: str
    digest: str | None


class BaselineServer:
    """Answers from what the store knows, and reads documents where they are kept."""

    def __init__(self, kube: Kube, store: Store) -> None:
        self._kube = kube
        self._store = store
        self._reading = asyncio.Semaphore(_READS_AT_A_TIME)

    @property
    def routes(self) -> list[web.RouteDef]:
        """Where it answers."""
        return [
            web.get("/baselines", self.tell_revisions),
            web.get("/baselines/{namespace}/{name}", self.tell_baseline),
        ]

    async def tell_revisions(self, request: web.Request) -> web.Response:
        """The list of what is to be monitored; 503 while that is not known."""
        if self._store.problems:
            return _not_now("what there is to monitor is not known yet")
        revisions = [
            {
                "namespace": each.namespace,
                "modelDeployment": each.deployment,
                "name": each.name,
                "baselineDigest": each.digest,
            }
            for each in sorted(self._find_monitored(), key=lambda e: (e.namespace, e.name))
        ]
        body = orjson.dumps({"schemaVersion": _SCHEMA_VERSION, "revisions": revisions})
        return _answer(request, hashlib.sha256(body).hexdigest(), body)

    async def tell_baseline(self, request: web.Request) -> web.Response:
        """The document of one revision; 404 if there is none."""
        if self._store.problems:
            return _not_now("which baselines there are is not known yet")
        namespace, revision = request.match_info["namespace"], request.match_info["name"]
        copy = self._store.find(CONFIG_MAP, namespace, name_copy(revision))
        digest = digest_of_copy(copy) if copy else None
        if digest is None:
            return _missing(f"there is no baseline of revision {revision} in {namespace}")
        if _knows(request, digest):
            return _answer(request, digest, b"")
        try:
            document = await self._read(namespace, revision)
        except ApiError as error:
            return _not_now(f"the API server says: {error.message}")
        if document is None or document.digest != digest:
            _log.warning("The baseline of revision %s in %s is not as it was.", revision, namespace)
            return _missing(f"the baseline of revision {revision} in {namespace} is lost")
        return _answer(request, digest, document.text.encode())

    async def _read(self, namespace: str, revision: str) -> Document | None:
        async with self._reading:
            where = find_copy(revision)
            config_map = await self._kube.get(CONFIG_MAP, namespace, where.name)
            found = read_document(config_map, where)
        return found if isinstance(found, Document) else None

    def _find_monitored(self) -> Iterator[Monitored]:
        """Revisions that run, or end, with a logger: it is there from birth or never."""
        for obj in self._store.search(INFERENCE_SERVICE, "logger"):
            if not _is_ours(obj) or find_collector_url(obj) is None:
                continue
            namespace, name = obj["metadata"]["namespace"], name_of(obj)
            copy = self._store.find(CONFIG_MAP, namespace, name_copy(name))
            deployment = labels_of(obj)[LABEL_DEPLOYMENT]
            yield Monitored(namespace, deployment, name, digest_of_copy(copy) if copy else None)


def _is_ours(obj: dict[str, Any]) -> bool:
    owner = controller_of(obj)
    return owner is not None and owner["kind"] == KIND


def _knows(request: web.Request, tag: str) -> bool:
    known = request.if_none_match or ()
    return any(each.value in (tag, "*") for each in known)


def _answer(request: web.Request, tag: str, body: bytes) -> web.Response:
    headers = {"ETag": f'"{tag}"', "Cache-Control": "no-cache"}
    if _knows(request, tag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type="application/json", headers=headers)


def _missing(message: str) -> web.Response:
    return web.Response(status=404, text=f"{message}\n")


def _not_now(message: str) -> web.Response:
    return web.Response(status=503, text=f"{message}\n", headers={"Retry-After": _RETRY_SECONDS})
