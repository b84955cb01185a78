"""The checks of all deployments' traffic, one at a time, beside the reconciler.

The reconciler says what is to be checked and is woken when an answer is news; nothing waits for
an answer. What is kept is the latest of each deployment.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from holdfast.api.identity import Key
from holdfast.api.template import DEFAULT_BASELINE_KEY
from holdfast.clients.errors import ApiError
from holdfast.clients.kube import Kube
from holdfast.clients.resources import CONFIG_MAP
from holdfast.domain.baseline import name_copy
from holdfast.domain.dispersion import decode_dispersion, encode_dispersion
from holdfast.domain.drift_check import (
    Check,
    Judged,
    compute_check_due,
    compute_check_time,
    compute_request,
    summarise_answer,
)
from holdfast.drift_metrics import count_check, forget_drift, tell_drift
from holdfast.drift_protocol import CheckAnswer, CheckRequest, Reason, build_unknown
from holdfast.logs import about

_log = logging.getLogger(__name__)

_RETRY_SECONDS: Final = 30.0
"""When a baseline that could not be read is asked for again."""


class Checker(Protocol):
    """What answers: `holdfast.clients.drift.DriftClient`."""

    async def check(self, request: CheckRequest) -> CheckAnswer:
        """Answer; also where Prometheus or the worker does not."""
        ...


@dataclass
class _Item:
    check: Check
    judged: Judged | None = None
    waits_until: float = 0.0

    @property
    def due(self) -> float:
        return max(compute_check_due(self.check, self.judged), self.waits_until)


class DriftChecks:
    """Makes the checks that are due while `run` runs.

    Args:
        kube: Reads the baselines.
        checker: Answers.
        wake: Called with the key of a deployment of which there is news.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        kube: Kube,
        checker: Checker,
        wake: Callable[[Key], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._kube = kube
        self._checker = checker
        self._wake = wake
        self._clock = clock
        self._items: dict[Key, _Item] = {}
        self._changed = asyncio.Event()

    def want(self, key: Key, check: Check | None) -> None:
        """Check this from now on, in the place of what was to be checked of the deployment."""
        if check is None:
            self.forget(key)
            return
        item = self._items.get(key)
        if item is None:
            self._items[key] = _Item(check)
        elif item.check == check:
            return
        else:
            if item.check.subject.revision != check.subject.revision:
                forget_drift(key)
            item.check = check
        self._changed.set()

    def forget(self, key: Key) -> None:
        """The deployment is no more, or nothing of it is to be checked."""
        if self._items.pop(key, None) is not None:
            forget_drift(key)

    def find_answer(self, key: Key) -> Judged | None:
        """The latest answer about a deployment, in this life of the process."""
        item = self._items.get(key)
        return item.judged if item else None

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            key, item = await self._take()
            with about(str(key)):
                await self._check(key, item)

    async def _take(self) -> tuple[Key, _Item]:
        """Wait for the deployment that has been due for longest."""
        while True:
            self._changed.clear()
            due, key = min(((i.due, k) for k, i in self._items.items()), default=(math.inf, None))
            seconds = due - self._clock()
            if key is not None and seconds <= 0:
                return key, self._items[key]
            try:
                async with asyncio.timeout(None if seconds == math.inf else seconds):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def _check(self, key: Key, item: _Item) -> None:
        check, asked_at = item.check, self._clock()
        revision, at = check.subject.revision, compute_check_time(check, asked_at)
        try:
            answer = await self._ask(key, check, at)
        except ApiError as error:
            _log.warning("The baseline of %s cannot be read: %s", revision.name, error)
            item.waits_until = asked_at + _RETRY_SECONDS
            return
        except Exception as error:
            # A defect in here must not end the operator, which has models to serve.
            _log.exception("The check failed.")
            answer = build_unknown(Reason.WORKER_FAILED, f"the check failed: {error}")
        count_check(answer.reason, self._clock() - asked_at)
        if self._items.get(key) is not item or item.check.subject != check.subject:
            return  # it is about what is not wanted any more
        tell_drift(key, revision.name, at, answer)
        dispersion = encode_dispersion(answer.dispersion) if answer.dispersion else None
        judged = summarise_answer(check, at, asked_at, answer, dispersion)
        before, item.judged = item.judged, judged
        if not judged.tells_the_same(before):
            _log.info("Drift: %s (%s): %s", answer.verdict, answer.reason, answer.message)
            self._wake(key)

    async def _ask(self, key: Key, check: Check, at: int) -> CheckAnswer:
        """Ask about the revision by its own copy of the baseline; without, if that is gone."""
        name = name_copy(check.subject.revision.name)
        found = await self._kube.get(CONFIG_MAP, key.namespace, name)
        baseline = ((found or {}).get("data") or {}).get(DEFAULT_BASELINE_KEY, "")
        dispersion = decode_dispersion(check.dispersion)
        return await self._checker.check(compute_request(check, *key, at, baseline, dispersion))
