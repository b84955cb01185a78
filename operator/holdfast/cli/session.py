"""A command's way to the cluster: the user's own credentials, and what their failures mean."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kubernetes.aio.config import ConfigException
from kubernetes.aio.config.kube_config import KubeConfigMerger

from holdfast.api.identity import KIND, LABEL_DEPLOYMENT
from holdfast.cli.exits import Exit, Refusal
from holdfast.cli.options import Where
from holdfast.clients.access import ClusterChoice, NoAccessError
from holdfast.clients.kube import ApiError, Forbidden, Kube, NotFound, Unavailable
from holdfast.clients.resources import MODEL_DEPLOYMENT, Resource

FIELD_MANAGER: Final = "holdfast-cli"

_POD_NAMESPACE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_COMPLETION_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Session:
    """The API server, as the user, in one namespace."""

    kube: Kube
    namespace: str
    where: Where

    async def get_deployment(self, name: str) -> dict[str, Any]:
        """Read the ModelDeployment.

        Raises:
            Refusal: there is none; the message names those that there are.
        """
        found = await self.kube.get(MODEL_DEPLOYMENT, self.namespace, name)
        if found is not None:
            return found
        try:
            others, _ = await self.kube.list(MODEL_DEPLOYMENT, self.namespace)
        except NotFound as error:
            raise Refusal(
                Exit.NOT_FOUND,
                "this cluster does not know ModelDeployments",
                "Install Holdfast in it, or name another cluster with --context.",
            ) from error
        except Forbidden:
            others = []
        known = ", ".join(sorted(other["metadata"]["name"] for other in others))
        raise Refusal(
            Exit.NOT_FOUND,
            f"there is no {KIND} {name} in namespace {self.namespace}",
            f"There are: {known}." if known else "Name another namespace with -n.",
        )

    async def list_children(self, resource: Resource, deployment: str) -> list[dict[str, Any]]:
        """All objects of a kind that stand for a deployment."""
        items, _ = await self.kube.list(
            resource, self.namespace, label_selector=f"{LABEL_DEPLOYMENT}={deployment}"
        )
        return items

    async def patch_deployment(self, name: str, change: dict[str, Any]) -> dict[str, Any]:
        """Merge patch of the ModelDeployment, as this command."""
        return await self.kube.patch(
            MODEL_DEPLOYMENT, self.namespace, name, change, field_manager=FIELD_MANAGER
        )


def get_namespace(where: Where) -> str:
    """The namespace that a command is about, without asking the cluster.

    Raises:
        Refusal: nobody has named one.
    """
    if where.namespace:
        return where.namespace
    _check_exists(where)
    try:
        return _default_namespace(where)
    except (ConfigException, OSError, TypeError, KeyError) as error:
        raise Refusal(
            Exit.NO_ACCESS, "no kubeconfig names a namespace", "Name one with -n, or all with -A."
        ) from error


def run(where: Where, work: Callable[[Session], Awaitable[Exit]]) -> Exit:
    """Do a command's work with a session.

    Raises:
        Refusal: anything that the user should read.
    """

    async def connected() -> Exit:
        async with _open(where) as session:
            return await work(session)

    try:
        return asyncio.run(connected())
    except NoAccessError as error:
        raise Refusal(
            Exit.NO_ACCESS, str(error), "Check --kubeconfig, --context and KUBECONFIG."
        ) from error
    except ApiError as error:
        raise explain(error) from error


def explain(error: ApiError) -> Refusal:
    """What an answer of the API server means to a user."""
    if isinstance(error, Forbidden) and not error.denied_by_admission:
        return Refusal(
            Exit.NO_ACCESS,
            f"the cluster does not allow that: {error.message}",
            "Ask for the role `view` (to look) or `edit` (to roll back) in the namespace.",
        )
    if error.status == 401:
        return Refusal(
            Exit.NO_ACCESS,
            "the cluster does not accept these credentials",
            "Log in again, or check --kubeconfig and --context.",
        )
    if isinstance(error, Unavailable):
        return Refusal(
            Exit.NO_ACCESS,
            f"the API server cannot be used now: {error.message}",
            "Check the connection to the cluster, and try again.",
        )
    if isinstance(error, NotFound):
        return Refusal(Exit.NOT_FOUND, error.message)
    return Refusal(Exit.FAILED, f"the API server refuses this: {error.message}")


def list_names(where: Where) -> list[str]:
    """Names of the ModelDeployments there, for completion."""

    async def names(session: Session) -> list[str]:
        found, _ = await session.kube.list(MODEL_DEPLOYMENT, session.namespace)
        return sorted(item["metadata"]["name"] for item in found)

    return _complete(where, names)


def list_revisions(where: Where, deployment: str) -> list[str]:
    """Names of a deployment's revisions, for completion."""

    async def names(session: Session) -> list[str]:
        status = (await session.get_deployment(deployment)).get("status") or {}
        return [line["name"] for line in status.get("revisions") or ()]

    return _complete(where, names)


def _complete(where: Where, work: Callable[[Session], Awaitable[list[str]]]) -> list[str]:
    """What the cluster answers within a second, and nothing rather than an error."""

    async def connected() -> list[str]:
        async with asyncio.timeout(_COMPLETION_SECONDS), _open(where) as session:
            return await work(session)

    try:
        return asyncio.run(connected())
    except Exception:  # whatever it is, the shell has no place to say it
        return []


@asynccontextmanager
async def _open(where: Where) -> AsyncIterator[Session]:
    _check_exists(where)
    choice = ClusterChoice(where.kubeconfig, where.context)
    async with Kube.connect(choice) as kube:
        yield Session(kube, where.namespace or _default_namespace(where), where)


def _default_namespace(where: Where) -> str:
    """The namespace of the context, or of the pod, as kubectl has it."""
    path = where.kubeconfig or os.environ.get("KUBECONFIG")
    if not path and _POD_NAMESPACE.exists():
        return _POD_NAMESPACE.read_text().strip()
    path = path or str(Path("~/.kube/config").expanduser())
    if not any(Path(each).expanduser().exists() for each in path.split(os.pathsep)):
        raise FileNotFoundError(path)
    merged = KubeConfigMerger(path).config  # type: ignore[no-untyped-call]
    context = where.context or merged["current-context"]
    chosen = merged["contexts"].get_with_name(context)["context"]
    return str(chosen.safe_get("namespace") or "default")


def _check_exists(where: Where) -> None:
    """The library takes a file that is not there for an empty one.

    Raises:
        Refusal: none of the files that somebody named is there.
    """
    named = where.kubeconfig or os.environ.get("KUBECONFIG", "")
    if named and not any(Path(path).expanduser().exists() for path in named.split(os.pathsep)):
        raise Refusal(
            Exit.NO_ACCESS,
            f"there is no kubeconfig {named}",
            "Check --kubeconfig and KUBECONFIG.",
        )
