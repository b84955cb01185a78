"""One check: from the request to the verdict."""

from collections.abc import Sequence
from typing import Final

from holdfast.baseline.document import Baseline, InvalidBaselineError, read_baseline
from holdfast.drift.burnin import learn_dispersion
from holdfast.drift.cells import Cells, build_cells, compute_cells_digest
from holdfast.drift.engines import EngineNotInstalledError, find_engine
from holdfast.drift.evidence import Weigher
from holdfast.drift.prometheus import BadAnswerError, PrometheusClient, UnavailableError
from holdfast.drift.queries import Queries
from holdfast.drift.source import Source
from holdfast.drift.verdict import decide_verdict
from holdfast.drift.windows import WindowJudge
from holdfast.drift_protocol import (
    CheckAnswer,
    CheckRequest,
    Dispersion,
    Reason,
    WindowResult,
    build_unknown,
)

_NO_BASELINE: Final = "The revision has no baseline to compare its traffic with."
_BURN_IN: Final = "How much this traffic varies by itself is still being learned (burnInSeconds)."
_THIN_BURN_IN: Final = (
    "The burn-in goes on: in too few of its windows is there enough traffic to learn from."
)


def check(request: CheckRequest) -> CheckAnswer:
    """Ask Prometheus and judge; never raises for what the request or Prometheus cause."""
    if not request.baseline:
        return build_unknown(Reason.NO_BASELINE, _NO_BASELINE, identity=request.id)
    try:
        baseline = read_baseline(request.baseline)
        engine = find_engine(request.engine)
    except InvalidBaselineError as error:
        message = f"The revision's baseline cannot be read: {error}"
        return build_unknown(Reason.INVALID_BASELINE, message, identity=request.id)
    except EngineNotInstalledError as error:
        return build_unknown(Reason.ENGINE_NOT_INSTALLED, str(error), identity=request.id)
    cells = build_cells(baseline, request.exclude)
    if not cells.columns:
        message = "No feature or output of the baseline is left to judge."
        return build_unknown(Reason.INVALID_BASELINE, message, identity=request.id)
    client = PrometheusClient(request.prometheus)
    try:
        source = Source(client, Queries(request, baseline.digest or ""), cells)
        results, dispersion = _judge(request, baseline, cells, source, engine)
    finally:
        client.close()
    return decide_verdict(results, dispersion, identity=request.id)


def _judge(
    request: CheckRequest, baseline: Baseline, cells: Cells, source: Source, engine: Weigher
) -> tuple[list[WindowResult], Dispersion | None]:
    """The windows, and the dispersion that they were judged with."""
    digest = compute_cells_digest(baseline)
    dispersion = request.dispersion
    if dispersion and dispersion.cells != digest:
        dispersion = None
    results: list[WindowResult] = []
    try:
        if dispersion is None and request.burn_in_seconds > 0:
            if request.at < request.promoted_at + request.burn_in_seconds:
                return _fail(request, Reason.BURN_IN, _BURN_IN), None
            dispersion = learn_dispersion(request, cells, source, digest)
            if dispersion is None:
                return _fail(request, Reason.BURN_IN, _THIN_BURN_IN), None
        judge = WindowJudge(request, cells, source, engine, dispersion)
        results.extend(judge.judge(seconds) for seconds in request.windows_seconds)
    except UnavailableError as error:
        message = f"Prometheus cannot be asked: {error}."
        return _fail(request, Reason.PROMETHEUS_UNAVAILABLE, message, results), dispersion
    except BadAnswerError as error:
        message = f"Prometheus' answer cannot be used: {error}."
        return _fail(request, Reason.BAD_ANSWER, message, results), dispersion
    return results, dispersion


def _fail(
    request: CheckRequest, reason: Reason, message: str, done: Sequence[WindowResult] = ()
) -> list[WindowResult]:
    """The windows that were judged, and all others for that reason not."""
    rest = request.windows_seconds[len(done) :]
    return [
        *done,
        *(WindowResult(each, judged=False, reason=reason, message=message) for each in rest),
    ]
