"""A feature as it is in live traffic, beside what it was in the training data, in text."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_WIDTH: Final = 30


def count_bins(upto: Mapping[float, float], edges: Sequence[float]) -> list[float]:
    """Turn Prometheus' cumulative buckets into bins.

    Args:
        upto: Values up to each edge, infinity among the edges.
        edges: Those of the baseline.
    """
    bins, below = [], 0.0
    for edge in (*edges, float("inf")):
        # Each bucket is extrapolated by itself, so that one may be a little below the last.
        reached = max(below, upto.get(edge, below))
        bins.append(reached - below)
        below = reached
    return bins


def render_histogram(column: Mapping[str, Any], live: Sequence[float]) -> list[str]:
    """Draw a numeric column of a baseline beside live counts of the same bins, as shares."""
    training = _share(column["counts"])
    now = _share(live)
    largest = max(*training, *now)
    labels = [f"≤ {edge:g}" for edge in column["edges"]] + [f"> {column['edges'][-1]:g}"]
    lines = [f"{column['name']:<9}{'training':<{_WIDTH + 8}}live"]
    for label, was, is_ in zip(labels, training, now, strict=True):
        if was or is_:
            lines.append(
                f"{label:<9}{_bar(was, largest)} {was:>6.1%} {_bar(is_, largest)} {is_:>6.1%}"
            )
    return lines


def _share(counts: Sequence[float]) -> list[float]:
    total = sum(counts)
    return [count / total if total else 0.0 for count in counts]


def _bar(share: float, largest: float) -> str:
    return ("█" * round(_WIDTH * share / largest)).ljust(_WIDTH)
