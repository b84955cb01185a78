"""Fetches from the operator which revisions there are, and by which baselines to count them.

What is asked for, below the operator's URL:

`GET /baselines`: the revisions that are to be monitored, all in one list:

    {"schemaVersion": 1,
     "revisions": [{"namespace": "ml", "modelDeployment": "employment",
                    "name": "employment-6c9f7d58", "baselineDigest": "sha256:…"}]}

`baselineDigest` is the `digest` of the revision's baseline, and null or absent if it has
none. The answer has an ETag; asked again with If-None-Match it is 304 without a body.

`GET /baselines/{namespace}/{name}`: the baseline document of one revision, as
`holdfast baseline` writes it; 404 if there is none. It never changes, since the digest is in
the list: it is asked for once, and with If-None-Match where an older one is known.

The list is what makes series exist before the first event: one that is born with its first
event loses that event to `increase()`.
"""

import asyncio
import json
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import aiohttp

from holdfast.collector.layout import Layout
from holdfast.collector.reader import LayoutError, count_series, read_layout
from holdfast.collector.revisions import RevisionKey, Revisions

_log = logging.getLogger(__name__)

_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
_MOST_BYTES: Final = 16 * 2**20
_FIRST_RETRY_SECONDS: Final = 1.0
_LAST_RETRY_SECONDS: Final = 60.0
_HURRY_SECONDS: Final = 1.0


class Fetch(StrEnum):
    """How a request to the operator ended."""

    FETCHED = "Fetched"
    UNCHANGED = "Unchanged"
    FAILED = "Failed"


class FetchError(Exception):
    """The operator gave no usable answer."""


@dataclass(frozen=True)
class Listed:
    """One revision of the operator's list."""

    key: RevisionKey
    deployment: str
    digest: str


class BaselineClient:
    """Asks the operator."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self._etag = ""
        self.outcomes = dict.fromkeys(Fetch, 0)

    async def get_list(self) -> list[Listed] | None:
        """Return the revisions; None if they are those of the last call.

        Raises:
            FetchError: With the reason.
        """
        etag, text = await self._get("/baselines", self._etag)
        if text is None:
            return None
        try:
            listed = _read_list(json.loads(text))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise FetchError(f"the list of baselines cannot be read: {error!r}") from None
        self._etag = etag
        return listed

    async def get_baseline(self, key: RevisionKey) -> bytes:
        """Return the document of one revision.

        Raises:
            FetchError: With the reason.
        """
        _, text = await self._get(f"/baselines/{key.namespace}/{key.name}", "")
        return text or b""

    def forget_list(self) -> None:
        """Have the next list sent in any case."""
        self._etag = ""

    async def _get(self, path: str, etag: str) -> tuple[str, bytes | None]:
        try:
            found = await self._ask(path, etag)
        except FetchError:
            self.outcomes[Fetch.FAILED] += 1
            raise
        self.outcomes[Fetch.UNCHANGED if found[1] is None else Fetch.FETCHED] += 1
        return found

    async def _ask(self, path: str, etag: str) -> tuple[str, bytes | None]:
        headers = {"If-None-Match": etag} if etag else {}
        url = self._url + path
        try:
            async with self._session.get(
                url, headers=headers, timeout=_TIMEOUT, allow_redirects=False
            ) as answer:
                if answer.status == 304 and etag:
                    return etag, None
                if answer.status != 200:
                    raise FetchError(f"{url} answered {answer.status}")
                text = await answer.content.read(_MOST_BYTES + 1)
                while len(text) <= _MOST_BYTES and (more := await answer.content.readany()):
                    text += more
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise FetchError(f"{url}: {str(error) or type(error).__name__}") from None
        if len(text) > _MOST_BYTES:
            raise FetchError(f"{url} answered more than {_MOST_BYTES} bytes")
        return answer.headers.get("ETag", ""), text


class Synchroniser:
    """Keeps the revisions as the operator lists them, and goes on counting while it is away.

    Attributes:
        contact: When the operator last answered, in seconds since 1970; 0 if never.
        tried: Set once it was asked, whether it answered or not.
    """

    def __init__(
        self,
        client: BaselineClient,
        revisions: Revisions,
        *,
        poll_seconds: float,
        most_series: int,
        now: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._revisions = revisions
        self._poll = poll_seconds
        self._most_series = most_series
        self._now = now
        self._wall_clock = wall_clock
        self._hurry = asyncio.Event()
        self._said = ""
        self.contact = 0.0
        self.tried = asyncio.Event()

    def hurry(self) -> None:
        """Ask soon: an event came of a revision that the operator has not named yet."""
        self._hurry.set()

    async def run(self) -> None:
        """Ask again and again."""
        failures = 0
        while True:
            failures = 0 if await self.synchronise() else failures + 1
            self.tried.set()
            await self._wait(failures)

    async def synchronise(self) -> bool:
        """Ask once; False if the operator gave no answer, or not all of it."""
        try:
            listed = await self._client.get_list()
            if listed is not None:
                await self._follow(listed)
        except FetchError as error:
            self._client.forget_list()
            self._say(str(error))
            return False
        if self._said:
            _log.info("The operator answers again.")
            self._said = ""
        self.contact = self._wall_clock()
        return True

    async def _follow(self, listed: list[Listed]) -> None:
        now = self._now()
        for each in listed:
            self._revisions.know(each.key, each.deployment, now)
        self._revisions.unname_all_but({each.key for each in listed})
        failure: FetchError | None = None
        for each in listed:
            revision = self._revisions.find(*each.key)
            if revision is None or revision.digest == each.digest:
                continue
            try:
                text = await self._client.get_baseline(each.key) if each.digest else b""
            except FetchError as error:
                failure = error  # the others may be there
                continue
            revision.use_layout(self._read(each, text), each.digest)
        if failure:
            raise failure

    def _read(self, listed: Listed, text: bytes) -> Layout | None:
        """The columns of a baseline; None if there are none, or not any that can be used."""
        if not text:
            return None
        try:
            layout = read_layout(text)
        except LayoutError as error:
            _log.warning("The baseline of %s/%s is not usable: %s", *listed.key, error)
            return None
        series = sum(count_series(each.layout) for each in self._revisions if each.layout)
        if series + count_series(layout) > self._most_series:
            _log.warning(
                "The baseline of %s/%s is not used: there would be more than %d time series.",
                *listed.key,
                self._most_series,
            )
            return None
        return layout

    async def _wait(self, failures: int) -> None:
        if failures:
            longest = max(self._poll, _LAST_RETRY_SECONDS)
            pause = min(_FIRST_RETRY_SECONDS * 2 ** min(failures - 1, 10), longest)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 -- only spreads
            return
        await asyncio.sleep(min(_HURRY_SECONDS, self._poll))
        try:
            async with asyncio.timeout(self._poll * random.uniform(0.8, 1.2)):  # noqa: S311
                await self._hurry.wait()
        except TimeoutError:
            pass
        self._hurry.clear()

    def _say(self, message: str) -> None:
        if message != self._said:
            _log.warning("No baselines from the operator: %s", message)
            self._said = message


def _read_list(found: Any) -> list[Listed]:
    if found["schemaVersion"] != 1:
        raise ValueError(f"schemaVersion {found['schemaVersion']}")
    listed = [
        Listed(
            RevisionKey(str(each["namespace"]), str(each["name"])),
            str(each["modelDeployment"]),
            str(each.get("baselineDigest") or ""),
        )
        for each in found["revisions"]
    ]
    impossible = [each.key for each in listed if not each.key.is_possible()]
    if impossible:
        raise ValueError(f"impossible names: {impossible[:3]}")
    return listed
