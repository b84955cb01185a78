"""Clients that ask all the time: some keep their connection, some open one for each question."""

import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import requests

from tests.integration.harness import Place

_PAUSE_SECONDS = 0.03
_POD_HEADER = "X-Devcluster-Endpoint"


@dataclass(frozen=True)
class Answer:
    """What one question brought.

    Attributes:
        kept: Whether the client keeps its connection.
        text: The text of the model; empty for a failure.
        pod: Who answered.
        failure: What went wrong; empty if nothing did.
    """

    kept: bool
    text: str = ""
    pod: str = ""
    failure: str = ""


class Traffic:
    """Asks a deployment from several threads until the block ends."""

    def __init__(self, place: Place, name: str = "m", *, kept: int = 2, new: int = 2) -> None:
        self._place = place
        self._name = name
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask_on, args=(number, number < kept), daemon=True)
            for number in range(kept + new)
        ]
        self._latest: dict[int, Answer] = {}
        self.answers: list[Answer] = []

    @property
    def failures(self) -> list[str]:
        """What went wrong, in order."""
        return [answer.failure for answer in self.answers if answer.failure]

    @property
    def texts(self) -> set[str]:
        """Whatever models have answered."""
        return {answer.text for answer in self.answers if not answer.failure}

    def latest(self, *, kept: bool | None = None) -> set[str]:
        """What the clients heard last: all, those that keep their connection, or the others."""
        latest = list(self._latest.values())
        return {answer.text for answer in latest if kept in (None, answer.kept)}

    def wait_for(self, text: str, *, kept: bool | None = None) -> None:
        """Wait until these clients hear this model and no other."""
        self._place.wait(lambda: self.latest(kept=kept) == {text}, f"the clients hear {text}")

    def _ask_on(self, number: int, kept: bool) -> None:
        session = requests.Session() if kept else None
        while not self._stop.wait(_PAUSE_SECONDS):
            answer = self._latest[number] = self._ask(session)
            self.answers.append(answer)

    def _ask(self, session: requests.Session | None) -> Answer:
        kept = session is not None
        try:
            response = self._place.ask(self._name, session)
            pod = response.headers.get(_POD_HEADER, "")
            if not response.ok:
                failure = f"{response.status_code} from {pod or 'the proxy'}: {response.text}"
                return Answer(kept, pod=pod, failure=failure)
            return Answer(kept, str(response.json()["predictions"][0]), pod)
        except (requests.RequestException, ValueError) as error:
            return Answer(kept, failure=repr(error))

    def __enter__(self) -> Self:
        """Returns once every client has been answered."""
        for thread in self._threads:
            thread.start()
        self._place.wait(lambda: len(self._latest) == len(self._threads), "clients are answered")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Lets every client finish its question."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
