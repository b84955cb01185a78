"""Probabilities far out in a tail, as natural logarithms: they stay finite where p is 0."""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]
LN_10: Final = float(np.log(10.0))

_UNDERFLOW: Final = 1e-280
_FRACTION_TERMS: Final = 300
_TINY: Final = 1e-300
_NOTHING: Final = 1e-9
_NEAR_MEAN: Final = 1e-4
_HALVINGS: Final = 60
_LARGEST_P: Final = 0.99
_CAUCHY_TAIL: Final = -20.0


def compute_tail(statistic: Floats, df: Floats, variation: float = 0.0) -> Floats:
    """The ln of P(X > statistic) for a chi-square law, times a random factor if it varies.

    With a factor of mean 1 and relative variance `variation`, distributed as the inverse of a
    chi-square, X / df has an F law, whose tail falls as a power: with users who make single hours
    unlike all others, no single hour is strong evidence. Below e^-690 the ln stays there.
    """
    if variation <= 0:
        return compute_chi2_tail(statistic, df)
    possible = (df > 0) & (statistic > 0)
    of = np.where(possible, df, 1.0)
    nu = 4.0 + 2.0 / variation
    # Of an F law's mean of nu / (nu - 2), to a mean of 1.
    ratio = np.where(possible, statistic, 0.0) / of * nu / (nu - 2.0)
    upper: Floats = special.fdtrc(of, nu, ratio)
    return np.log(np.maximum(upper, _TINY))


def compute_chi2_tail(statistic: Floats, df: Floats) -> Floats:
    """The ln of P(X > statistic) for X of a chi-square law; 0 where df is 0.

    Where the probability underflows: Legendre's continued fraction of the incomplete gamma
    function (DLMF 8.9.2).
    """
    shape, at = df / 2, statistic / 2
    possible = (df > 0) & (statistic > 0)
    upper = special.gammaincc(np.where(possible, shape, 1.0), np.where(possible, at, 0.0))
    result: Floats = np.log(np.maximum(upper, _TINY))
    far = possible & (upper < _UNDERFLOW)
    if far.any():
        result[far] = _expand_gamma_tail(shape[far], at[far])
    return result


def compute_weighted_tail(statistic: Floats, weights: Floats, variation: float = 0.0) -> Floats:
    """The ln of P(Σ w_i Z_i² > statistic), Z_i independent standard normal.

    The saddle point approximation of Lugannani and Rice (1980), for quadratic forms after Kuonen
    (1999), "Saddlepoint approximations for distributions of quadratic forms in normal variables".

    Args:
        statistic: By feature.
        weights: Features by weights, none negative; those of 0 count for nothing.
        variation: As in `compute_tail`, which is then asked with as many degrees of freedom as have
            the same mean and variance.
    """
    if variation > 0:
        total, squares = weights.sum(axis=1), np.square(weights).sum(axis=1)
        scale = np.where(total > 0, squares / np.maximum(total, _TINY), 1.0)
        return compute_tail(statistic / scale, total / scale, variation)
    largest = weights.max(axis=1, initial=0.0)
    possible = (largest > 0) & (statistic > _NOTHING * largest)
    result = np.zeros(statistic.shape)
    if not possible.any():
        return result
    at = statistic[possible] / largest[possible]
    w = weights[possible] / largest[possible][:, None]
    u = _find_saddle(at, w)
    factors = (1.0 - w) + w * u[:, None]  # 1 - 2 w s
    s = (1.0 - u) / 2.0
    cumulant = -0.5 * np.log(factors).sum(axis=1)
    curvature = 2.0 * np.square(w / factors).sum(axis=1)
    r = np.sign(s) * np.sqrt(np.maximum(2.0 * (s * at - cumulant), 0.0))
    v = s * np.sqrt(curvature)
    near = np.abs(r) < _NEAR_MEAN
    r, v = np.where(near, 1.0, r), np.where(near, 1.0, v)
    # P = Φ(-r) + φ(r) (1/v - 1/r), with Φ(-r) = φ(r) · Mills(r)
    mills = np.sqrt(np.pi / 2) * special.erfcx(np.maximum(r, 0.0) / np.sqrt(2))
    density = -0.5 * np.square(r) - 0.5 * np.log(2 * np.pi)
    above = density + np.log(np.maximum(mills + 1 / v - 1 / r, _TINY))
    below = np.log(np.clip(special.ndtr(-r) + np.exp(density) * (1 / v - 1 / r), _TINY, 1.0))
    skew = 8.0 * (w**3).sum(axis=1) / (2.0 * np.square(w).sum(axis=1)) ** 1.5
    at_mean = np.log(0.5 - skew / (6 * np.sqrt(2 * np.pi)))
    result[possible] = np.where(near, at_mean, np.where(r > 0, above, below))
    return np.minimum(result, 0.0)


def combine_cauchy(left: Floats, right: Floats) -> Floats:
    """The ln of one p of two tests that may depend on each other, from the ln p of each.

    The Cauchy combination of Liu and Xie (2020), with equal weights. A p of 1 would outweigh any
    other: it is taken for 0.99. Far in the tail it is the harmonic mean.
    """
    left, right = (np.minimum(each, np.log(_LARGEST_P)) for each in (left, right))
    tail = np.log(2.0) - np.logaddexp(-left, -right)
    cotangents = [
        1 / np.tan(np.pi * np.exp(np.maximum(each, _CAUCHY_TAIL))) for each in (left, right)
    ]
    body: Floats = np.log(0.5 - np.arctan(np.mean(cotangents, axis=0)) / np.pi)
    combined: Floats = np.where(np.minimum(left, right) < _CAUCHY_TAIL, tail, body)
    return combined


def _expand_gamma_tail(shape: Floats, at: Floats) -> Floats:
    """The ln of Q(shape, at) by the continued fraction, evaluated by Lentz's method."""
    b = at + 1.0 - shape
    c = np.full_like(b, 1 / _TINY)
    d = 1.0 / b
    fraction = d.copy()
    for i in range(1, _FRACTION_TERMS):
        a = -i * (i - shape)
        b = b + 2.0
        d = 1.0 / (a * d + b)
        c = b + a / c
        step = c * d
        fraction *= step
        if np.all(np.abs(step - 1.0) < 1e-12):
            break
    gamma: Floats = special.gammaln(shape)
    return shape * np.log(at) - at - gamma + np.log(fraction)


def _find_saddle(at: Floats, weights: Floats) -> Floats:
    """Where the slope of the cumulant function is the statistic, as u = 1 - 2 s.

    The largest weight is 1. The slope is Σ w_i / (1 - w_i + w_i u); it lies between 1 / u and as
    many times as much as there are weights.
    """
    low: Floats = np.log(1 / at)
    high: Floats = low + np.log(np.count_nonzero(weights, axis=1))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        u = np.exp(middle)
        slope: Floats = (weights / (1.0 - weights + weights * u[:, None])).sum(axis=1)
        too_low = slope > at
        low, high = np.where(too_low, middle, low), np.where(too_low, high, middle)
    return np.exp((low + high) / 2)
