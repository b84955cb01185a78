"""False alarms of simulated years, and a shift that is there from the first request."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from benchmarks.drift.binning import Binning, Counts, name_feature
from benchmarks.drift.checks import Checks, build_request, run_checks
from benchmarks.drift.streams import (
    DAY,
    Random,
    Rows,
    Traffic,
    build_random,
    draw_days,
    draw_reference,
)

RATE: Final = 1000
"""Rows an hour where traffic is drawn row by row."""
BURN_IN_DAYS: Final = 7
CHECKS_PER_YEAR: Final = 365 * DAY

_REFERENCES: Final = 0
_COUNTS: Final = 3
_SHIFTED: Final = 0
_SHIFT: Final = np.float32(0.3)
_LOOKED_AT_DAYS: Final = 14


@dataclass(frozen=True)
class Alarms:
    """False alarms of all years of one kind.

    Attributes:
        rate: Rows an hour.
        checks: How many were made.
        onsets: How often drift was said after a check that did not say so.
        drifting: How many checks said so.
        by_year: Onsets.
        seen: What was said first in each year that had any.
    """

    rate: int
    checks: int
    onsets: int
    drifting: int
    by_year: tuple[int, ...]
    seen: tuple[str, ...]

    @property
    def years(self) -> float:
        """How long all of it was."""
        return self.checks / CHECKS_PER_YEAR

    @property
    def per_year(self) -> float:
        """False alarms of a year."""
        return self.onsets / self.years


def draw_year_reference(traffic: Traffic, year: int) -> Rows:
    """The training data of a simulated year."""
    return draw_reference(traffic, build_random(_REFERENCES, list(Traffic).index(traffic), year))


def measure_rows(traffic: Traffic, years: int, days: int) -> Alarms:
    """Years of rows, each after its burn-in."""

    def run(year: int) -> Checks:
        binning = Binning.choose(draw_year_reference(traffic, year))
        drawn = draw_days(traffic, year, range(BURN_IN_DAYS + days), RATE)
        return run_checks(binning, map(binning.count, drawn), build_request())

    return _add_up(RATE, [run(year) for year in range(years)])


def measure_counts(rate: int, years: int, days: int, **settings: float) -> Alarms:
    """Years of independent rows, of which only the counts are drawn: from their exact law."""

    def run(year: int) -> Checks:
        binning = Binning.choose(draw_year_reference(Traffic.INDEPENDENT, year))
        drawn = draw_counts(binning, build_random(_COUNTS, rate, year), rate, days)
        return run_checks(binning, [drawn], build_request(**settings))

    return _add_up(rate, [run(year) for year in range(years)])


def find_first_report(traffic: Traffic) -> int | None:
    """When a feature that is shifted by 0.3 σ from the first request on is reported.

    Returns:
        Hours after the burn-in, 0 for its first check; None if not within two weeks.
    """
    binning = Binning.choose(draw_year_reference(traffic, 0))

    def shift(rows: Rows) -> Rows:
        rows[_SHIFTED] += _SHIFT
        return rows

    drawn = draw_days(traffic, 0, range(BURN_IN_DAYS + _LOOKED_AT_DAYS), RATE)
    counts = (binning.count(shift(rows)) for rows in drawn)
    checks = run_checks(binning, counts, build_request(), first_only=True)
    named = (
        check
        for check, confirmed in checks.alarms.items()
        if any(each.startswith(name_feature(_SHIFTED)) for each in confirmed)
    )
    return next(named, None)


def draw_counts(binning: Binning, random: Random, rate: int, days: int) -> Counts:
    """Counts of independent rows by the hour, burn-in and days."""
    hours = (BURN_IN_DAYS + days) * DAY
    shares = binning.compute_shares()
    shares /= shares.sum(axis=1, keepdims=True)
    return np.stack([random.multinomial(rate, share, hours) for share in shares])


def bound_rate(count: int, years: float) -> tuple[float, float]:
    """The exact 95 % interval of a Poisson rate."""
    low = stats.chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    return float(low) / years, float(stats.chi2.ppf(0.975, 2 * count + 2)) / 2 / years


def _add_up(rate: int, years: list[Checks]) -> Alarms:
    firsts = [next(iter(year.alarms.values())) for year in years if year.alarms]
    return Alarms(
        rate,
        sum(year.many for year in years),
        sum(year.onsets for year in years),
        sum(len(year.alarms) for year in years),
        tuple(year.onsets for year in years),
        tuple(", ".join(first[:3]) for first in firsts),
    )
