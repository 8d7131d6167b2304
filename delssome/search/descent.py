"""Descent over the parameters of every region, from where regions follow maps."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from delssome.evaluation import Slopes
from delssome.models import ParameterSpace

__all__ = ["STAGES", "Descended", "descend"]

Array = NDArray[Any]

# What departures of one `departure`, root mean square, cost: that of a map's worth of
# parameters within the noise of a scan.
PRICE = 0.01
# How sharply a cost that has corners is taken, and for how many iterations.
STAGES = ((20.0, 60), (50.0, 60), (100.0, 100), (300.0, 200), (1000.0, 300))
# Steps that the search for curvature remembers.
MEMORY = 20
# Longest first steps, in ranges: the next where a line search fails, as at an edge
# beyond which a model rests elsewhere. And what minimize says then.
FIRST_STEPS, ABNORMAL = (1.0, 0.1, 0.01), 2
# Cost of a broken constraint of the model, per square of a range.
PRICE_OF_BREAKING = 100.0
# What stands for a candidate without a stable state: a line search turns back from it.
UNSTABLE = 1e3
# By how much candidates keep off the bounds of the box, and of constraints.
MARGIN = 1e-9


class Descended(NamedTuple):
    """Where the stages of a descent ended.

    Attributes
    ----------
    theta : ndarray of shape (n_stages, n_dim)
        Coefficients in a space that departs.
    loss : ndarray of shape (n_stages,)
        With the price of departures.
    n_evaluations : ndarray of int, shape (n_stages,)
    """

    theta: Array
    loss: Array
    n_evaluations: NDArray[np.int_]


def descend(
    space: ParameterSpace,
    loss: Slopes,
    start: Array,
    departure: float,
    stages: Sequence[tuple[float, int]] = STAGES,
) -> Descended:
    """Go down in all regional parameters at once.

    Parameters
    ----------
    space : ParameterSpace
        That departs.
    loss : callable
        Costs with derivatives, as :meth:`delssome.evaluation.Evaluator.slopes` gives
        them.
    start : ndarray of shape (n_dim,)
        Coefficients, feasible.
    departure : float
        Standard deviation of departures from the maps, as a share of the ranges, that
        is natural; inf: none is.
    stages : sequence of (float, int)
        How sharply corners of the cost are taken, and for how many iterations.

    Returns
    -------
    Descended

    Notes
    -----
    By L-BFGS-B within the box. Departures are what maps do not explain, by least
    squares over regions; constraints of the model that are linear in the parameters
    are kept.
    """
    descent = _Descent(space, loss, departure)
    u = space.shares(space.expand(start))[0].clip(MARGIN, 1.0 - MARGIN)
    ends, losses, counts = [], [], []
    for sharpness, n_iterations in stages:
        descent.n_evaluations = 0
        u, lowest = _minimise(descent, u, sharpness, n_iterations)
        ends.append(descent.theta(u))
        losses.append(lowest)
        counts.append(descent.n_evaluations)
    return Descended(np.array(ends), np.array(losses), np.array(counts))


def _minimise(
    descent: "_Descent", u: Array, sharpness: float, n_iterations: int
) -> tuple[Array, float]:
    """Go down by L-BFGS-B, with shorter first steps where longer ones fail."""
    for step in FIRST_STEPS:

        def scaled(x: Array, step: float = step) -> tuple[float, Array]:
            value, gradient = descent((step * x).clip(MARGIN, 1.0 - MARGIN), sharpness)
            return value, step * gradient

        found = minimize(
            scaled,
            u / step,
            jac=True,
            method="L-BFGS-B",
            bounds=[(MARGIN / step, (1.0 - MARGIN) / step)] * len(u),
            options={"maxiter": n_iterations, "maxcor": MEMORY},
        )
        u = (step * found.x).clip(MARGIN, 1.0 - MARGIN)
        n_iterations -= found.nit
        if found.status != ABNORMAL or n_iterations <= 0:
            break
    return u, float(found.fun)


class _Descent:
    """The loss over shares of the ranges, one after the other in a vector."""

    def __init__(self, space: ParameterSpace, loss: Slopes, departure: float) -> None:
        self.space, self.loss = space, loss
        model = self.model = space.model
        self.names = list(space.slices)
        self.n_evaluations = 0
        self._range = np.array([np.ptp(getattr(model, name)) for name in self.names])
        maps = space.maps - space.maps.mean(axis=0)
        design = np.column_stack([np.ones(space.n_rois), maps])
        self._unexplained = np.eye(space.n_rois) - design @ np.linalg.pinv(design)
        n_own = space.n_rois * len(model.regional)
        self._price = PRICE / departure**2 / n_own
        self._tilts = model.tilts(space.maps)

    def theta(self, u: Array) -> Array:
        """From shares of the ranges to coefficients, by which constraints are kept."""
        parts = {name: np.array(share) for name, share in self._parts(u).items()}
        for name, vectors in self._tilts.items():
            for vector in vectors:
                short = MARGIN - vector @ parts[name]
                if short > 0:
                    parts[name] += vector * short / (vector @ vector)
        flat = np.concatenate([np.atleast_1d(x) for x in parts.values()])
        params = self.space.at_shares(flat[None].clip(MARGIN, 1.0 - MARGIN))
        return self.space.departing(params)[0]

    def __call__(self, u: Array, sharpness: float) -> tuple[float, Array]:
        self.n_evaluations += 1
        params = self.space.at_shares(u[None])
        value, slopes = self.loss({n: x[0] for n, x in params.items()}, sharpness)
        if not np.isfinite(value):
            return UNSTABLE, np.zeros_like(u)
        gradient = {
            name: slopes[name] * width
            for name, width in zip(self.names, self._range, strict=True)
        }
        for name, share in self._parts(u).items():
            if name not in self.model.regional:
                continue
            off = self._unexplained @ share
            value += self._price * float(off @ off)
            gradient[name] = gradient[name] + 2.0 * self._price * off
            for vector in self._tilts.get(name, ()):
                short = min(vector @ share, 0.0)
                value += PRICE_OF_BREAKING * short**2
                gradient[name] = gradient[name] + (
                    2.0 * PRICE_OF_BREAKING * short * vector
                )
        flat = [np.atleast_1d(gradient[name]) for name in self.names]
        return value, np.concatenate(flat)

    def _parts(self, u: Array) -> dict[str, Array]:
        n, k, parts = self.space.n_rois, 0, {}
        for name in self.names:
            if name in self.model.regional:
                parts[name] = u[k : k + n]
                k += n
            else:
                parts[name] = u[k]
                k += 1
        return parts
