"""Synthetic worlds for what has to hold over the prior: connectome, maps, truths."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from delssome import CMAES, FIC, Acquisition, pack_subjects
from delssome.connectome import prepare_sc
from delssome.datasets._connectomes import (
    draw_counts,
    draw_maps,
    population_connectome,
)
from delssome.inference import draw_prior
from delssome.models import ParameterSpace
from delssome.observables import fc_matrix, fcd_cdf
from delssome.simulation import simulate
from delssome.surrogate import CircuitSurrogate
from delssome.theory import TheoryEvaluator

# Mean FC and standard deviation over edges that data of the field have.
MEAN_FC, LEAST_SPREAD = (0.1, 0.5), 0.08
# Coefficients that are drawn before some are looked for.
N_DRAWN = 200


@dataclass(frozen=True)
class World:
    """A connectome, a space over maps of its regions, and a scan."""

    counts: np.ndarray
    space: ParameterSpace
    scan: Acquisition

    @classmethod
    def draw(cls, n_rois, scan, rng, signs=(-1, 1)):
        """Draw connectome and maps, as synthetic cohorts have them."""
        centroids, _, expected, faint = population_connectome(n_rois, rng)
        counts = draw_counts(expected, faint, rng)
        model, maps = FIC(map_signs=signs), draw_maps(centroids, rng)
        return cls(counts, ParameterSpace(model, maps), scan)

    @cached_property
    def sc(self):
        return prepare_sc(self.counts)

    @cached_property
    def network(self):
        return CircuitSurrogate.load(acquisition=self.scan)

    def candidates(self, theta):
        return self.space.candidates(theta, self.sc)

    def prior(self, n, rng):
        """Draw coefficients from the prior that a posterior starts from."""

        def in_range(x):
            candidates = self.candidates(self.space.theta(x))
            return self.network.statistics(candidates).violation == 0

        return self.space.theta(draw_prior(self.space, in_range, n, rng)[0])


def simulate_in_range(candidate, scan, n_scans, rng):
    """Simulate scans of a candidate; None if one leaves the plausible rates."""
    found = simulate(candidate, scan, rng.integers(2**63, size=(1, n_scans)))
    if candidate.model.rate is None:
        return found if np.isfinite(found.bold).all() else None
    low, high = candidate.model.rate_range
    rates = found.averages[candidate.model.rate]
    return found if ((rates >= low) & (rates <= high)).all() else None  # NaN is not


def subjects_of(model, n_subjects, n_rois, scan, rng, subject_sd=0.03):
    """Make subjects whose scans a model made: packed, and the maps of their regions.

    Coefficients come from all over its box, in range and with FC as in data; each
    subject has its own connectome, and coefficients that scatter about the group's.
    """
    centroids, _, expected, faint = population_connectome(n_rois, rng)
    space = ParameterSpace(model, draw_maps(centroids, rng))
    scan = scan.for_model(model)
    group_sc = prepare_sc(draw_counts(expected, faint, rng))
    theory = TheoryEvaluator(model, scan, n_samples=0)
    while True:
        theta = _truth(space, theory, group_sc, rng)
        subjects = [
            _subject(space, theta, subject_sd, expected, faint, scan, own)
            for own in rng.spawn(n_subjects)
        ]
        if None not in subjects:
            X = pack_subjects(*map(np.array, zip(*subjects, strict=True)))
            return X, space.maps


def _truth(space, theory, sc, rng):
    """Draw coefficients in range whose FC is as in data, or look for some."""
    for _ in range(N_DRAWN):
        theta = np.array([space.theta(space.start(rng))])
        good = space.feasible(theta) & _usual(theory, space.candidates(theta, sc))[0]
        if good[0]:
            return theta[0]
    # Hopf's are rare: most of its box hardly couples regions.
    while True:
        search = CMAES(popsize=40).start(space, rng)
        wanted = rng.uniform(*MEAN_FC)
        for _ in range(30):
            theta = search.ask()
            good, mean = _usual(theory, space.candidates(theta, sc))
            if good.any():
                return theta[np.argmax(good)]
            search.tell(np.where(np.isnan(mean), np.inf, np.abs(mean - wanted)))


def _usual(theory, candidates):
    """Tell which candidates are in range with FC as in data, and mean FC."""
    found = theory.statistics(candidates)
    mean, spread = found.fc.mean(axis=1), found.fc.std(axis=1)
    usual = (MEAN_FC[0] < mean) & (mean < MEAN_FC[1]) & (spread > LEAST_SPREAD)
    return usual & (found.violation == 0), mean


def _subject(space, theta, subject_sd, expected, faint, scan, rng):
    """Give counts, FC and FCD distribution of one; None if no draw keeps the range."""
    counts = draw_counts(expected, faint, rng)
    sc = prepare_sc(counts)
    for _ in range(20):
        own = theta * (1.0 + rng.normal(0.0, subject_sd, len(theta)))
        if space.feasible(own[None])[0]:
            candidate = space.candidates(own[None], sc)
            found = simulate_in_range(candidate, scan, 1, rng)
            if found is not None:
                bold = found.bold[0, 0]
                return counts, fc_matrix(bold), fcd_cdf(bold, scan.fcd_window)
    return None
