"""Synthetic worlds for what has to hold over the prior: connectome, maps, truths."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from delssome import FIC, Acquisition
from delssome.connectome import prepare_sc
from delssome.datasets._connectomes import (
    draw_counts,
    draw_maps,
    population_connectome,
)
from delssome.inference import draw_prior
from delssome.models import ParameterSpace
from delssome.simulation import simulate
from delssome.surrogate import CircuitSurrogate


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
    low, high = candidate.model.rate_range
    found = simulate(candidate, scan, rng.integers(2**63, size=(1, n_scans)))
    rates = found.averages[candidate.model.rate]
    return found if ((rates >= low) & (rates <= high)).all() else None  # NaN is not
