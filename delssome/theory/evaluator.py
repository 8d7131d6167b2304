"""Evaluate candidates by linear-noise theory, without integrating them."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from threadpoolctl import threadpool_limits

from delssome.connectome import matrix_to_edges
from delssome.costs import Evaluation, expected_cost_terms
from delssome.models import check_candidates
from delssome.observables import fc_edges, fcd_histogram
from delssome.simulation import check_step
from delssome.theory.bold import BoldTheory, correlations, fcd_distribution
from delssome.theory.closure import N_ITERATIONS, close
from delssome.theory.escape import (
    probability_in_range,
    range_violation,
    start_holds,
)
from delssome.utils import check_number

__all__ = ["TheoryEvaluator", "TheoryStatistics"]

# Candidates handled at once: arrays of a few MiB.
BATCH = 16
# Share of simulations that end in range although the theory finds no stable state, or
# the start throws them out of it: 3 % of those that were tried.
LOST = 0.03


class TheoryStatistics(NamedTuple):
    """Expected statistics of candidates; NaN where there are none.

    Attributes
    ----------
    fc : ndarray of shape (n_candidates, n_edges)
        Expected FC, upper triangle.
    fcd_cdf : ndarray of shape (n_candidates, n_fcd_bins)
        FCD distribution over the samples. Not computed (NaN) where the probability
        to stay in range is below one half.
    fc_noise : ndarray of shape (n_candidates,)
        Variance over edges of what a single scan adds to the expected FC.
    rates : ndarray of shape (n_candidates, n_rois)
        Mean excitatory firing rate, in Hz.
    ei_ratio : ndarray of shape (n_candidates, n_rois)
        Mean S_E over mean S_I.
    p_in_range : ndarray of shape (n_candidates,)
        Probability that a simulation keeps the mean rates of all regions within the
        plausible range.
    violation : ndarray of shape (n_candidates,)
        0 if that probability is at least one half for all repeats together,
        otherwise a number that grows with the distance from there.
    """

    fc: np.ndarray
    fcd_cdf: np.ndarray
    fc_noise: np.ndarray
    rates: np.ndarray
    ei_ratio: np.ndarray
    p_in_range: np.ndarray
    violation: np.ndarray


class TheoryEvaluator:
    """Predict FC, FCD, rates and costs of candidates without integration.

    Parameters
    ----------
    model : FIC
        Any model with a fixed point, of which one state couples regions and the
        others are fast against BOLD.
    acquisition : Acquisition
        TR, frames and window of the scan, and the step of the simulation that is
        described.
    n_fcd_bins : int, default=10_000
    n_samples : int, default=4
        Samples of BOLD behind the FCD distribution; 0: no FCD. All candidates of a
        call share the samples' noise, so that differences between candidates are
        clearer than the distributions themselves.
    n_repeats : int, default=3
        Simulations whose costs are predicted: their mean FC has less noise, and all of
        them have to stay in range.
    n_jobs : int, default=None
        Threads that share the candidates (joblib). Results do not depend on it.

    Notes
    -----
    See :mod:`delssome.theory` for the method and where it fails.
    """

    def __init__(
        self,
        model,
        acquisition,
        *,
        n_fcd_bins=10_000,
        n_samples=4,
        n_repeats=3,
        n_jobs=None,
    ):
        check_number("n_repeats", n_repeats, Integral, 1)
        check_number("n_samples", n_samples, Integral, 0)
        check_number("n_fcd_bins", n_fcd_bins, Integral, 2)
        check_step(model, acquisition)
        self.model = model
        self.acquisition = acquisition
        self.n_fcd_bins = n_fcd_bins
        self.n_samples = n_samples
        self.n_repeats = n_repeats
        self.n_jobs = n_jobs

    def statistics(self, params, sc, rng):
        """Give the expected statistics of candidates.

        Parameters
        ----------
        params : dict of str to ndarray
            Searched parameters, (n_candidates, n_rois) or (n_candidates,).
        sc : ndarray of shape (n_rois, n_rois) or (n_candidates, n_rois, n_rois)
            Scaled structural connectivity, symmetric.
        rng : numpy.random.Generator
            Source of the samples' noise, drawn once for all candidates.

        Returns
        -------
        TheoryStatistics
        """
        params, sc = check_candidates(self.model, params, sc)
        n_candidates, n_rois = len(params["G"]), sc.shape[-1]
        states, _ = self.model.steady_state(params, sc)
        activity = float(np.mean(states[0]))
        bold = BoldTheory(self.acquisition, activity)
        white = bold.draw(self.n_samples, n_rois, rng)
        jobs = (
            delayed(self._batch)(
                {name: values[part] for name, values in params.items()},
                sc if sc.ndim == 2 else sc[part],
                bold,
                white,
            )
            for part in (slice(k, k + BATCH) for k in range(0, n_candidates, BATCH))
        )
        limit = 1 if effective_n_jobs(self.n_jobs) > 1 else None
        with threadpool_limits(limit, user_api="blas"):
            parts = Parallel(n_jobs=self.n_jobs, prefer="threads")(jobs)
        return TheoryStatistics(*map(np.concatenate, zip(*parts, strict=True)))

    def evaluate(self, params, target, rng):
        """Give costs against a target and the distance from the plausible range.

        Parameters
        ----------
        params : dict of str to ndarray
        target : Target
        rng : numpy.random.Generator

        Returns
        -------
        Evaluation
        """
        expected = self.statistics(params, target.sc, rng)
        return Evaluation(self.costs(expected, target), expected.violation)

    def costs(self, expected, target):
        """Give the cost terms that simulations of candidates are expected to have.

        Parameters
        ----------
        expected : TheoryStatistics
        target : Target

        Returns
        -------
        ndarray of shape (n_candidates, 3)
        """
        return expected_cost_terms(
            expected.fc,
            expected.fcd_cdf,
            expected.fc_noise / self.n_repeats,
            target.fc,
            target.fcd_cdf,
        )

    def _batch(self, params, sc, bold, white):
        scan = self.acquisition
        closure = close(self.model, params, sc, scan.step)
        n_candidates, n_rois = closure.rates.shape
        fc = np.full((n_candidates, n_rois * (n_rois - 1) // 2), np.nan)
        fcd_cdf = np.full((n_candidates, self.n_fcd_bins), np.nan)
        fc_noise = np.full(n_candidates, np.nan)
        p_in_range = np.full(n_candidates, LOST)

        settled = np.flatnonzero(closure.settled > N_ITERATIONS)
        network = closure.network.select(settled)
        if len(settled):
            fc[settled] = matrix_to_edges(correlations(bold.covariance(network)))
            holds = start_holds(
                self.model,
                {name: values[settled] for name, values in params.items()},
                sc if sc.ndim == 2 else sc[settled],
                scan,
            )
            p_stays = probability_in_range(
                closure.rates[settled],
                network.fastest,
                closure.softening[settled],
                scan.step,
                self.model.rate_range,
            )
            p_in_range[settled] = np.where(holds, p_stays, LOST)
        violation = range_violation(p_in_range, self.n_repeats)
        # A slope for the search to climb: first settle, then hold, then stay.
        lost = N_ITERATIONS + 1 - closure.settled
        violation += lost + np.maximum(-closure.network.decay[:, 0], 0.0)
        for k, candidate in enumerate(settled):
            if violation[candidate] == 0 and self.n_samples > 0:
                samples = bold.sample(network, k, white)
                fc_noise[candidate] = (
                    (fc_edges(samples) - fc[candidate]).var(axis=1).mean()
                )
                counts = fcd_histogram(
                    samples,
                    bold.window,
                    self.n_fcd_bins,
                    stride=bold.stride,
                ).sum(axis=0)
                fcd_cdf[candidate] = fcd_distribution(counts, bold.neighbours)
        return (
            fc,
            fcd_cdf,
            fc_noise,
            closure.rates,
            closure.mean[0] / closure.mean[1],
            p_in_range,
            violation,
        )
