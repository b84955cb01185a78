"""The API server's own record of who asked it to write what."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from devcluster.holdfast import NAMESPACE, SERVICE_ACCOUNT

JsonObject = dict[str, Any]

_OPERATOR: Final = f"system:serviceaccount:{NAMESPACE}:{SERVICE_ACCOUNT}"
_WRITES: Final = ["create", "update", "patch", "delete", "deletecollection"]


@dataclass(frozen=True)
class Write:
    """One request of the operator that asked to change something.

    Attributes:
        verb: As the API server names it: `patch` for an apply.
        path: With its query.
        plural: The kind, with its subresource: `modeldeployments/status`.
        name: Of the object; empty for a POST with a generated name.
        code: The answer's.
        body: What was sent.
    """

    verb: str
    path: str
    plural: str
    namespace: str
    name: str
    code: int
    body: JsonObject

    @classmethod
    def of(cls, event: JsonObject) -> Self:
        """Read an event of the audit log."""
        target = event["objectRef"]
        subresource = target.get("subresource")
        return cls(
            verb=event["verb"],
            path=event["requestURI"],
            plural=target["resource"] + (f"/{subresource}" if subresource else ""),
            namespace=target.get("namespace", ""),
            name=target.get("name", ""),
            code=event["responseStatus"]["code"],
            body=event.get("requestObject") or {},
        )

    @property
    def is_dry_run(self) -> bool:
        """Whether it only asked what a write would do."""
        return "dryRun" in parse_qs(urlsplit(self.path).query)


class Audit:
    """An audit log of the operator's writes; hand `arguments` to the API server."""

    def __init__(self, directory: Path, *, namespaces: Sequence[str]) -> None:
        """Writes the policy.

        Args:
            directory: Where policy and log are kept.
            namespaces: Only writes there are logged, so that it costs nothing elsewhere.
        """
        directory.mkdir(parents=True, exist_ok=True)
        self._log = directory / "audit.log"
        self._log.unlink(missing_ok=True)
        self._policy = directory / "audit-policy.json"
        rule = {
            "level": "Request",
            "users": [_OPERATOR],
            "verbs": _WRITES,
            "namespaces": list(namespaces),
        }
        self._policy.write_text(
            json.dumps(
                {
                    "apiVersion": "audit.k8s.io/v1",
                    "kind": "Policy",
                    "omitStages": ["RequestReceived"],
                    "omitManagedFields": True,
                    "rules": [rule, {"level": "None"}],
                }
            )
        )

    @property
    def arguments(self) -> list[str]:
        """Arguments of kube-apiserver."""
        return [
            f"--audit-log-path={self._log}",
            f"--audit-policy-file={self._policy}",
            "--audit-log-mode=blocking",
        ]

    def count(self) -> int:
        """How many writes there have been: a mark for `since`."""
        return len(list(self._read()))

    def since(self, mark: int) -> list[Write]:
        """The writes after a mark, in their order."""
        return [Write.of(event) for event in list(self._read())[mark:]]

    def _read(self) -> Iterator[JsonObject]:
        if self._log.exists():
            with self._log.open() as lines:
                for line in lines:
                    yield json.loads(line)
