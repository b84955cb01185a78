"""The API server in plain dicts: get, list, watch, server-side apply, guarded deletes."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from random import uniform
from typing import Any, Final, Self

import orjson

from holdfast.api.identity import FIELD_MANAGER
from holdfast.clients.access import THE_ENVIRONMENT, ClusterChoice
from holdfast.clients.connection import Connection
from holdfast.clients.errors import (
    ApiError,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    Unavailable,
    build_error_from_status,
)
from holdfast.clients.resources import Resource

__all__ = [
    "ApiError",
    "Conflict",
    "Forbidden",
    "Gone",
    "Invalid",
    "Kube",
    "NotFound",
    "Unavailable",
]

Objects = list[dict[str, Any]]

_JSON: Final = "application/json"
_METADATA: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_METADATA_LIST: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_PAGE_SIZE: Final = 100
"""All kinds are listed at once: pages of this size are a few megabytes each, as dicts."""


class Kube:
    """A connection to one API server. Make it with `connect`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    @asynccontextmanager
    async def connect(cls, choice: ClusterChoice = THE_ENVIRONMENT) -> AsyncIterator[Self]:
        """Connect with the credentials of the environment (see `access`), or of a choice.

        Raises:
            NoAccessError: when there are none.
        """
        connection = await Connection.open(choice)
        try:
            yield cls(connection)
        finally:
            await connection.close()

    async def get(
        self, resource: Resource, namespace: str | None, name: str
    ) -> dict[str, Any] | None:
        """Read one object as it is now; None if there is none."""
        try:
            return await self._connection.call(
                "get", resource.plural, _path(resource, namespace, name)
            )
        except NotFound:
            return None

    async def list(
        self, resource: Resource, namespace: str | None = None, *, label_selector: str = ""
    ) -> tuple[Objects, str]:
        """Read all objects as they are now, and the resourceVersion to watch from."""
        items: Objects = []
        resource_version = ""
        async for page, resource_version in self.pages(  # noqa: B007 -- the last one is returned
            resource, namespace, label_selector=label_selector
        ):
            items += page
        return items, resource_version

    async def pages(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        metadata_only: bool = False,
    ) -> AsyncIterator[tuple[Objects, str]]:
        """Like `list`, in pages, for callers that need not hold all of it at once.

        With `metadata_only`, no more of an object is sent than `metadata`.

        Raises:
            Gone: when the reader was so slow that the rest of the list has expired.
        """
        query = [("limit", str(_PAGE_SIZE)), ("labelSelector", label_selector)]
        token = ""
        while True:
            answer = await self._connection.call(
                "list",
                resource.plural,
                _path(resource, namespace),
                query=[*query, ("continue", token)],
                accept=_METADATA_LIST if metadata_only else _JSON,
            )
            items = answer.get("items") or []
            for item in items:  # lists leave out what is the same in every item
                item["apiVersion"], item["kind"] = resource.api_version, resource.kind
            yield items, answer["metadata"]["resourceVersion"]
            token = answer["metadata"].get("continue") or ""
            if not token:
                return

    async def apply(
        self,
        resource: Resource,
        manifest: dict[str, Any],
        *,
        dry_run: bool = False,
        strict: bool = False,
    ) -> dict[str, Any]:
        """Server-side apply: make the object have these fields, and own them.

        Fields that an earlier apply had and this one has not are removed. With
        `metadata.uid` in the manifest it is a change of just that object, with
        `metadata.resourceVersion` of just that version; but a resourceVersion alone still
        creates an object that is gone.

        Args:
            resource: The kind of the manifest.
            manifest: Every field that the operator owns, and no other.
            dry_run: Ask only, webhooks included; nothing is stored.
            strict: Refuse fields that the schema does not know, instead of dropping them.

        Raises:
            Conflict: resourceVersion or uid are not the object's.
        """
        metadata = manifest["metadata"]
        query = [("fieldManager", FIELD_MANAGER), ("force", "true")]
        if dry_run:
            query.append(("dryRun", "All"))
        if strict:
            query.append(("fieldValidation", "Strict"))
        path = _path(resource, metadata.get("namespace"), metadata["name"])
        # The same manifest is the same bytes, in whatever order it was put together.
        body = orjson.loads(orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS))
        return await self._connection.call(
            "apply",
            resource.plural,
            path,
            query=query,
            body=body,
            content="application/apply-patch+yaml",
        )

    async def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        change: dict[str, Any],
        *,
        field_manager: str,
    ) -> dict[str, Any]:
        """Merge patch: change just these fields of an object that somebody else owns.

        Raises:
            NotFound: there is no such object.
        """
        return await self._connection.call(
            "patch",
            resource.plural,
            _path(resource, namespace, name),
            query=[("fieldManager", field_manager)],
            body=change,
            content="application/merge-patch+json",
        )

    async def update_status(self, resource: Resource, obj: dict[str, Any]) -> dict[str, Any]:
        """Replace the status, and nothing else, of exactly the version that was read.

        All of it, whoever wrote what is there: an apply would leave what others own.

        Args:
            resource: Its kind.
            obj: The object as it was read, with another status.

        Raises:
            NotFound: the object is gone.
            Conflict: it has changed since.
        """
        metadata = obj["metadata"]
        path = _path(resource, metadata.get("namespace"), metadata["name"]) + "/status"
        query = [("fieldManager", FIELD_MANAGER)]
        return await self._connection.call("update", resource.plural, path, query=query, body=obj)

    async def create(self, resource: Resource, manifest: dict[str, Any]) -> dict[str, Any]:
        """Create by POST: for Events, which are never applied again.

        Raises:
            Conflict: there is one of that name already.
        """
        path = _path(resource, manifest["metadata"].get("namespace"))
        query = [("fieldManager", FIELD_MANAGER)]
        return await self._connection.call(
            "create", resource.plural, path, query=query, body=manifest
        )

    async def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        uid: str,
        resource_version: str | None = None,
        foreground: bool = False,
    ) -> dict[str, Any] | None:
        """Delete the one object that the caller has seen.

        Args:
            resource: Its kind.
            namespace: Where it is.
            name: What it is called.
            uid: Which one of that name.
            resource_version: If given, delete only if it has not changed since.
            foreground: Keep the object, terminating, until its dependants are gone.

        Returns:
            The object if it still terminates; None if it is gone.

        Raises:
            Conflict: another object has the name now, or it has changed.
        """
        preconditions = {"uid": uid}
        if resource_version is not None:
            preconditions["resourceVersion"] = resource_version
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": preconditions,
            "propagationPolicy": "Foreground" if foreground else "Background",
        }
        try:
            path = _path(resource, namespace, name)
            answer = await self._connection.call("delete", resource.plural, path, body=body)
        except NotFound:
            return None
        # A deletion that is final is answered by a `Status`, or for some kinds by the object.
        return answer if answer.get("metadata", {}).get("deletionTimestamp") else None

    async def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        resource_version: str,
        metadata_only: bool = False,
    ) -> AsyncGenerator[tuple[str, dict[str, Any]], None]:
        """Yield (type, object) for what changes after `resource_version`.

        Bookmarks are yielded too. Ends normally when the server ends it, after a few
        minutes; the caller goes on from the last resourceVersion that it has seen.
        With `metadata_only`, no more of an object is sent than `metadata`.

        Raises:
            Gone: the version is too old: list again.
            Unavailable: the connection broke, or was silent for too long.
        """
        query = [
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("labelSelector", label_selector),
            ("resourceVersion", resource_version),
            ("timeoutSeconds", str(int(uniform(300, 600)))),  # noqa: S311 -- spreads the load
        ]
        path = _path(resource, namespace)
        accept = _METADATA if metadata_only else _JSON
        stream = self._connection.stream(resource.plural, path, query=query, accept=accept)
        async with aclosing(stream) as events:
            async for event in events:
                if event["type"] == "ERROR":
                    raise build_error_from_status(event["object"])
                if metadata_only:  # it calls itself a PartialObjectMetadata
                    kind = {"apiVersion": resource.api_version, "kind": resource.kind}
                    event["object"].update(kind)
                yield event["type"], event["object"]


def _path(resource: Resource, namespace: str | None, name: str | None = None) -> str:
    try:
        return resource.get_path(namespace, name)
    except ValueError as error:
        raise Invalid(400, "BadRequest", str(error)) from error
