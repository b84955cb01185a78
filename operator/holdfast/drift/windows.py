"""Judges one window of a check, with those of the checks before that must confirm it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from holdfast.drift.cells import Cells
from holdfast.drift.dispersion import choose_spreads
from holdfast.drift.evidence import Weigher
from holdfast.drift.judgement import Judgement, judge_counts
from holdfast.drift.source import Source, Window
from holdfast.drift_protocol import CheckRequest, Dispersion, FeatureCounts, Reason, WindowResult


@dataclass(frozen=True)
class _Obstacle:
    reason: Reason
    message: str


class WindowJudge:
    """Judges the windows of one check.

    Nothing is remembered from the check before: what it saw is asked for again.
    """

    def __init__(
        self,
        request: CheckRequest,
        cells: Cells,
        source: Source,
        engine: Weigher,
        dispersion: Dispersion | None,
    ) -> None:
        self._request = request
        self._cells = cells
        self._source = source
        self._engine = engine
        self._dispersion = dispersion

    def judge(self, seconds: int) -> WindowResult:
        """Judge the window of that length that ends at the check's time.

        Raises:
            UnavailableError: there is no answer.
            BadAnswerError: an answer cannot be.
        """
        request = self._request
        if obstacle := self._find_youth(seconds, request.at):
            return _build_unjudged(seconds, obstacle)
        window = self._source.get_window(seconds, request.at)
        counts = tuple(self._list_counts(window)) if request.with_counts else ()
        result = WindowResult(
            seconds=seconds,
            judged=False,
            samples=window.samples,
            coverage=round(window.coverage, 4),
            counts=counts,
        )
        if obstacle := self._find_lack(window):
            return replace(result, reason=obstacle.reason, message=obstacle.message)
        judgement = self._judge(window, seconds)
        confirmed, obstacle = self._confirm(judgement, seconds)
        return replace(
            result,
            judged=obstacle is None,
            reason=obstacle.reason if obstacle else None,
            message=obstacle.message if obstacle else "",
            min_evidence=judgement.min_evidence,
            features=tuple(
                replace(each, confirmed=(each.feature, str(each.aspect)) in confirmed)
                for each in judgement.features
            ),
            quality=tuple(
                replace(each, confirmed=(each.feature, str(each.limit)) in confirmed)
                for each in judgement.quality
            ),
        )

    def _judge(self, window: Window, seconds: int) -> Judgement:
        spreads = choose_spreads(self._dispersion, seconds, self._cells.names)
        return judge_counts(self._cells, window.counts, spreads, self._engine, self._request)

    def _confirm(
        self, judgement: Judgement, seconds: int
    ) -> tuple[set[tuple[str, str]], _Obstacle | None]:
        """What is found in all checks that must agree, or why that cannot be known."""
        found = judgement.drifting
        for before in range(1, self._request.confirm_checks):
            if not found:
                break
            end = self._request.at - before * self._request.every_seconds
            obstacle = self._find_youth(seconds, end)
            if obstacle is None:
                window = self._source.get_window(seconds, end)
                obstacle = self._find_lack(window)
            if obstacle:
                message = f"It drifts, which no earlier check confirms: {obstacle.message}"
                return set(), replace(obstacle, message=message)
            found &= self._judge(window, seconds).drifting
        return found, None

    def _find_youth(self, seconds: int, end: int) -> _Obstacle | None:
        if end - seconds >= self._request.promoted_at:
            return None
        return _Obstacle(
            Reason.WINDOW_TOO_YOUNG, "The window begins before the revision was promoted."
        )

    def _find_lack(self, window: Window) -> _Obstacle | None:
        request = self._request
        if window.coverage < request.min_coverage:
            message = (
                "Too little of the window was counted by this baseline and scraped (minCoverage is "
                f"{request.min_coverage:g})."
            )
            return _Obstacle(Reason.LOW_COVERAGE, message)
        if window.samples < request.min_samples:
            message = f"No feature has minSamples ({request.min_samples}) rows in the window."
            return _Obstacle(Reason.TOO_FEW_SAMPLES, message)
        return None

    def _list_counts(self, window: Window) -> Iterator[FeatureCounts]:
        for row, name in enumerate(self._cells.names):
            values = window.counts.values[row, : self._cells.sizes[row]]
            missing = int(window.counts.missing[row])
            yield FeatureCounts(name, tuple(map(int, values)), missing)


def _build_unjudged(seconds: int, obstacle: _Obstacle) -> WindowResult:
    return WindowResult(seconds, judged=False, reason=obstacle.reason, message=obstacle.message)
