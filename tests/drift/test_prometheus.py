"""Checks against a real Prometheus: what it was told is what is judged."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from holdfast.drift.cells import Counts, build_cells
from holdfast.drift.check import check
from holdfast.drift_protocol import CheckRequest, Prometheus, Reason, Verdict, WindowResult
from tests.drift.real import Labels, Target, list_samples, running, write_history, write_sample
from tests.drift.traffic import build_baseline, draw_counts, print_document

BASELINE = build_baseline(missing=100)
CELLS = build_cells(BASELINE)
HOUR, SCRAPE = 3600, 30
END = 1_795_600_800
START = END - 8 * HOUR
RATE = 4
"""Rows between two scrapes, of each collector."""

Histories = dict[str, Counts]


def add(counts: Counts, more: Counts) -> Counts:
    return Counts(counts.values + more.values, counts.missing + more.missing)


def build_history(
    revision: str, shift: float, *, gap: bool = False
) -> tuple[list[tuple[str, Labels, int, int]], Counts]:
    """Eight hours of two collectors, of which one starts anew every 50 minutes.

    Returns what was counted, and the truth about the last hour.
    """
    random = np.random.default_rng(5)
    samples: list[tuple[str, Labels, int, int]] = []
    truth = CELLS.start_counts()
    for collector in ("a", "b"):
        labels = build_labels(revision) | {"pod": collector}
        counts, requests = CELLS.start_counts(), 0
        for at in range(START, END + 1, SCRAPE):
            if collector == "b" and (at - START) % (50 * 60) == 0:
                counts, requests = CELLS.start_counts(), 0
            elif at > START:
                more = draw_counts(CELLS, RATE, random, shift=shift, missing=0.01)
                counts, requests = add(counts, more), requests + RATE
                truth = add(truth, more) if at > END - HOUR else truth
            if gap and END - HOUR < at < END - HOUR / 2:
                continue
            samples += [
                (name, own, value, at)
                for name, own, value in list_samples(CELLS, BASELINE, counts, labels, requests)
            ]
    return samples, truth


def build_labels(revision: str) -> dict[str, str]:
    return {"namespace": "ml", "modeldeployment": "employment", "revision": revision}


@pytest.fixture(scope="module")
def truths() -> Histories:
    return {}


@pytest.fixture(scope="module")
def url(
    tmp_path_factory: pytest.TempPathFactory, truths: Histories, scraped: dict[str, Target]
) -> Iterator[str]:
    samples: list[tuple[str, Labels, int, int]] = []
    for revision, shift, gap in (("same", 0.0, False), ("moved", 0.4, False), ("gap", 0.0, True)):
        more, truths[revision] = build_history(revision, shift, gap=gap)
        samples += more
    directory: Path = tmp_path_factory.mktemp("prometheus")
    with running(directory, write_history(samples), scraped) as started:
        yield started


@pytest.fixture(scope="module")
def scraped() -> Iterator[dict[str, Target]]:
    with Target().serve() as classic, Target().serve() as native:
        yield {"classic": classic, "native": native}


def build_request(url: str, revision: str, **changes: object) -> CheckRequest:
    options: dict[str, object] = {
        "at": END,
        "promoted_at": START,
        "windows_seconds": (HOUR, 4 * HOUR),
        "min_samples": 400,
        "burn_in_seconds": 0,
        "with_counts": True,
        "baseline": print_document(BASELINE),
    }
    return CheckRequest(
        namespace="ml",
        modeldeployment="employment",
        revision=revision,
        prometheus=Prometheus(url),
        **(options | changes),  # type: ignore[arg-type]
    )


def compare(window: WindowResult, truth: Counts, tolerance: float) -> None:
    """Counters are extrapolated to the window's ends, and a restart loses what came before it."""
    for row, counts in enumerate(window.counts):
        expected = truth.values[row, : CELLS.sizes[row]]
        assert np.array(counts.counts) == pytest.approx(expected, rel=tolerance, abs=4)
        assert counts.missing == pytest.approx(truth.missing[row], rel=tolerance, abs=4)


def test_counts_are_those_of_all_collectors_despite_restarts(url: str, truths: Histories) -> None:
    answer = check(build_request(url, "same"))
    assert (answer.verdict, answer.reason) == (Verdict.NO_DRIFT, Reason.NO_DRIFT)
    assert answer.windows[0].coverage > 0.95
    compare(answer.windows[0], truths["same"], 0.06)


def test_drift_is_found(url: str, truths: Histories) -> None:
    answer = check(build_request(url, "moved"))
    assert answer.verdict is Verdict.DRIFT
    assert set(answer.drifting) == {"x0", "x1"}
    compare(answer.windows[0], truths["moved"], 0.06)


def test_dispersion_is_learned_from_ranges(url: str) -> None:
    answer = check(build_request(url, "moved", burn_in_seconds=6 * HOUR))
    assert answer.verdict is Verdict.DRIFT
    assert answer.dispersion is not None
    learned = answer.dispersion.windows[str(HOUR)]
    assert all(spread.chi2 < 2 for spread in learned.spreads.values())


def test_half_an_hour_without_a_scrape(url: str) -> None:
    """Prometheus looks back five minutes, so that 25 of 60 are seen to be missing."""
    answer = check(build_request(url, "gap", windows_seconds=(HOUR,)))
    assert (answer.verdict, answer.reason) == (Verdict.UNKNOWN, Reason.LOW_COVERAGE)
    assert answer.windows[0].coverage == pytest.approx(35 / 60, abs=0.03)


def test_a_revision_that_nobody_counts(url: str) -> None:
    assert check(build_request(url, "unknown")).reason is Reason.LOW_COVERAGE


def test_a_collector_that_counts_by_another_baseline(url: str) -> None:
    request = build_request(url, "same", baseline=print_document(build_baseline(seed=9)))
    assert check(request).reason is Reason.LOW_COVERAGE


def test_native_histograms_hold_the_same(url: str, scraped: dict[str, Target]) -> None:
    """Classic histograms that Prometheus converts as it scrapes them, beside those it does not."""
    random = np.random.default_rng(6)
    counts = draw_counts(CELLS, 1000, random)
    for step in (CELLS.start_counts(), counts):
        for name, target in scraped.items():
            target.text = write_exposition(build_labels(name), step)
        for target in scraped.values():
            wait_for_scrapes(target, 2)
    at = int(time.time()) + 1
    found = {
        name: check(
            build_request(
                url,
                name,
                at=at,
                promoted_at=0,
                windows_seconds=(60,),
                min_coverage=0.0,
                confirm_checks=1,
            )
        ).windows[0]
        for name in scraped
    }
    for window in found.values():
        for row, each in enumerate(window.counts):
            shares = np.array(each.counts) / max(sum(each.counts), 1)
            expected = counts.values[row, : CELLS.sizes[row]] / counts.totals[row]
            assert shares == pytest.approx(expected, abs=0.002)


def wait_for_scrapes(target: Target, many: int) -> None:
    """Until so many more scrapes have begun, so that all but the last were of what is there now."""
    while target.scraped.acquire(blocking=False):
        pass
    for _ in range(many):
        assert target.scraped.acquire(timeout=30)


def write_exposition(labels: Labels, counts: Counts) -> str:
    lines = ["# TYPE holdfast_feature_value histogram"]
    samples = list(list_samples(CELLS, BASELINE, counts, labels, int(counts.rows.max())))
    samples.sort(key=lambda sample: not sample[0].startswith("holdfast_feature_value"))
    lines += [write_sample(name, own, value) for name, own, value in samples]
    return "\n".join([*lines, ""])
