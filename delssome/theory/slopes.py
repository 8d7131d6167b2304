"""How the cost that theory expects of one candidate moves with all its parameters."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax

from delssome.connectome import edges_to_matrix, matrix_to_edges
from delssome.costs import rounded_cost
from delssome.evaluation import Target
from delssome.models import Candidates, Model
from delssome.simulation import Acquisition
from delssome.theory.adjoint import Adjoint, Numbers
from delssome.theory.bold import BoldTheory
from delssome.theory.closure import N_ITERATIONS, Closure, close
from delssome.theory.escape import (
    DAMPING,
    DEVIATION,
    INTERCEPT,
    SOFT,
    SOFT_SLOPE,
    price_of_escape,
)
from delssome.theory.modes import Modes, Weights
from delssome.theory.scans import correlations
from delssome.theory.windows import Windows, smooth_distribution

__all__ = ["CostSlopes"]

Array = NDArray[Any]

# Samples of BOLD behind FCD, the same for all candidates, and bins of its distribution.
N_SAMPLES, N_POINTS = 4, 200
# Softening above which noise throws no network out: its price is below 1e-5.
FIRM = 0.9
# By how much mean activity is moved to either side, for differences.
STEP = 1e-4
# Smallest distance to the limit on explicit steps, relative to them.
LEAST_DAMPING = 1e-3


class CostSlopes:
    """Expected total cost of one candidate, smoothed, with its derivatives.

    Parameters
    ----------
    model : Model
        That theory describes.
    acquisition : Acquisition
    target : Target
        On a symmetric connectome.
    n_repeats : int
        Simulations whose mean FC is compared.

    Notes
    -----
    Costs are those of :class:`~delssome.theory.TheoryEvaluator`, with two differences:
    corners are rounded (:func:`~delssome.costs.rounded_cost`), and log odds of an
    escape cost, so that candidates stay in range. The noise of the samples behind FCD
    is the same for all candidates, and in all processes. The haemodynamics are
    linearised around the mean activity of the closure, not that at rest.
    """

    def __init__(
        self, model: Model, acquisition: Acquisition, target: Target, n_repeats: int
    ) -> None:
        self.model, self.step = model, acquisition.for_model(model).step
        self.target, self.n_repeats = target.at(N_POINTS), n_repeats
        self._seen = model.states.index(model.observed)
        self._bold = BoldTheory(acquisition, float(model.initial_state[self._seen]))
        rng = np.random.default_rng(0)
        real, imag = self._bold.draw(N_SAMPLES, len(target.sc), rng)
        self._white = real + 1j * imag.astype(float)

    def __call__(
        self, params: Mapping[str, Array], sharpness: float
    ) -> tuple[float, dict[str, Array]]:
        """Give the cost, inf without a stable state, and its derivatives.

        Parameters
        ----------
        params : mapping
            Regional parameters, (n_rois,), and global ones, of no dimension.
        sharpness : float
        """
        rows = {name: np.asarray(x)[None] for name, x in params.items()}
        candidates = Candidates(self.model, rows, self.target.sc)
        candidates.check_symmetric("the theory")
        closure = close(candidates, self.step)
        if closure.settled[0] <= N_ITERATIONS:
            return np.inf, {name: np.zeros(np.shape(x)) for name, x in params.items()}
        modes = Modes(closure.network, self.target.sc)
        cost, weights, by_activity = self._of_scans(closure, modes, sharpness)
        price, by_rates, by_fastest = self._of_rates(closure)
        cost, found = cost + price, []
        if closure.softening[0] < FIRM:
            # The slowest rate over that without noise.
            odds = SOFT_SLOPE * (SOFT - closure.softening[0])
            price, slope = price_of_escape(odds)
            slope *= -SOFT_SLOPE * closure.softening[0]
            still = close(candidates, self.step, n_iterations=0)
            without = Modes(still.network, self.target.sc)
            cost += price
            weights = weights.plus(modes.of_slowest().times(slope))
            numbers = Numbers.of(without, without.of_slowest().times(-slope))
            found.append(Adjoint(candidates, still, without, self.step)(numbers))
        numbers = Numbers.of(modes, weights, by_fastest, by_rates, by_activity)
        found.append(Adjoint(candidates, closure, modes, self.step)(numbers))
        return cost, {
            name: np.sum([by[name] for by in found], axis=0) for name in found[0]
        }

    def _of_scans(
        self, closure: Closure, modes: Modes, sharpness: float
    ) -> tuple[float, Weights, float]:
        """Cost of FC and FCD, and what the network and mean activity weigh in it."""
        activity = float(closure.mean[self._seen].mean())
        bold = self._bold.at(activity)
        covariance = bold.covariance(closure.network)[0]
        fc = correlations(covariance)
        edges = matrix_to_edges(fc)
        signals, moving = modes.sample(bold, self._white)
        windows = Windows(signals, bold.window, bold.stride)
        cdf, by_cdf_to_pairs = smooth_distribution(windows.pairs, N_POINTS)
        counted = 1.0 - bold.neighbours
        cdf = counted * cdf
        cdf[-1] = 1.0
        gap = windows.fc - edges
        noise = gap.var(axis=1).mean() / self.n_repeats
        cost, (by_fc, by_cdf, by_noise) = rounded_cost(
            edges, cdf, noise, self.target.fc, self.target.fcd_cdf, sharpness
        )
        by_gap = gap - gap.mean(axis=1, keepdims=True)
        by_gap *= 2.0 * by_noise / (by_gap.size * self.n_repeats)
        by_cdf[-1] = 0.0
        by_signals = windows.weights(by_gap, by_cdf_to_pairs(counted * by_cdf))
        by_covariance = _of_correlations(covariance, fc, by_fc - by_gap.sum(axis=0))
        of_fc, by_frequency = modes.of_covariance(bold, by_covariance)
        of_fcd, by_response = modes.of_samples(bold, self._white, moving, by_signals)
        above, below = (self._bold.at(activity + sign * STEP) for sign in (1, -1))
        by_activity = by_frequency @ (above.weights - below.weights)
        by_activity += (
            by_response @ (above.sample_response - below.sample_response)
        ).real
        return cost, of_fc.plus(of_fcd), float(by_activity) / (2.0 * STEP)

    def _of_rates(self, closure: Closure) -> tuple[float, Array, Array]:
        """Price of mean rates near the limits, and of swings that are hardly damped."""
        model = self.model
        by_outputs = np.zeros((len(model.outputs), closure.mean.shape[2]))
        by_fastest = np.zeros(closure.mean.shape[2])
        if model.rate is None or not np.isfinite(model.rate_range).all():
            return 0.0, by_outputs, by_fastest
        low, high = model.rate_range
        k = model.outputs.index(model.rate)
        off = (closure.outputs[k, 0] - (low + high) / 2.0) / ((high - low) / 2.0)
        fastest = closure.network.fastest[0]
        damping = np.maximum(2.0 - fastest * self.step, LEAST_DAMPING)
        odds = INTERCEPT + DEVIATION * np.abs(off) + DAMPING * np.log(damping)
        # The largest of any region, rounded.
        price, slope = price_of_escape(float(logsumexp(4.0 * odds)) / 4.0)
        by_odds = slope * softmax(4.0 * odds)
        by_outputs[k] = by_odds * DEVIATION * np.sign(off) / ((high - low) / 2.0)
        by_fastest -= by_odds * DAMPING * self.step / damping
        return price, by_outputs, by_fastest


def _of_correlations(covariance: Array, fc: Array, by_edges: Array) -> Array:
    """From derivatives by correlations to those by covariances, both symmetric."""
    by = 0.5 * edges_to_matrix(by_edges)
    variance = np.diagonal(covariance)
    own = (by * fc).sum(axis=1) / variance
    return by / np.sqrt(variance[:, None] * variance) - np.diag(own)
