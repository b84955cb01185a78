"""Somebody who uses the command line, with a ServiceAccount's rights in a test's namespace."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple
from unittest.mock import patch

import pytest

from devcluster.cluster import Cluster
from holdfast.cli.exits import Exit
from holdfast.cli.main import main
from tests.integration.harness import JsonObject, Place

_RBAC = "apis/rbac.authorization.k8s.io/v1"
_GROUP = "rbac.authorization.k8s.io"


class Done(NamedTuple):
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


class User:
    """Somebody with a ServiceAccount's rights, whose context names the test's namespace."""

    def __init__(self, place: Place, cluster: Cluster, name: str) -> None:
        self._access = cluster.access
        config = json.loads(cluster.access.kubeconfig_for(place.namespace, name).read_text())
        config["contexts"][0]["context"]["namespace"] = place.namespace
        self.kubeconfig = place.folder.parent / f"{name}.kubeconfig"
        self.kubeconfig.write_text(json.dumps(config))

    def run(self, *words: str, **environment: str) -> Done:
        """One command, in this process: a start of its own takes a second each time."""
        variables = {**os.environ, "KUBECONFIG": str(self.kubeconfig), **environment}
        out, err = io.StringIO(), io.StringIO()
        with (
            patch.dict(os.environ, variables),
            patch.object(sys, "argv", ["holdfast", *words]),
            redirect_stdout(out),
            redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            main()
        code = ended.value.code
        assert isinstance(code, int), code
        done = Done(code, out.getvalue(), err.getvalue())
        assert "should not have happened" not in done.stderr
        return done

    def must(self, *words: str) -> str:
        """One command that has to succeed."""
        done = self.run(*words)
        assert done.returncode == Exit.OK, done.stdout + done.stderr
        return done.stdout

    def kubectl(self, *words: str, stdin: str = "") -> None:
        """kubectl with the same rights."""
        kubectl = str(self._access.binary("kubectl"))
        cache = str(self.kubeconfig.parent / "kubectl-cache")
        subprocess.run(
            [kubectl, "--kubeconfig", str(self.kubeconfig), "--cache-dir", cache, *words],
            input=stdin,
            text=True,
            check=True,
            capture_output=True,
            timeout=60,
        )


def add_user(
    place: Place,
    cluster: Cluster,
    name: str,
    *,
    role: str | None = None,
    rules: Sequence[JsonObject] = (),
) -> User:
    """A ServiceAccount with a role that every cluster has, or with rules of its own."""
    where = f"namespaces/{place.namespace}"
    place.api.must("POST", f"api/v1/{where}/serviceaccounts", {"metadata": {"name": name}})
    reference = {"apiGroup": _GROUP, "kind": "ClusterRole", "name": role}
    if role is None:
        place.api.must(
            "POST", f"{_RBAC}/{where}/roles", {"metadata": {"name": name}, "rules": rules}
        )
        reference = {"apiGroup": _GROUP, "kind": "Role", "name": name}
    else:
        path = f"{_RBAC}/clusterroles/{role}"
        place.wait(
            lambda: "modeldeployments" in json.dumps(place.api.must("GET", path)["rules"]),
            f"our rights are added to the role {role}",
        )
    subject = {"kind": "ServiceAccount", "name": name, "namespace": place.namespace}
    binding = {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}
    place.api.must("POST", f"{_RBAC}/{where}/rolebindings", binding)
    return User(place, cluster, name)
