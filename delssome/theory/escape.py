"""How likely a simulation is to stay where the theory describes it."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from delssome.models import Candidates
from delssome.simulation import Acquisition, simulate

__all__ = [
    "escape_features",
    "price_of_escape",
    "probability_in_range",
    "range_violation",
    "start_holds",
]

Array = NDArray[Any]

# Seconds after which the start of a simulation is looked at, and for how long: fast
# states have settled, slow ones still tell where they were thrown.
SETTLING, LOOK = 3.0, 3.0
# Log odds of leaving the range, from 2778 single simulations of candidates on synthetic
# connectomes of 40, 100 and 200 regions, at steps of 6 ms
# (benchmarks/accuracy/evaluators.py fits them again: log_odds).
INTERCEPT, DEVIATION, DAMPING = -8.1, 5.32, -1.19
# Softening at which half of the networks leave, and the slope of the log odds there:
# 900 single simulations of candidates pushed to the edge on synthetic connectomes.
SOFT, SOFT_SLOPE = 0.5, 20.0
# Log odds of an escape that are safe, and what one more costs a descent.
SAFE, PRICE = -3.0, 0.05


def start_holds(candidates: Candidates, acquisition: Acquisition) -> NDArray[np.bool_]:
    """Tell whether candidates come to rest near the fixed point from their start.

    Parameters
    ----------
    candidates : Candidates
    acquisition : Acquisition

    Returns
    -------
    ndarray of bool, shape (n_candidates,)

    Notes
    -----
    The published simulation starts with S_I at 0.14, twice its value at the fixed
    point. Where explicit steps damp S_I slowly (decay rate times step near 2) it
    swings for seconds and can throw the network out of a fixed point that is stable.
    That is no matter of small fluctuations, so the first seconds are integrated,
    without noise: half a per cent of a simulation. A model that bounds no rate relaxes
    to its steady state from the same start; there only divergence counts, and none
    that starts at rest diverges.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome import Acquisition
    >>> from delssome.models import FIC, Candidates
    >>> from delssome.theory import start_holds
    >>> params = {"w_EE": [3.0], "w_EI": [2.0], "G": [1.0], "sigma": [0.005]}
    >>> candidates = Candidates(FIC(), params, 0.02 * (1 - np.eye(3)))
    >>> start_holds(candidates, Acquisition())
    array([ True])
    """
    if candidates.model.rate is None:
        start = np.asarray(candidates.model.initial_state)[:, None, None]
        off = np.stack(candidates.states) != start
        moving = np.flatnonzero(off.any(axis=(0, 2)))
        if len(moving) < len(candidates):
            holds = np.ones(len(candidates), dtype=bool)
            if len(moving):
                holds[moving] = start_holds(candidates.select(moving), acquisition)
            return holds
    n_frames = max(3, int(np.ceil(LOOK / acquisition.tr)))
    scan = replace(
        acquisition.unprocessed(),
        n_frames=n_frames,
        window=2,
        burn_in=0.0,
        warm_up=SETTLING,
    )
    seeds = np.zeros((len(candidates), 1), dtype=np.int64)
    averages = simulate(candidates, scan, seeds, noise=False).averages
    model = candidates.model
    if model.rate is None:
        return np.asarray(np.isfinite([*averages.values()]).all(axis=(0, 2, 3)))
    low, high = model.rate_range
    rates = averages[model.rate]
    return np.asarray(((rates >= low) & (rates <= high)).all(axis=(1, 2)))


def escape_features(
    rates: Array, fastest: Array, step: float, rate_range: tuple[float, float]
) -> tuple[Array, Array]:
    """Give what the log odds of an escape are linear in.

    Parameters
    ----------
    rates, fastest, step, rate_range
        As of :func:`probability_in_range`.

    Returns
    -------
    deviation, log_damping : ndarray of shape (n_candidates,)
        Largest distance of a mean rate from the middle of the range, in halves of its
        width and at most 2; logarithm of what is left of the limit on explicit steps.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.theory import escape_features
    >>> rates = np.array([[3.0, 3.15], [3.0, 2.9]])  # of two candidates, Hz
    >>> fastest = np.array([200.0, 300.0])
    >>> deviation, log_damping = escape_features(rates, fastest, 0.006, (2.7, 3.3))
    >>> deviation.round(2), log_damping.round(2)
    (array([0.5 , 0.33]), array([-0.22, -1.61]))
    """
    low, high = rate_range
    deviation = np.abs(rates - (low + high) / 2.0).max(axis=1) / ((high - low) / 2.0)
    damping = np.maximum(2.0 - fastest * step, 1e-3)
    return np.minimum(deviation, 2.0), np.log(damping)


def price_of_escape(log_odds: float) -> tuple[float, float]:
    """Give what log odds of leaving the range cost a descent, and the slope of that.

    Parameters
    ----------
    log_odds : float

    Returns
    -------
    price, slope : float
        Smooth: next to nothing below `SAFE`, linear above.

    Examples
    --------
    >>> from delssome.theory import price_of_escape
    >>> [round(price_of_escape(odds)[0], 3) for odds in (-6.0, -3.0, 0.0)]
    [0.0, 0.035, 0.3]
    """
    above = 2.0 * (log_odds - SAFE)
    return PRICE * float(np.logaddexp(0.0, above)), 2.0 * PRICE * float(expit(above))


def range_violation(p_in_range: Array, n_repeats: int) -> Array:
    """Give 0 where all repeats rather stay in range than not, else their odds against.

    Parameters
    ----------
    p_in_range : ndarray of shape (n_candidates,)
        Probability that one simulation stays.
    n_repeats : int

    Returns
    -------
    ndarray of shape (n_candidates,)

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.theory import range_violation
    >>> range_violation(np.array([0.95, 0.5]), n_repeats=3)
    array([0.   , 0.875])
    """
    violation = 1.0 - p_in_range**n_repeats
    return np.where(violation <= 0.5, 0.0, violation)


def probability_in_range(
    rates: Array | None,
    fastest: Array,
    softening: Array,
    step: float,
    rate_range: tuple[float, float],
) -> Array:
    """Probability that one simulation of a settled candidate keeps its rates in range.

    Parameters
    ----------
    rates : ndarray of shape (n_candidates, n_rois), or None
        Mean rates, in Hz, of candidates that settle and whose start holds. None: no
        rate is bounded; what counts is whether candidates stay where they settled.
    fastest : ndarray of shape (n_candidates,)
        Largest decay rate of a region's own states, in 1/s.
    softening : ndarray of shape (n_candidates,)
        As of :class:`Closure`.
    step : float
        Integration step, in seconds.
    rate_range : tuple of float
        Plausible rates, in Hz.

    Returns
    -------
    ndarray of shape (n_candidates,)

    Notes
    -----
    What is left to chance once the rest is known: rates that the theory puts near
    the limits and swings of the fast states where explicit steps hardly damp them, by
    a logistic regression; and networks that noise softens to half their rate, which
    are hardly Gaussian any more and leave.
    """
    stays: Any = 1.0
    if rates is not None and np.isfinite(rate_range).all():  # inf: any will do
        deviation, log_damping = escape_features(rates, fastest, step, rate_range)
        log_odds = INTERCEPT + DEVIATION * deviation + DAMPING * log_damping
        stays = 1.0 / (1.0 + np.exp(log_odds))
    return stays / (1.0 + np.exp(SOFT_SLOPE * (SOFT - softening)))
