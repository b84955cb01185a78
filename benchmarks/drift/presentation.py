"""Figures as rows, with what had to be reached."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks.drift.comparison import JUDGED, WINDOW, Peer, Share
from benchmarks.drift.cost import FEATURES, LIVE_ROWS, Cost
from benchmarks.drift.power import ALPHAS, BUDGET_ALPHA, SIZES, Sample
from benchmarks.drift.shifts import SHIFTS
from benchmarks.drift.streams import Traffic
from benchmarks.drift.years import CHECKS_PER_YEAR, Alarms, bound_rate
from benchmarks.report import Report, Row
from holdfast.drift_protocol import CheckRequest

DEFAULTS: Final = CheckRequest
_MOST_INDEPENDENT: Final = 1.0
_MOST_OTHERWISE: Final = 3.0
_LEAST_POINTS: Final = -2.0
_FEWEST_REPETITIONS: Final = 500
"""With fewer, points of a hundred are noise: nothing is judged."""
_FLOORS: Final = 4.0
"""Only of shifts of so many floors of effects, the power is promised."""
_CPU_MS: Final = 100.0
_MEMORY_MIB: Final = 100.0
_NAMES: Final = {"alibi": "alibi-detect", "evidently": "Evidently", "nannyml": "NannyML"}

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Found:
    """Everything that was measured."""

    by_rows: Mapping[Traffic, Alarms]
    by_counts: Mapping[int, Alarms]
    first_reports: Mapping[Traffic, int | None]
    sample: Sample
    cost: Cost
    peers: Mapping[str, Peer]


@dataclass(frozen=True)
class Powers:
    """Of all windows, in how many a shifted feature was found: sizes × shifts, or more before.

    Attributes:
        shipped: With the shipped defaults, in one window.
        confirmed: And in the window after it.
        shipped_raw: Raw, at the same alpha, in one window.
        confirmed_raw: And in the window after it.
        floor0: Alphas × sizes × shifts.
        raw: The same.
        error: Standard error of the difference of these two.
    """

    shipped: Floats
    confirmed: Floats
    shipped_raw: Floats
    confirmed_raw: Floats
    floor0: Floats
    raw: Floats
    error: Floats


def compute_powers(sample: Sample) -> Powers:
    """Shares of windows, in percent."""
    request = DEFAULTS
    drifts = (sample.shipped > -np.log10(BUDGET_ALPHA)) & (sample.effect >= request.min_effect)
    drifts &= (np.array(SIZES) >= request.min_samples)[:, None, None, None]
    raw = sample.raw
    found = np.stack([sample.evidence > -np.log10(alpha) for alpha in ALPHAS])
    difference = (found.astype(float) - raw).mean(axis=3)  # windows of a repetition share it
    return Powers(
        shipped=100 * drifts.mean(axis=(1, 2)),
        confirmed=100 * drifts.all(axis=2).mean(axis=1),
        shipped_raw=100 * raw[0].mean(axis=(1, 2)),
        confirmed_raw=100 * raw[0].all(axis=2).mean(axis=1),
        floor0=100 * found.mean(axis=(2, 3)),
        raw=100 * raw.mean(axis=(2, 3)),
        error=100 * difference.std(axis=2, ddof=1) / np.sqrt(raw.shape[2]),
    )


def present(report: Report, found: Found) -> None:
    """Fill in the report's sections and figures."""
    powers = compute_powers(found.sample)
    report.sections |= {
        "False alarms of a year: shipped defaults, 25 features, hourly checks": [
            *_list_alarms(found),
            *_list_first_reports(found.first_reports),
        ],
        "Power: shipped defaults, beside raw Kolmogorov-Smirnov at the same alpha "
        f"({BUDGET_ALPHA:.2g})": _list_shipped(powers, found.sample),
        "Power: floor 0, beside raw Kolmogorov-Smirnov (the category: chi-square); found at "
        f"alpha {BUDGET_ALPHA:.2g} in windows of {', '.join(f'{s:,}' for s in SIZES)} rows": (
            _list_floor0(powers, found.sample)
        ),
        f"Cost of a check: {FEATURES} features, 20 buckets, 3 windows": _list_cost(found),
    }
    if found.peers:
        report.sections[f"Found in one window of {WINDOW:,} rows, each with its defaults"] = (
            _list_peer_power(powers, found.peers)
        )
    report.figures["drift"] = _describe(found, powers)


