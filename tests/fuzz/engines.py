"""Feed a subject: with what hypothesis makes, or with what atheris finds by looking at coverage."""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final, NoReturn

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.connection import Wire
from tests.fuzz.mutation import correct_length, mutate_document
from tests.fuzz.strategies import MESSAGES, goods
from tests.fuzz.subject import Subject
from tests.fuzz.wire import WORDS, list_requests, list_seeds, read_message

_BATCH: Final = 200
"""Examples of one run of hypothesis, which remembers all of a run."""
_EVENTS: Final = 20
_LENGTH: Final = 2048
_TIMEOUT_SECONDS: Final = 60
_MEMORY_MIB: Final = 1024
_BY_DOCUMENT: Final = 0.6
_WITH_LENGTH: Final = 0.8
_ARTIFACTS: Final = Path(__file__).parents[2] / ".build" / "fuzz"
"""Where inputs are kept that break something."""


@dataclass(frozen=True)
class Bounds:
    """When an engine is done: after so many inputs, or so much processor time."""

    inputs: int
    seconds: float
    seed: int

    def are_reached(self, subject: Subject, started: float) -> bool:
        """Whether it is done, which began with this `time.process_time`."""
        return subject.inputs >= self.inputs or time.process_time() - started >= self.seconds


def generate(subject: Subject, bounds: Bounds, done: Callable[[], None]) -> None:
    """Feed events and good events in any order, each list to a collector that has seen others.

    Raises:
        BrokenError: With the shortest list that breaks a new collector, if one does.
    """
    started = time.process_time()
    batch = 0

    def feed(events: list[object], target: Subject) -> None:
        for event in events:
            if isinstance(event, tuple):
                target.forget_pairs()
                target.feed_good(*event)
                target.finish_input(0)
            else:
                target.feed(event)  # type: ignore[arg-type]

    while not bounds.are_reached(subject, started):

        @seed(bounds.seed + batch)
        @settings(
            max_examples=_BATCH,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        @given(st.lists(MESSAGES | goods(), min_size=1, max_size=_EVENTS))
        def play(events: list[object]) -> None:
            feed(events, Subject())
            feed(events, subject)

        play()
        batch += 1
    done()


def guide(subject: Subject, target: str, bounds: Bounds, done: Callable[[], None]) -> NoReturn:
    """Have atheris look for inputs that reach new code; ends the process.

    Args:
        subject: What is fed; its code has to be instrumented already.
        target: `event` (headers and body) or `connection` (all bytes of one).
        bounds: When it ends.
        done: Called before the end.
    """
    import atheris

    started = time.process_time()
    wire = Wire(subject) if target == "connection" else None

    def feed(data: bytes) -> None:
        if wire is None:
            subject.feed(read_message(data))
        else:
            before = time.process_time()
            wire.send(data)
            subject.finish_input(time.process_time() - before)
        if bounds.are_reached(subject, started):
            done()
            os._exit(0)  # libFuzzer does not end otherwise without calling it a crash

    def mutate(data: bytes, most: int, number: int) -> bytes:
        random = Random(number)  # noqa: S311 -- has to repeat itself
        changed = mutate_document(data, random) if random.random() < _BY_DOCUMENT else None
        if changed is None or len(changed) > most:
            changed = atheris.Mutate(data, most)
        if wire and random.random() < _WITH_LENGTH:
            changed = correct_length(changed)[:most]
        return changed

    with tempfile.TemporaryDirectory(prefix="holdfast-fuzz-") as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        for number, data in enumerate(list_requests() if wire else list_seeds()):
            (corpus / f"{number:03}").write_bytes(data)
        words = Path(folder) / "words"
        words.write_text("".join(f"{_quote(word)}\n" for word in WORDS))
        arguments = [
            sys.argv[0],
            f"-seed={bounds.seed}",
            f"-max_len={_LENGTH}",
            f"-timeout={_TIMEOUT_SECONDS}",
            f"-rss_limit_mb={_MEMORY_MIB}",
            f"-dict={words}",
            f"-artifact_prefix={_ARTIFACTS}/",
            str(corpus),
        ]
        _ARTIFACTS.mkdir(parents=True, exist_ok=True)
        atheris.Setup(arguments, feed, custom_mutator=mutate)
        atheris.Fuzz()
    raise AssertionError("it ends the process")


def _quote(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
