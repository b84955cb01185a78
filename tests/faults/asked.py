"""What a request to the API server asks for, read from its address: the words of RBAC."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_VERBS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_APPLY: Final = "application/apply-patch"


@dataclass(frozen=True)
class Asked:
    """One request.

    Attributes:
        verb: As in RBAC, and `apply` for a server-side apply.
        resource: The plural, with the subresource if there is one: `modeldeployments/status`.
        namespace: Empty for what is asked of the whole cluster.
        name: Empty for lists, watches and creations by POST.
        address: The path of the object itself, without subresource.
        dry_run: Whether nothing is to be stored.
    """

    verb: str
    resource: str = ""
    namespace: str = ""
    name: str = ""
    address: str = ""
    dry_run: bool = False

    @property
    def is_write(self) -> bool:
        """Whether it may change an object; Events are courtesies, not writes."""
        writes = self.verb in (*_VERBS.values(), "apply")
        return writes and not self.dry_run and self.resource != "events"


def read_request(method: str, path: str, query: Mapping[str, str], content: str = "") -> Asked:
    """Read method, path, query and content type of a request."""
    parts = path.strip("/").split("/")
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    if parts[0] not in ("api", "apis") or not rest:
        return Asked(method.lower())
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    plural, name, *sub = [*rest, ""] if len(rest) == 1 else rest
    subresource = sub[0] if sub and sub[0] else ""
    if method == "GET":
        verb = "watch" if query.get("watch") in ("1", "true") else "get" if name else "list"
    else:
        verb = "apply" if content.startswith(_APPLY) else _VERBS.get(method, method.lower())
    resource = f"{plural}/{subresource}" if subresource else plural
    address = path.removesuffix(f"/{subresource}") if subresource else path
    return Asked(verb, resource, namespace, name, address, "dryRun" in query)