def describe_figures(report: Report) -> dict[str, Any]:
    """What the figures show."""
    drift = report.figures["drift"]
    alarms = {
        traffic: {"Holdfast": ours["interval"]}
        | {name: peer["alarmsPerYear"][traffic] for name, peer in drift["peers"].items()}
        for traffic, ours in drift["alarms"].items()
        if traffic in set(map(str, JUDGED))
    }
    budget = drift["power"]
    power = {
        shift.name: {
            "effect": budget["effects"][place],
            "raw": [row[place] for row in budget["raw"][0]],
            "shipped": [row[place] for row in budget["shipped"]],
            "floor0": [row[place] for row in budget["floor0"][0]],
        }
        for place, shift in enumerate(SHIFTS)
    }
    return {"alarms": alarms, "power": power, "sizes": list(SIZES)}


def _list_alarms(found: Found) -> list[Row]:
    rows = []
    for traffic, alarms in found.by_rows.items():
        most = _MOST_INDEPENDENT if traffic is Traffic.INDEPENDENT else _MOST_OTHERWISE
        judged = traffic in JUDGED
        rows.append(
            _describe_alarms(
                f"{traffic}, row by row",
                alarms,
                _describe_peers(traffic, found.peers) if judged else "",
                most if judged else None,
            )
        )
    rows += [
        _describe_alarms("independent, counts from their law", alarms, "", _MOST_INDEPENDENT)
        for alarms in found.by_counts.values()
    ]
    return rows


def _describe_peers(traffic: Traffic, peers: Mapping[str, Peer]) -> str:
    said = []
    for name, peer in peers.items():
        low, value, high = _scale(peer.alarms[traffic])
        said.append(f"{_NAMES[name]} {value:,.0f} ({low:,.0f} to {high:,.0f})")
    return ", ".join(said)


def _describe_alarms(what: str, alarms: Alarms, peers: str, most: float | None) -> Row:
    low, high = bound_rate(alarms.onsets, alarms.years)
    return Row(
        f"{what}, {alarms.rate:,} rows an hour, {alarms.years:.1f} years",
        f"{alarms.per_year:.2f} ({low:.2f} to {high:.2f}); {alarms.drifting} checks said so",
        peers,
        target="" if most is None else f"≤ {most:.0f}",
        held=None if most is None else alarms.per_year <= most,
    )


def _list_first_reports(first_reports: Mapping[Traffic, int | None]) -> list[Row]:
    return [
        Row(
            f"{traffic}: 0.3 σ from the first request on",
            "not reported" if hours is None else f"reported {hours} h after the burn-in",
            target="reported",
            held=hours is not None,
        )
        for traffic, hours in first_reports.items()
    ]


def _list_shipped(powers: Powers, sample: Sample) -> list[Row]:
    rows, enough = [], sample.effect.shape[1] >= _FEWEST_REPETITIONS
    for place, shift in enumerate(SHIFTS):
        effect = float(sample.true_effects[place])
        # To two digits: 0.2 σ is what "four times the floor" means, and has 0.0397 in 20 bins.
        judged = enough and round(effect, 2) >= _FLOORS * DEFAULTS.min_effect
        for row, size in enumerate(SIZES):
            if size < DEFAULTS.min_samples:
                continue
            ours = powers.shipped[row, place], powers.confirmed[row, place]
            raw = powers.shipped_raw[row, place], powers.confirmed_raw[row, place]
            points = [float(mine - theirs) for mine, theirs in zip(ours, raw, strict=True)]
            rows.append(
                Row(
                    f"{shift.name} (w² {effect:.3f}), {size:,} rows",
                    f"{ours[0]:.1f} %, in two in a row {ours[1]:.1f} %",
                    f"{raw[0]:.1f} %, {raw[1]:.1f} %",
                    ", ".join(f"{each:+.1f}" for each in points) + " points",
                    f"≥ {_LEAST_POINTS:.0f} points" if judged else "",
                    min(points) >= _LEAST_POINTS if judged else None,
                )
            )
    return rows


def _list_floor0(powers: Powers, sample: Sample) -> list[Row]:
    rows, enough = [], sample.effect.shape[1] >= _FEWEST_REPETITIONS
    for place, shift in enumerate(SHIFTS):
        points = powers.floor0[..., place] - powers.raw[..., place]
        alpha, size = np.unravel_index(int(points.argmin()), points.shape)
        worst = float(points[alpha, size])
        error = float(powers.error[alpha, size, place])
        rows.append(
            Row(
                f"{shift.name} (w² {sample.true_effects[place]:.3f})",
                _join_percents(powers.floor0[0, :, place]),
                _join_percents(powers.raw[0, :, place]),
                f"at worst {worst:+.1f} ± {error:.1f} points "
                f"({SIZES[size]:,} rows, alpha {ALPHAS[alpha]:.2g})",
                f"≥ {_LEAST_POINTS:.0f} points" if enough else "",
                worst >= _LEAST_POINTS if enough else None,
            )
        )
    return rows


