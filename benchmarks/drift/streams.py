"""Simulated traffic: rows of 25 features, the same for whoever judges them.

Each feature is drawn as a standard normal number. Numeric features are that number; of categorical
ones it says the category, so that duplicates, users and the time of day do to both kinds the same.
Without drift, the rows of all hours together have the law of the reference, in every traffic.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

Rows = npt.NDArray[np.float32]
"""Features × hours × rows of an hour; a reference is one hour. Categories are whole numbers."""
Random = np.random.Generator

SEED: Final = 6
NUMERIC: Final = 20
CATEGORIES: Final = (2, 4, 8, 12, 30)
"""How many each categorical feature has; the k-th is 1/k times as frequent as the first."""
FEATURES: Final = NUMERIC + len(CATEGORIES)
REFERENCE_ROWS: Final = 10_000
DAY: Final = 24

_COPIES: Final = 5
_USERS: Final = 100
_PARETO: Final = 1.5
_USER_SHARE: Final = 0.49
"""Of a feature's variance: the correlation of two rows of one user."""
_AMPLITUDE: Final = 0.3


class Traffic(StrEnum):
    """How rows of live traffic hang together."""

    INDEPENDENT = "independent"
    DUPLICATES = "five-fold duplicates"
    """A fifth as many rows, five times each."""
    USERS = "heavy users"
    """100 users each hour, whose shares of the rows follow a Pareto law of exponent 1.5."""
    USERS_OF_A_DAY = "heavy users, the same all day"
    CYCLE = "daily cycle"
    """All features move by ±0.3 σ in the course of a day."""


def build_random(*key: int) -> Random:
    """Random numbers that are the same in every run."""
    return np.random.default_rng([SEED, *key])


def compute_category_shares(count: int) -> npt.NDArray[np.float64]:
    """How frequent the categories of a feature are."""
    weights = 1 / np.arange(1, count + 1)
    shares: npt.NDArray[np.float64] = weights / weights.sum()
    return shares


def draw_reference(traffic: Traffic, random: Random) -> Rows:
    """Training data: independent rows of any time of day."""
    latent = random.standard_normal((FEATURES, 1, REFERENCE_ROWS), dtype=np.float32)
    if traffic is Traffic.CYCLE:
        latent += compute_cycle(random.integers(0, DAY, REFERENCE_ROWS))
    return categorise(latent)


def draw_days(traffic: Traffic, year: int, days: range, rate: int) -> Iterator[Rows]:
    """The rows of some days, day by day; any day may be drawn without the others."""
    for day in days:
        random = build_random(list(Traffic).index(traffic), year, day)
        yield categorise(_draw_day(traffic, random, rate))


def compute_cycle(hours: npt.NDArray[np.int64]) -> Rows:
    """By how many σ the features are moved at these hours."""
    moved: Rows = (_AMPLITUDE * np.sin(2 * np.pi * hours / DAY)).astype(np.float32)
    return moved


def categorise(latent: Rows) -> Rows:
    """Turn the numbers of categorical features into categories, in place."""
    for place, count in enumerate(CATEGORIES, NUMERIC):
        cuts = special.ndtri(np.cumsum(compute_category_shares(count))[:-1]).astype(np.float32)
        latent[place] = np.searchsorted(cuts, latent[place])
    return latent


def _draw_day(traffic: Traffic, random: Random, rate: int) -> Rows:
    if traffic is Traffic.DUPLICATES:
        few = random.standard_normal((FEATURES, DAY, rate // _COPIES), dtype=np.float32)
        return np.repeat(few, _COPIES, axis=2)
    latent = random.standard_normal((FEATURES, DAY, rate), dtype=np.float32)
    if traffic is Traffic.CYCLE:
        latent += compute_cycle(np.arange(DAY))[:, None]
    elif traffic in (Traffic.USERS, Traffic.USERS_OF_A_DAY):
        populations = DAY if traffic is Traffic.USERS else 1
        latent *= np.float32(np.sqrt(1 - _USER_SHARE))
        latent += _draw_users(random, populations, DAY // populations, rate)
    return latent


def _draw_users(random: Random, populations: int, hours: int, rate: int) -> Rows:
    """The part of each row that comes from its user; each population stays for some hours."""
    shares = 1 + random.pareto(_PARETO, (populations, _USERS))
    levels = random.standard_normal((FEATURES, populations, _USERS), dtype=np.float32)
    levels *= np.float32(np.sqrt(_USER_SHARE))
    drawn = np.empty((FEATURES, populations, hours * rate), np.float32)
    for population, share in enumerate(shares):
        users = random.choice(_USERS, hours * rate, p=share / share.sum())
        drawn[:, population] = levels[:, population, users]
    return drawn.reshape(FEATURES, populations * hours, rate)
