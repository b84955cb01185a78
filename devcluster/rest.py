"""The API server, spoken to directly: for tests and measurements that a kubectl would blur."""

import json
from typing import Any

import requests
import yaml

from devcluster.access import Access

_SECONDS = 30.0


class Api:
    """The API server, as its administrator speaks to it, over one kept connection."""

    def __init__(self, access: Access) -> None:
        """Reads the administrator's kubeconfig."""
        config = yaml.safe_load(access.kubeconfig.read_text())
        self._server = config["clusters"][0]["cluster"]["server"]
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(access.directory / "pki" / "ca.crt")
        token = config["users"][0]["user"]["token"]
        self._session.headers["Authorization"] = f"Bearer {token}"

    def call(
        self, method: str, path: str, body: Any = None, content: str = "application/json"
    ) -> requests.Response:
        """One request; no judgement of its answer."""
        return self._session.request(
            method,
            f"{self._server}/{path}",
            data=None if body is None else json.dumps(body),
            headers={"Content-Type": content},
            timeout=_SECONDS,
        )

    def must(
        self, method: str, path: str, body: Any = None, content: str = "application/json"
    ) -> dict[str, Any]:
        """One request that has to succeed.

        Raises:
            RuntimeError: It did not; the message is the server's.
        """
        response = self.call(method, path, body, content)
        if not response.ok:
            raise RuntimeError(f"{method} {path}: {response.status_code} {response.text}")
        answer: dict[str, Any] = response.json()
        return answer
