"""A deployment's checks, one an hour, from counts to verdicts, by the worker's own code.

Only Prometheus is not there: `Live` has the counts. So that years take seconds, all windows are
screened at once by the worker's comparison; those in which something may drift are then judged as
in any check, by `WindowJudge`, so that no alarm is decided here. A sample of the others is judged
as well, so that the screening is known to overlook nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmarks.drift.binning import Binning
from benchmarks.drift.binning import Counts as Histograms
from holdfast.drift.burnin import learn_dispersion
from holdfast.drift.cells import Cells, Counts, build_cells
from holdfast.drift.dispersion import choose_spreads
from holdfast.drift.evidence import Findings, Native, Spreads, compare_values
from holdfast.drift.judgement import compute_alpha
from holdfast.drift.merging import Bools, Floats, Ints, Pair
from holdfast.drift.source import Source, Window
from holdfast.drift.windows import WindowJudge
from holdfast.drift_protocol import CheckRequest, Dispersion, Prometheus

HOUR: Final = 3600
ENGINE: Final = Native()

_CHUNK: Final = 250
_SLACK: Final = 0.5
"""Of evidence: below what is needed by as much, nothing is suspected."""
_CONTROLS: Final = 50


class OverlookedError(Exception):
    """Something drifts where nothing was suspected: the benchmark itself is wrong."""


@dataclass(frozen=True)
class Checks:
    """What the checks after the burn-in said.

    Attributes:
        many: How many there were.
        alarms: By number of the check, what it confirms in which windows.
        dispersion: What was learned.
    """

    many: int
    alarms: dict[int, tuple[str, ...]]
    dispersion: Dispersion | None

    @property
    def onsets(self) -> int:
        """Alarms after a check without one: as often an Event tells of drift."""
        return sum(check - 1 not in self.alarms for check in self.alarms)


class Live(Source):
    """Live traffic, counted by the hour from time 0 on: what Prometheus would answer."""

    def __init__(self, hourly: Iterable[Histograms], cells: Cells) -> None:
        width = cells.reference.values.shape[1]
        counts = np.concatenate([*hourly], axis=1)[..., :width].transpose(1, 0, 2)
        nothing = np.zeros((1, *counts.shape[1:]), np.int64)
        self._until = np.concatenate([nothing, np.cumsum(counts, axis=0)])

    @property
    def hours(self) -> int:
        """How long it lasts."""
        return len(self._until) - 1

    def get_window(self, seconds: int, end: int) -> Window:
        """All of it was scraped."""
        return Window(self._count(seconds, end), 1.0)

    def get_windows(self, seconds: int, end: int, many: int, stride: int) -> Iterator[Counts]:
        """Windows of one length."""
        for place in range(many):
            yield self._count(seconds, end - place * stride)

    def stack_windows(self, seconds: int, hours: Ints) -> Ints:
        """Windows × features × cells of windows that end at these hours."""
        stacked: Ints = self._until[hours] - self._until[hours - seconds // HOUR]
        return stacked

    def _count(self, seconds: int, end: int) -> Counts:
        values = self._until[end // HOUR] - self._until[(end - seconds) // HOUR]
        return Counts(values, np.zeros(len(values), np.int64))


class _NoEvidence(Native):
    """An engine that spares the costly half of a comparison."""

    def weigh(self, pair: Pair, is_numeric: Bools, spreads: Spreads) -> Floats:
        """Nothing."""
        return np.zeros(len(pair.live))


def build_request(**settings: float) -> CheckRequest:
    """A request with the defaults as they are shipped, but for these settings."""
    request = CheckRequest(
        namespace="ml",
        modeldeployment="simulated",
        revision="simulated-1",
        at=0,
        promoted_at=0,
        baseline="",
        prometheus=Prometheus("http://localhost"),
    )
    return replace(request, **settings)  # type: ignore[arg-type]


def run_checks(
    binning: Binning,
    hourly: Iterable[Histograms],
    request: CheckRequest,
    *,
    first_only: bool = False,
) -> Checks:
    """Judge every hour after the burn-in.

    Args:
        binning: Of the reference.
        hourly: Counts of the hours, those of the burn-in first.
        request: Settings.
        first_only: Nothing after the first alarm is of interest.
    """
    cells = build_cells(binning.baseline)
    live = Live(hourly, cells)
    learned = learn(live, cells, request)
    begin = request.burn_in_seconds // HOUR
    checks = np.arange(begin, live.hours + 1)
    suspected = {
        seconds: checks[_suspect(live, checks, seconds, cells, learned, request)]
        for seconds in request.windows_seconds
    }
    alarms: dict[int, tuple[str, ...]] = {}
    for check in sorted({*np.concatenate([*suspected.values()]).tolist()}):
        windows = [seconds for seconds, hours in suspected.items() if check in hours]
        if confirmed := _judge(live, check, windows, cells, learned, request):
            alarms[check - begin] = confirmed
            if first_only:
                break
    for seconds, hours in suspected.items():
        others = np.setdiff1d(checks, hours)
        for check in others[:: max(len(others) // _CONTROLS, 1)].tolist():
            if _judge(live, check, [seconds], cells, learned, request):
                raise OverlookedError(f"{seconds} s until hour {check}")
    return Checks(len(checks), alarms, learned)


def learn(live: Live, cells: Cells, request: CheckRequest) -> Dispersion | None:
    """What the first check after the burn-in learns."""
    if not request.burn_in_seconds:
        return None
    return learn_dispersion(replace(request, at=request.burn_in_seconds), cells, live, "")


def select_spreads(spreads: Spreads, features: Ints) -> Spreads:
    """The spreads of these features, each as often as it is named."""
    return Spreads(
        spreads.chi2[features],
        spreads.ad[features],
        spreads.missing[features],
        spreads.variation,
    )


def _judge(
    live: Live,
    check: int,
    windows: Iterable[int],
    cells: Cells,
    learned: Dispersion | None,
    request: CheckRequest,
) -> tuple[str, ...]:
    """What a check confirms."""
    judge = WindowJudge(replace(request, at=check * HOUR), cells, live, ENGINE, learned)
    confirmed: list[str] = []
    for seconds in windows:
        window = judge.judge(seconds)
        found = [each.feature for each in window.features if each.confirmed]
        found += [each.feature for each in window.quality if each.confirmed]
        confirmed += [f"{feature} {seconds // HOUR} h" for feature in found]
    return tuple(confirmed)


def _suspect(
    live: Live,
    checks: Ints,
    seconds: int,
    cells: Cells,
    learned: Dispersion | None,
    request: CheckRequest,
) -> npt.NDArray[np.bool_]:
    """In which checks something may drift in the window of that length."""
    spreads = choose_spreads(learned, seconds, cells.names)
    young = checks * HOUR < seconds
    parts = np.array_split(np.where(young, seconds // HOUR, checks), -(-len(checks) // _CHUNK))
    found = [_screen(live.stack_windows(seconds, part), cells, spreads, request) for part in parts]
    suspected: npt.NDArray[np.bool_] = np.concatenate(found) & ~young
    return suspected


def _screen(
    windows: Ints, cells: Cells, spreads: Spreads, request: CheckRequest
) -> npt.NDArray[np.bool_]:
    """Whether anything may drift, by window."""
    many, features, width = windows.shape
    values = windows.reshape(-1, width)
    rows = np.arange(len(values))
    effect = _compare(cells, values, rows, spreads, _NoEvidence()).effect
    candidates = rows[effect >= request.min_effect]
    evidence = np.zeros(len(values))
    evidence[candidates] = _compare(cells, values, candidates, spreads, ENGINE).evidence
    needed = -np.log10(compute_alpha(request, features)) - _SLACK
    drifts = evidence.reshape(many, features) > needed
    last = np.take_along_axis(windows, (cells.sizes - 1)[None, :, None], axis=2)[..., 0]
    outside = last + np.where(cells.is_numeric, windows[..., 0], 0)
    limits = request.quality
    most = np.where(cells.is_numeric, limits.max_out_of_range_share, limits.max_unseen_share)
    suspected: npt.NDArray[np.bool_] = drifts | (outside > most * windows.sum(axis=2))
    return np.asarray(suspected.any(axis=1))


def _compare(cells: Cells, values: Ints, rows: Ints, spreads: Spreads, engine: Native) -> Findings:
    """Compare some rows of windows × features, laid one after the other, with the baseline."""
    feature = rows % len(cells.names)
    nothing = np.zeros(len(rows), np.int64)
    return compare_values(
        Counts(cells.reference.values[feature], nothing),
        Counts(values[rows], nothing),
        cells.is_numeric[feature],
        select_spreads(spreads, feature),
        engine,
    )
