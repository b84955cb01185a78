"""Startup, readiness and liveness probes."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import aiohttp

from devcluster.node.api import Json


@dataclass
class ProbeCounter:
    """Turns single answers into verdicts by a probe's thresholds."""

    success_threshold: int = 1
    failure_threshold: int = 3
    _last: bool | None = None
    _count: int = 0

    def observe(self, *, success: bool) -> bool | None:
        """Count an answer; return the verdict, None while no threshold is reached."""
        self._count = self._count + 1 if success == self._last else 1
        self._last = success
        threshold = self.success_threshold if success else self.failure_threshold
        return success if self._count >= threshold else None


@dataclass(frozen=True)
class ProbeTarget:
    """How a container is reached: its ports, and a way to run a command beside it."""

    address: str
    named_ports: Mapping[str, int]
    find_port: Callable[[int], int]
    run_command: Callable[[list[str]], Awaitable[int]]

    def resolve(self, port: int | str) -> int:
        """Return the loopback port behind a port's number or name."""
        number = self.named_ports.get(port) if isinstance(port, str) else port
        return self.find_port(int(port) if number is None else number)


async def run_action(action: Json, target: ProbeTarget, timeout_seconds: float) -> bool:
    """Run the action of a probe or a hook once; any failure, also a timeout, is False."""
    with contextlib.suppress(OSError, TimeoutError, aiohttp.ClientError, ValueError):
        async with asyncio.timeout(timeout_seconds):
            if "httpGet" in action:
                return await _get(action["httpGet"], target)
            if "exec" in action:
                return await target.run_command(action["exec"].get("command") or []) == 0
            if "sleep" in action:
                await asyncio.sleep(action["sleep"]["seconds"])
                return True
            port = target.resolve((action.get("tcpSocket") or action["grpc"])["port"])
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return True
    return False


async def _get(action: Json, target: ProbeTarget) -> bool:
    scheme = action.get("scheme", "HTTP").lower()
    path = "/" + action.get("path", "/").lstrip("/")
    port = target.resolve(action["port"])
    headers = {"User-Agent": "kube-probe/1.36", "Accept": "*/*"}
    headers["Host"] = f"{target.address}:{action['port']}"
    headers.update({h["name"]: h["value"] for h in action.get("httpHeaders") or []})
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connector = aiohttp.TCPConnector(force_close=True, ssl=context)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get(
            f"{scheme}://127.0.0.1:{port}{path}", headers=headers, allow_redirects=False
        ) as response,
    ):
        return 200 <= response.status < 400


async def watch_probe(
    probe: Json,
    target: ProbeTarget,
    on_verdict: Callable[[bool], None],
    *,
    longest_period_seconds: float,
) -> None:
    """Probe for ever and report every verdict, also when it is the same as before."""
    counter = ProbeCounter(probe.get("successThreshold", 1), probe.get("failureThreshold", 3))
    period = min(probe.get("periodSeconds", 10), longest_period_seconds)
    await asyncio.sleep(min(probe.get("initialDelaySeconds", 0), longest_period_seconds))
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        answer = await run_action(probe, target, probe.get("timeoutSeconds", 1))
        verdict = counter.observe(success=answer)
        if verdict is not None:
            on_verdict(verdict)
        due = max(due + period, loop.time())
        await asyncio.sleep(due - loop.time())
