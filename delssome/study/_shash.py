"""Sinh-arcsinh densities whose middle and spread are smooth over age."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline
from scipy.optimize import minimize

from delssome.study._people import People

__all__ = ["Curve", "most_likely", "shape", "whole"]

Array = NDArray[np.float64]

# Limits of the shape, so that no few people make it degenerate.
SKEW, TAIL = 3.0, 1.5


class Curve(NamedTuple):
    """Knots of splines over age, with those that are repeated at the ends."""

    middle: Array
    spread: Array

    @classmethod
    def over(cls, age: Array, knots: tuple[int, int]) -> "Curve":
        """Put inner knots at quantiles of age."""
        found = []
        for k in knots:
            inner = np.quantile(age, np.linspace(0.0, 1.0, k + 2))
            whole_line = np.concatenate([[inner[0]] * 3, inner, [inner[-1]] * 3])
            found.append(whole_line if k else np.zeros(0))
        scale = np.array([age.min(), np.ptp(age)])
        return cls(np.append(scale, found[0]), np.append(scale, found[1]))

    def columns(self, age: Array, which: int) -> Array:
        """Give columns over age, with a constant: middle (0) or spread (1)."""
        knots = self[which]
        low, length = knots[:2]
        if len(knots) == 2:  # a line, or a constant
            line = (age - low) / length - 0.5
            ones = np.ones_like(age)
            return np.column_stack([ones, line]) if which == 0 else ones[:, None]
        inside = age.clip(low, low + length)
        return np.asarray(BSpline.design_matrix(inside, knots[2:], 3).toarray())

    def designs(
        self, people: People, n_sexes: int, n_sites: int
    ) -> tuple[Array, Array]:
        """Give designs of the middle and of the logarithm of the spread."""
        more = []
        if n_sexes > 1:
            more.append((people.sex - 0.5)[:, None])
        if n_sites > 1:  # the last is minus the sum of the others; -1 is none
            known = people.site[:, None] == np.arange(n_sites)
            more.append(known[:, :-1].astype(float) - known[:, -1:])
        middle, spread = (self.columns(people.age, k) for k in (0, 1))
        return np.hstack([middle, *more]), np.hstack([spread, *more])


def whole(offsets: Array) -> Array:
    """Give offsets that add up to 0, from all but the last."""
    return np.append(offsets, -offsets.sum())


def shape(best: Array) -> tuple[float, float]:
    """Give skew and tail, from what the optimiser moves."""
    return float(SKEW * np.tanh(best[-2])), float(np.exp(TAIL * np.tanh(best[-1])))


def most_likely(y: Array, middle: Array, spread: Array) -> tuple[Array, float]:
    """Fit a sinh-arcsinh density: coefficients and log likelihood."""
    a, b = middle.shape[1], spread.shape[1]

    def misfit(x: Array) -> tuple[float, Array]:
        sigma = np.exp((spread @ x[a : a + b]).clip(-20.0, 20.0))
        skew, tail = shape(x)
        w = (y - middle @ x[:a]) / sigma
        root, angle = np.sqrt(1.0 + w**2), np.arcsinh(w)
        t = (tail * angle - skew).clip(-30.0, 30.0)
        s, c = np.sinh(t), np.cosh(t)
        density = -0.5 * s**2 + np.log(c * tail / (sigma * root))
        by_t = np.tanh(t) - s * c
        by_w = by_t * tail / root - w / root**2
        slope = np.concatenate(
            [
                middle.T @ (-by_w / sigma),
                spread.T @ (-by_w * w - 1.0),
                [-by_t.sum() * SKEW * (1.0 - np.tanh(x[-2]) ** 2)],
                [
                    (by_t * tail * angle + 1.0).sum()
                    * TAIL
                    * (1.0 - np.tanh(x[-1]) ** 2)
                ],
            ]
        )
        return -float(density.mean()), -slope / len(y)

    start = np.zeros(a + b + 2)
    start[:a] = np.linalg.lstsq(middle, y, rcond=None)[0]
    left = np.log(np.std(y - middle @ start[:a]))
    start[a : a + b] = np.linalg.lstsq(spread, np.full(len(y), left), rcond=None)[0]
    options = {"maxiter": 2000, "ftol": 1e-12, "gtol": 1e-7}
    found = minimize(misfit, start, jac=True, method="L-BFGS-B", options=options)
    log_likelihood = -len(y) * (found.fun + 0.5 * np.log(2.0 * np.pi))
    return np.asarray(found.x), float(log_likelihood)
