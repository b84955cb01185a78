"""What was compared, so that somebody can compare it again."""

from holdfast.cli.drift.checks import Checks
from holdfast.cli.drift.words import say_duration, say_effect, say_share, say_time
from holdfast.clients.prometheus import hide_credentials
from holdfast.drift_protocol import CheckRequest, Dispersion, Reason

Facts = list[tuple[str, str]]


def list_compared(checks: Checks) -> Facts:
    """Names and values: what was compared, then by which settings."""
    subject, request = checks.subject, checks.request
    baseline = subject.baseline
    files = ", ".join(file.name for file in baseline.source.files)
    return [
        ("Deployment", f"{subject.namespace}/{subject.deployment}"),
        ("Revision", f"{subject.number} ({subject.revision})"),
        ("Promoted", say_time(request.promoted_at)),
        ("Baseline", baseline.digest or "without a digest"),
        ("Training data", f"{baseline.source.rows:,} rows of {files}"),
        ("Windows end", say_time(request.at)),
        ("Prometheus", hide_credentials(request.prometheus.url)),
        ("Rows that depend on each other", _say_dispersion(checks)),
        *list_settings(request),
    ]


def list_settings(request: CheckRequest) -> Facts:
    """The settings of `spec.drift`, defaults as well."""
    limits = request.quality
    return [
        ("Checks", f"every {say_duration(request.every_seconds)}"),
        ("Windows", ", ".join(say_duration(seconds) for seconds in request.windows_seconds)),
        ("Budget", say_budget(request)),
        ("Effect floor", say_effect(request.min_effect)),
        ("Other floors", _list_floors(request) or "none"),
        ("Fewest rows", f"{request.min_samples:,} in a window"),
        ("Least coverage", f"{say_share(request.min_coverage)} of a window is scraped"),
        ("Confirmed by", f"{request.confirm_checks} checks in a row"),
        ("Burn-in", say_duration(request.burn_in_seconds) if request.burn_in_seconds else "none"),
        ("Most missing rows", f"{say_share(limits.max_missing_increase)} more than in training"),
        ("Most unseen values", say_share(limits.max_unseen_share)),
        ("Most out of range", say_share(limits.max_out_of_range_share)),
        ("Not looked at", ", ".join(request.exclude) or "none"),
        ("Engine", str(request.engine)),
    ]


def say_budget(request: CheckRequest) -> str:
    """How many false alarms may be."""
    count = request.false_alarms_per_year
    return f"{count:g} false alarm{'' if count == 1 else 's'} per year"


def _list_floors(request: CheckRequest) -> str:
    floors = sorted(request.min_effects.items())
    return ", ".join(f"{name} {say_effect(floor)}" for name, floor in floors)


def _say_dispersion(checks: Checks) -> str:
    """Whether, and how strongly, correlated traffic widens what chance explains."""
    answer = checks.answer
    if not checks.request.burn_in_seconds:
        return "taken for independent (no burn-in)"
    if answer.dispersion is None:
        learning = any(window.reason is Reason.BURN_IN for window in answer.windows)
        return "being learned" if learning or answer.reason is Reason.BURN_IN else "not known"
    return f"learned from live traffic: {_describe_dispersion(answer.dispersion)}"


def _describe_dispersion(dispersion: Dispersion) -> str:
    factors = [
        (max(spread.chi2, spread.ad, spread.missing), name)
        for window in dispersion.windows.values()
        for name, spread in window.spreads.items()
    ]
    most, name = max(factors, default=(1.0, ""))
    if most <= 1:
        return "rows vary as if they were independent"
    return f"windows vary up to {most:.1f} times as much as independent rows would ({name})"
