"""How the operator reaches the API server: one answer for our client and for kopf.

KUBECONFIG wins, then the pod's ServiceAccount, then `~/.kube/config`: an operator
that is run by hand inside of a pod goes where it was told to go.
"""

import os
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import Configuration
from kubernetes.aio.client.rest import RESTClientObject

_DEFAULT_KUBECONFIG: Final = Path("~/.kube/config")


class NoAccessError(Exception):
    """No usable credentials were found; the message says what to provide."""


class ClusterChoice(NamedTuple):
    """Which cluster somebody named; what is None is left to the environment."""

    kubeconfig: str | None = None
    context: str | None = None


THE_ENVIRONMENT: Final = ClusterChoice()


async def load_access(choice: ClusterChoice = THE_ENVIRONMENT) -> Configuration:
    """Read credentials and address anew, running a credential plugin if there is one.

    A ServiceAccount's token is read again from its file each minute as requests are made.

    Raises:
        NoAccessError: when there is nothing to read, or it cannot be read.
    """
    access = Configuration()
    kubeconfig = choice.kubeconfig or os.environ.get("KUBECONFIG")
    try:
        if kubeconfig:
            await _load_file(kubeconfig, access, choice.context)
        elif config.incluster_config.SERVICE_HOST_ENV_NAME in os.environ:
            config.load_incluster_config(access)  # type: ignore[no-untyped-call]
        elif _DEFAULT_KUBECONFIG.expanduser().exists():
            await _load_file(str(_DEFAULT_KUBECONFIG.expanduser()), access, choice.context)
        else:
            raise NoAccessError(
                "No cluster to talk to: set KUBECONFIG to a kubeconfig file, "
                "or run in a pod with a ServiceAccount."
            )
    except (config.ConfigException, OSError, ValueError, TypeError, KeyError) as error:
        source = f"KUBECONFIG={kubeconfig}" if kubeconfig else "the cluster's credentials"
        raise NoAccessError(f"Cannot read {source}: {error}") from error
    access.proxy = access.proxy or _find_proxy(access.host)
    # aiohttp's own reading of the environment would also take a password for this host from
    # ~/.netrc in place of the token, and read that file for each request.
    access.client_session_kwargs = {"trust_env": False}
    return access


async def open_session(*traces: aiohttp.TraceConfig) -> tuple[str, aiohttp.ClientSession]:
    """Open a plain session with the same access, and return the server's address with it.

    It is for kopf, which brings its own requests. The token is the one of now: a new
    session is needed when it is refused.

    Raises:
        NoAccessError: as in `load_access`.
    """
    access = await load_access()
    authorization = await access.get_api_key_with_prefix("BearerToken")
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=RESTClientObject(access).ssl_context),
        headers={"Authorization": authorization} if authorization else {},
        proxy=access.proxy,
        trace_configs=list(traces),
    )
    return access.host, session


def _find_proxy(server: str) -> str | None:
    """Return the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY ask for."""
    address = urlsplit(server)
    if proxy_bypass(address.netloc):
        return None
    return getproxies().get(address.scheme)


async def _load_file(path: str, access: Configuration, context: str | None) -> None:
    # Persisting would write refreshed tokens into a file that is not ours.
    await config.load_kube_config(  # type: ignore[no-untyped-call]
        config_file=path, context=context, client_configuration=access, persist_config=False
    )
