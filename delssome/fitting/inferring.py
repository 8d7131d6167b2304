"""From data to draws of a posterior: pilot, prior, likelihood, refinement."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from delssome.evaluation import Evaluator, Statistics, Target
from delssome.fitting.correction import Gap
from delssome.fitting.laplace import MARGIN, approximate, relaxation_at
from delssome.fitting.likelihood import LikelihoodOfFC
from delssome.fitting.pilots import find_pilots
from delssome.inference import Draws, Tempering, draw_prior
from delssome.models import Candidates, Model, ParameterSpace
from delssome.simulation import (
    Acquisition,
)
from delssome.theory import (
    close,
    effective_regions,
)
from delssome.theory.closure import N_ITERATIONS
from delssome.theory.fc_noise import MOST_EDGES
from delssome.theory.identifiability import UNIFORM_SD

__all__ = ["Inference", "Sampled", "by_distance"]

Array = NDArray[Any]

# Searches for a place to take the noise at.
N_PILOTS = 2
# Candidates among which one is looked for that theory describes.
N_TRIED = 64
# Keeps covariances from being singular, in shares of ranges squared.
TINY = 1e-10
# Particles at which a network is compared with theory, after each step in power.
N_COMPARED = 48


class Stage(NamedTuple):
    """From which power of the likelihood on so many edges speak, at most."""

    power: float
    n_edges: int


# A few edges lead to where the posterior is. At each stage, noise is taken anew.
STAGES = (
    Stage(0.0, 700),
    Stage(0.02, 700),
    Stage(0.1, 1200),
    Stage(1.0, MOST_EDGES),
)


@dataclass(frozen=True)
class Sampled:
    """Draws of the prior and of the posterior.

    Attributes
    ----------
    prior, x : ndarray of shape (n_draws, n_dim)
        Search coordinates.
    relaxation, noise : ndarray of shape (n_draws, n_rois)
        Relaxation over coupling, and relative noise.
    scale, departure : ndarray of shape (n_draws,)
        As of :class:`~delssome.fitting.likelihood.LikelihoodOfFC`.
    log_evidence : float
    share_in_range : float
        Of what is feasible.
    n_evaluations : int
    """

    prior: Array
    x: Array
    relaxation: Array
    noise: Array
    scale: Array
    departure: Array
    log_evidence: float
    share_in_range: float
    n_evaluations: int


@dataclass(frozen=True)
class Inference:
    """What is to be inferred, from what, and by what.

    Attributes
    ----------
    space : ParameterSpace
    target : Target
    acquisition : Acquisition
    evaluator : Evaluator
        Of expected FC.
    exact : Evaluator or None
        Corrects it where the posterior is. None: nothing does.
    n_scans : float or None
    sampler : Tempering
    rng : numpy.random.Generator
    departure : float
        Standard deviation of departures from the maps, of a space that departs.
    verbose : int
    """

    space: ParameterSpace
    target: Target
    acquisition: Acquisition
    evaluator: Evaluator
    exact: Evaluator | None
    n_scans: float | None
    sampler: Tempering
    rng: np.random.Generator
    departure: float = 0.0
    verbose: int = 0

    def run(self) -> Sampled:
        """Draw from the posterior."""
        return self._approximate() if self.space.departs else self._sample()

    def _sample(self) -> Sampled:
        """Draw by tempering, where regions follow the maps."""
        counting = _Counting(self.evaluator)
        space, rng = self.space, self.rng
        pilot_rng, prior_rng, unit_rng, sampler_rng = rng.spawn(4)
        sc, fc = self.target.sc, self.target.fc
        pilots = find_pilots(space, counting, sc, fc, pilot_rng, N_PILOTS)
        n = self.sampler.n_particles
        prior, share = draw_prior(space, self._in_range(counting), n, prior_rng)

        gap = None
        if self.exact is not None:
            gap = Gap(space, self.evaluator, self.exact, self.target.sc)
            gap.learn(prior[:N_COMPARED])

        def likelihood(theta: Array, most_edges: int) -> LikelihoodOfFC:
            pilot = self._first_described(theta)
            given = space, counting, self.target, self.acquisition, pilot, self.n_scans
            return LikelihoodOfFC(*given, gap=gap, most_edges=most_edges)

        stages = list(STAGES)
        now = likelihood(pilots, stages.pop(0).n_edges)

        def refine(points: Array, value: Array, power: float) -> LikelihoodOfFC | None:
            nonlocal now
            if not stages:
                return None
            x = points[:, : space.n_dim]
            if gap is not None:
                gap.learn(x[:N_COMPARED])
            if power >= stages[0].power:
                best = np.argsort(-value, kind="stable")
                now = likelihood(space.theta(x[best]), stages.pop(0).n_edges)
                return now
            if gap is None:
                return None
            now = now.corrected(gap)
            return now

        off = unit_rng.random((n, now.n_dim - space.n_dim))
        draws = self.sampler.sample(
            now,
            np.hstack([prior, off]),
            sampler_rng,
            refine=refine,
            verbose=self.verbose,
        )
        return self._sampled(now, prior, share, draws, counting.n_evaluations)

    def _approximate(self) -> Sampled:
        """Draw from a normal density, where regions depart from the maps."""
        space, sampler = self.space, self.sampler
        by_maps = replace(self, space=space.following)
        counting = _Counting(self.evaluator)
        pilot_rng, prior_rng, own_rng, draw_rng = self.rng.spawn(4)
        sc, fc = self.target.sc, self.target.fc
        pilots = find_pilots(by_maps.space, counting, sc, fc, pilot_rng, N_PILOTS)
        in_range, n = by_maps._in_range(counting), sampler.n_particles
        x, share = draw_prior(by_maps.space, in_range, n, prior_rng)

        def shares(theta: Array) -> Array:
            return space.shares(by_maps.space.expand(theta))

        def coordinates(u: Array) -> Array:
            params = space.at_shares(u.clip(MARGIN, 1.0 - MARGIN))
            return space.x(space.departing(params))

        prior = shares(by_maps.space.theta(x))
        own = np.concatenate(
            [
                np.full(values[0].size, name in space.model.regional)
                for name, values in space.at_shares(prior[:1]).items()
            ]
        ) * min(self.departure, UNIFORM_SD)
        covariance = np.cov(prior.T) + np.diag(own**2 + TINY)
        start = shares(by_maps._first_described(pilots)[None])[0]
        normal = approximate(self, prior.mean(axis=0), covariance, start)
        prior += own * own_rng.standard_normal(prior.shape)
        off = draw_rng.standard_normal((sampler.n_draws, len(normal.mean)))
        off = off @ normal.root.T
        x = coordinates(normal.mean + off)
        candidates = space.candidates(space.theta(x), self.target.sc)
        return Sampled(
            prior=coordinates(prior),
            x=x,
            relaxation=relaxation_at(self, normal.mean, off),
            noise=effective_regions(candidates)[1],
            scale=np.full(sampler.n_draws, normal.scale),
            departure=np.full(sampler.n_draws, self.departure),
            log_evidence=normal.log_evidence,
            share_in_range=share,
            n_evaluations=counting.n_evaluations + normal.n_evaluations,
        )

    def _sampled(
        self,
        likelihood: LikelihoodOfFC,
        prior: Array,
        share: float,
        draws: Draws,
        n_evaluations: int,
    ) -> Sampled:
        x = draws.points[:, : self.space.n_dim]
        candidates = self.space.candidates(self.space.theta(x), self.target.sc)
        relaxation, noise, coupling = effective_regions(candidates)
        return Sampled(
            prior=prior,
            x=x,
            relaxation=relaxation / coupling,
            noise=noise,
            scale=likelihood.scale(draws.points),
            departure=likelihood.departure(draws.points),
            log_evidence=draws.log_evidence,
            share_in_range=share,
            n_evaluations=n_evaluations,
        )

    def _in_range(self, evaluator: Evaluator) -> Any:
        def in_range(x: Array) -> NDArray[np.bool_]:
            candidates = self.space.candidates(self.space.theta(x), self.target.sc)
            return np.asarray(evaluator.statistics(candidates).violation == 0)

        return in_range

    def _first_described(self, theta: Array) -> Array:
        """Give the first of coefficients that the theory describes."""
        some = theta[:N_TRIED]
        candidates = self.space.candidates(some, self.target.sc)
        settled = close(candidates, self.acquisition.step).settled > N_ITERATIONS
        if not settled.any():
            raise ValueError(
                "The theory finds no stable state among the candidates whose FC is "
                "most like that of X, so that its noise is not known: is X the FC of "
                "this SC, and within what the ranges of the model allow?"
            )
        return np.asarray(some[np.argmax(settled)])


def by_distance(x: Array) -> Array:
    """Order of the rows by their distance from the mean, in units of their spread."""
    centred = x - x.mean(axis=0)
    spread = np.cov(x.T).reshape(x.shape[1], -1)
    distance = np.einsum("ij,jk,ik->i", centred, np.linalg.pinv(spread), centred)
    return np.argsort(distance, kind="stable")


class _Counting(Evaluator):
    """An evaluator that counts candidates."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator, self.n_evaluations = evaluator, 0
        self.n_repeats = evaluator.n_repeats

    def check(self, model: Model) -> None:
        self.evaluator.check(model)

    def statistics(
        self, candidates: Candidates, rng: np.random.Generator | None = None
    ) -> Statistics:
        self.n_evaluations += len(candidates)
        return self.evaluator.statistics(candidates, rng)
