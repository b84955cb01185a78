"""Runs kubectl as the cluster's administrator, and writes the files it logs in with."""

import base64
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from devcluster.errors import DevclusterError

_SECONDS = 120


@dataclass(frozen=True)
class Kubectl:
    """kubectl, bound to one cluster.

    Attributes:
        path: The program.
        kubeconfig: Whom it acts as, and where.
    """

    path: Path
    kubeconfig: Path

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Runs a command and returns what it prints.

        Raises:
            DevclusterError: It failed; the message is the server's.
        """
        command = [str(self.path), "--kubeconfig", str(self.kubeconfig), *self._quiet, *arguments]
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        if done.returncode:
            raise DevclusterError(f"kubectl {' '.join(arguments)} failed: {done.stderr.strip()}")
        return done.stdout

    def apply(self, *manifests: object) -> None:
        """Creates or updates objects."""
        items = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self.run("apply", "--server-side", "--validate=false", "-f", "-", stdin=json.dumps(items))

    def create_kustomization(self, directory: Path) -> None:
        """Creates the objects of a kustomization (half the server's work of applying them)."""
        self.run("create", "--validate=false", "-k", str(directory))

    def get_kinds(self, group: str, version: str) -> set[str]:
        """The kinds that clients find in a group's version; none while it is not known."""
        try:
            found = json.loads(self.run("get", "--raw", f"/apis/{group}/{version}"))
        except DevclusterError:
            return set()
        return {resource["kind"] for resource in found["resources"]}

    @property
    def _quiet(self) -> list[str]:
        # Its discovery cache would otherwise grow in the user's home, by one per cluster.
        return ["--cache-dir", str(self.kubeconfig.parent / "kubectl-cache")]


def write_kubeconfig(path: Path, server: str, authority: Path, user: str, token: str) -> None:
    """Writes a kubeconfig with everything in it, readable by its owner only."""
    ca = base64.b64encode(authority.read_bytes()).decode()
    name = "devcluster"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": server, "certificate-authority-data": ca}}
        ],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": user}}],
        "current-context": name,
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=2))  # JSON is YAML
