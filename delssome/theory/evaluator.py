"""Evaluate candidates by linear-noise theory, without integrating them."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np
from joblib import delayed, effective_n_jobs
from numpy.typing import NDArray

from delssome.connectome import matrix_to_edges
from delssome.evaluation import Evaluator, Slopes, Statistics, Target
from delssome.models import Candidates, Model, check_candidates
from delssome.models.candidates import ROUNDING
from delssome.observables import fc_edges, fcd_histogram
from delssome.simulation import Acquisition, check_step
from delssome.theory.assumptions import (
    check_assumptions,
    is_reduced,
    reason_against_reduction,
)
from delssome.theory.closure import BATCH, N_ITERATIONS, Closure, close
from delssome.theory.escape import (
    probability_in_range,
    range_violation,
    start_holds,
)
from delssome.theory.forms import scan_theory
from delssome.theory.scans import ScanTheory, correlations, fcd_distribution
from delssome.theory.slopes import CostSlopes
from delssome.utils import MOST_BINS, check_number, check_running, one_blas_thread
from delssome.workers import Parallel

__all__ = ["TheoryEvaluator"]

Array = NDArray[Any]

# Share of simulations that end in range although the theory finds no stable state, or
# the start throws them out of it: 3 % of those that were tried.
LOST = 0.03


class TheoryEvaluator(Evaluator):
    """Predict FC, FCD, rates and costs of candidates without integration.

    Parameters
    ----------
    model : Model
        Any model whose candidates come to rest: see `check`.
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
    See :mod:`delssome.theory` for the method and where it fails. Models of which one
    state couples regions and is seen through the haemodynamics, and whose other states
    are fast, have a symmetric form on symmetric connectomes, which is faster; all
    others are described in general.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome import FIC, Acquisition
    >>> from delssome.models import Candidates
    >>> from delssome.theory import TheoryEvaluator
    >>> params = {"w_EE": [3.0], "w_EI": [2.0], "G": [1.0], "sigma": [0.005]}
    >>> candidates = Candidates(FIC(), params, 0.02 * (1 - np.eye(4)))
    >>> found = TheoryEvaluator(FIC(), Acquisition()).statistics(candidates)
    >>> found.fc.shape, found.violation
    ((1, 6), array([0.]))
    """

    def __init__(
        self,
        model: Model,
        acquisition: Acquisition,
        *,
        n_fcd_bins: int = 10_000,
        n_samples: int = 4,
        n_repeats: int = 3,
        n_jobs: int | None = None,
    ) -> None:
        check_number("n_repeats", n_repeats, Integral, 1, 1000)
        check_number("n_samples", n_samples, Integral, 0, 1_000_000)
        check_number("n_fcd_bins", n_fcd_bins, Integral, 2, MOST_BINS)
        check_running(n_jobs)
        self.acquisition = check_step(model, acquisition)
        check_assumptions(model)
        self.model = model
        self.n_fcd_bins = n_fcd_bins
        self.n_samples = n_samples
        self.n_repeats = n_repeats
        self.n_jobs = n_jobs

    def check(self, model: Model) -> None:
        """Refuse a model that the theory cannot describe, with the reason.

        Raises
        ------
        ValueError
            If none of its candidates comes to rest.
        """
        check_step(model, self.acquisition)
        check_assumptions(model)

    def statistics(
        self, candidates: Candidates, rng: np.random.Generator | None = None
    ) -> Statistics:
        """Give the expected statistics of candidates.

        Parameters
        ----------
        candidates : Candidates
        rng : numpy.random.Generator, default=None
            Source of the samples' noise, drawn once for all candidates. None: fresh
            entropy.

        Returns
        -------
        Statistics
            FCD is not computed (NaN) where the probability to stay in range is below
            one half.
        """
        check_candidates(candidates)
        rng = np.random.default_rng() if rng is None else rng
        model = candidates.model
        if model != self.model:
            self.check(model)
        bold = scan_theory(model, self.acquisition)
        parts_of_one_form = [
            one for part in candidates.batches(BATCH) for one in _of_one_form(part)
        ]
        white = bold.draw(self.n_samples, candidates.n_rois, rng)
        more, n_more = white, (len(model.states) - 1) * candidates.n_rois
        if not all(map(is_reduced, parts_of_one_form)):  # noise of every state
            others = bold.draw(self.n_samples, n_more, rng)
            more = np.concatenate([white, others], axis=-1)
            more = more[0] + 1j * more[1]
        jobs = (
            delayed(self._batch)(part, bold, white if is_reduced(part) else more)
            for part in parts_of_one_form
        )
        with one_blas_thread(effective_n_jobs(self.n_jobs) > 1):
            parts = Parallel(n_jobs=self.n_jobs, prefer="threads")(jobs)
        return Statistics.join(parts)

    def slopes(self, model: Model, target: Target) -> Slopes | None:
        """Give expected costs with derivatives by regional parameters.

        None for scans that were censored, or whose global signal was regressed out, and
        where theory has no symmetric form.
        """
        self.check(model)
        directed = np.abs(target.sc - target.sc.T).max() > ROUNDING
        if directed or reason_against_reduction(model):
            return None
        if self.acquisition.global_signal or self.acquisition.kept is not None:
            return None
        return CostSlopes(model, self.acquisition, target, self.n_repeats)

    def _batch(
        self, candidates: Candidates, bold: ScanTheory, white: Array
    ) -> Statistics:
        closure = close(candidates, self.acquisition.step)
        n, n_rois = len(candidates), candidates.n_rois
        fc = np.full((n, n_rois * (n_rois - 1) // 2), np.nan)
        fcd_cdf = np.full((n, self.n_fcd_bins), np.nan)
        fc_noise = np.full(n, np.nan)
        p_in_range = self._p_in_range(candidates, closure)
        violation = range_violation(p_in_range, self.n_repeats)
        # A slope for the search to climb: first settle, then hold, then stay.
        lost = N_ITERATIONS + 1 - closure.settled
        violation += lost + np.maximum(-closure.network.decay[:, 0], 0.0)

        model = candidates.model
        # The haemodynamics are linearised around the candidate's own mean activity.
        seen = candidates.states[model.states.index(model.observed)]
        activity = seen.mean(axis=1)
        settled = np.flatnonzero(closure.settled > N_ITERATIONS)
        for value in np.unique(activity[settled]):
            own, which = bold.at(value), settled[activity[settled] == value]
            network = closure.network.select(which)
            gain = own.gain(seen[which])
            fc[which] = matrix_to_edges(correlations(own.covariance(network, gain)))
            for k, candidate in enumerate(which):
                if violation[candidate] > 0 or self.n_samples == 0:
                    continue
                samples = own.sample(network, k, white, gain[k])
                fc_noise[candidate] = (
                    (fc_edges(samples, own.kept) - fc[candidate]).var(axis=1).mean()
                )
                counts = fcd_histogram(
                    samples,
                    own.window,
                    self.n_fcd_bins,
                    stride=own.stride,
                    kept=own.kept,
                ).sum(axis=0)
                fcd_cdf[candidate] = fcd_distribution(counts, own.neighbours)
        names = (*model.states, *model.outputs)
        means = (*closure.mean[: len(model.states)], *closure.outputs)
        averages = dict(zip(names, means, strict=True))
        return Statistics(
            fc,
            fcd_cdf,
            violation,
            averages,
            readout=model.readout(averages),
            fc_noise=fc_noise,
            p_in_range=p_in_range,
            decay=closure.network.decay[:, 0],
        )

    def _p_in_range(self, candidates: Candidates, closure: Closure) -> Array:
        """Probability that a simulation stays within the plausible range."""
        model, step = candidates.model, self.acquisition.step
        p_in_range = np.full(len(candidates), LOST)
        settled = np.flatnonzero(closure.settled > N_ITERATIONS)
        if len(settled) == 0:
            return p_in_range
        rates = None
        if model.rate is not None:
            rates = closure.outputs[model.outputs.index(model.rate), settled]
        p_stays = probability_in_range(
            rates,
            closure.network.fastest[settled].max(axis=1),
            closure.softening[settled],
            step,
            model.rate_range,
        )
        holds = start_holds(candidates.select(settled), self.acquisition)
        p_in_range[settled] = np.where(holds, p_stays, LOST)
        return p_in_range


def _of_one_form(candidates: Candidates) -> list[Candidates]:
    """Cut candidates where connectomes turn from symmetric to directed, or back."""
    if candidates.sc.ndim == 2 or candidates.symmetric:
        return [candidates]
    n = len(candidates)
    symmetric = [candidates.select(slice(k, k + 1)).symmetric for k in range(n)]
    cuts = [0, *(np.flatnonzero(np.diff(symmetric)) + 1), n]
    return [candidates.select(slice(a, b)) for a, b in pairwise(cuts)]