def _join_percents(shares: Sequence[float] | Floats) -> str:
    return ", ".join(f"{share:.1f}" for share in shares) + " %"


def _list_peer_power(powers: Powers, peers: Mapping[str, Peer]) -> list[Row]:
    size = SIZES.index(WINDOW)
    return [
        Row(
            shift.name,
            f"{powers.shipped[size, place]:.0f} %",
            ", ".join(
                f"{_NAMES[name]} {100 * peer.power[shift.name].value:.0f} %"
                for name, peer in peers.items()
            ),
        )
        for place, shift in enumerate(SHIFTS)
    ]


def _list_cost(found: Found) -> list[Row]:
    cost, peers = found.cost, found.peers
    mean = cost.mean_seconds * 1000
    spent = ", ".join(f"{_NAMES[name]} {peer.cpu_seconds:.2f} s" for name, peer in peers.items())
    memory = ", ".join(f"{_NAMES[name]} {peer.peak_mib:.0f} MiB" for name, peer in peers.items())
    ratio = ", ".join(f"{peer.cpu_seconds / cost.mean_seconds:.0f} x" for peer in peers.values())
    raw = f" (raw rows, {LIVE_ROWS:,})" if peers else ""
    return [
        Row(
            "processor time of a whole check, queries included",
            f"{mean:.0f} ms",
            f"{spent}{raw}",
            ratio,
            f"≤ {_CPU_MS:.0f} ms",
            mean <= _CPU_MS,
        ),
        Row("of that, statistics of one window", f"{cost.judge_seconds * 1000:.1f} ms"),
        Row("the one check that learns the dispersion", f"{cost.first_seconds:.1f} s"),
        Row(
            "memory of the worker at its most",
            f"{cost.steady_mib:.0f} MiB, {cost.peak_mib:.0f} MiB when it learns",
            f"{memory}{raw}",
            target=f"≤ {_MEMORY_MIB:.0f} MiB",
            held=max(cost.steady_mib, cost.peak_mib) <= _MEMORY_MIB,
        ),
        Row("answers of Prometheus for a check, compressed", f"{cost.answer_kib:.0f} KiB"),
        Row(
            "1,000 deployments of 25 features checked every hour by one worker",
            f"{cost.fleet_hour_seconds:.0f} s of processor time an hour",
            f"from {cost.fleet_checks} checks",
        ),
    ]


def _scale(share: Share) -> tuple[float, float, float]:
    """Of hours to hours of a year, with the interval around it."""
    low, high = share.bound()
    return low * CHECKS_PER_YEAR, share.value * CHECKS_PER_YEAR, high * CHECKS_PER_YEAR


def _describe(found: Found, powers: Powers) -> dict[str, Any]:
    """Everything, for machines."""
    by_counts = {
        f"independent, counts, {rate} an hour": alarms for rate, alarms in found.by_counts.items()
    }
    alarms = {**{str(traffic): each for traffic, each in found.by_rows.items()}, **by_counts}
    return {
        "alarms": {
            what: asdict(each) | {"interval": _order(each)} for what, each in alarms.items()
        },
        "hoursToFirstReport": {str(t): hours for t, hours in found.first_reports.items()},
        "power": {
            "shifts": [shift.name for shift in SHIFTS],
            "sizes": SIZES,
            "alphas": ALPHAS,
            "effects": found.sample.true_effects.tolist(),
            "repetitions": found.sample.effect.shape[1],
        }
        | {name: values.tolist() for name, values in vars(powers).items()},
        "cost": asdict(found.cost),
        "peers": {
            name: {
                "version": peer.version,
                "windows": {str(t): share.of for t, share in peer.alarms.items()},
                "alarmsPerYear": {str(t): _scale(share) for t, share in peer.alarms.items()},
                "power": {shift: share.value for shift, share in peer.power.items()},
                "cpuSeconds": peer.cpu_seconds,
                "peakMib": peer.peak_mib,
            }
            for name, peer in found.peers.items()
        },
    }


def _order(alarms: Alarms) -> tuple[float, float, float]:
    low, high = bound_rate(alarms.onsets, alarms.years)
    return low, alarms.per_year, high
