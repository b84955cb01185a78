"""Learns the dispersion of live traffic from the windows of the burn-in."""

from typing import Final

from holdfast.drift.cells import Cells
from holdfast.drift.dispersion import FEWEST_WINDOWS, estimate_spreads, name_spreads
from holdfast.drift.source import Source
from holdfast.drift_protocol import CheckRequest, Dispersion, WindowDispersion

_MOST_WINDOWS: Final = 168
"""A week of hours says enough; of more windows, as many are taken evenly."""


def learn_dispersion(
    request: CheckRequest, cells: Cells, source: Source, digest: str
) -> Dispersion | None:
    """The dispersion, from windows between the promotion and the end of the burn-in.

    Each length of windows is learned that fits in often enough; if none does, a shorter one. Where
    traffic is too thin, the burn-in goes on until there are enough windows with rows in them.

    Args:
        request: Its burn-in is over.
        cells: What is counted.
        source: Where the counts are.
        digest: Of the cells.

    Returns:
        None while there are too few windows with enough rows.

    Raises:
        UnavailableError: Prometheus does not answer.
        BadAnswerError: It answers what cannot be.
    """
    for seconds in dict.fromkeys((request.burn_in_seconds, request.at - request.promoted_at)):
        lengths = [each for each in request.windows_seconds if seconds // each >= FEWEST_WINDOWS]
        learned: dict[str, WindowDispersion] = {}
        for length in sorted(lengths) or [max(seconds // FEWEST_WINDOWS, 1)]:
            stride = length * max(seconds // length // _MOST_WINDOWS, 1)
            many = (seconds - length) // stride + 1
            end = request.promoted_at + seconds
            windows = [*source.get_windows(length, end, many, stride)]
            if spreads := estimate_spreads(windows, cells):
                learned[str(length)] = name_spreads(spreads, cells.names)
        if learned:
            return Dispersion(digest, learned)
    return None
