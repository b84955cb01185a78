"""What all pods of a node share."""

import datetime
from dataclasses import dataclass
from pathlib import Path

from devcluster.node.api import Api, Json
from devcluster.node.images import ImageTable
from devcluster.node.network import Network
from devcluster.node.process import Supervisor

NODE_NAME = "devcluster"


@dataclass(frozen=True)
class Settings:
    """What the command line decides.

    Attributes:
        directory: Where pods keep their files and logs.
        proxy_url: The forward proxy that is the pods' network.
        backoff_seconds: First back-off of restarts and image pulls; it doubles up to 300 s.
        longest_probe_period_seconds: Probes wait no longer than this, whatever the pod says.
    """

    directory: Path
    proxy_url: str
    backoff_seconds: float = 10.0
    longest_probe_period_seconds: float = float("inf")

    def get_proxy_url(self, address: str) -> str:
        """The proxy as a pod is told of it: by its user name the proxy knows who asks."""
        scheme, separator, host = self.proxy_url.partition("://")
        return f"{scheme}{separator}{address}:@{host}"


@dataclass(frozen=True)
class NodeContext:
    """The parts of the node that its pods use."""

    settings: Settings
    api: Api
    images: ImageTable
    network: Network
    supervisor: Supervisor


def format_now() -> str:
    """Return the present time as the API writes it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def get_pod_path(pod: Json) -> str:
    """Return the API path of a pod."""
    metadata = pod["metadata"]
    return f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
