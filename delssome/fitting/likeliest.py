"""Coefficients under which the FC of several scans is most likely, given its noise."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delssome.evaluation import Evaluator
from delssome.fitting.expecting import Expecting, Scans, whiten
from delssome.fitting.pilots import find_pilots
from delssome.models import ParameterSpace
from delssome.simulation import Acquisition
from delssome.theory import fisher_z

__all__ = ["DensityOfFC", "most_likely"]

Array = NDArray[Any]

# Places to start from, as descents end in valleys of their own, and candidates of a
# generation of the searches for them.
N_STARTS, POPSIZE = 4, 40
# Noise alike in all directions that is added in the first descent, in mean variances of
# an edge: without it, descents end in valleys of what scans hardly know.
SOFT = 1.0
# Rounds in each of which noise, and what own connectomes add, are taken anew.
N_ROUNDS = 3


@dataclass(frozen=True)
class DensityOfFC:
    """How likely FC is under a model at certain coefficients.

    Attributes
    ----------
    expecting : Expecting
    theta : ndarray of shape (n_dim,)
    sc : ndarray of shape (n_rois, n_rois)
        Connectome of the group, for scans on whose own there is no stable state.
    root : ndarray of shape (n_edges, n_edges)
        Of the covariance of Fisher's z of one scan, lower triangular.
    scale : float
        By how much what the model leaves unexplained varies more than noise does.
    """

    expecting: Expecting
    theta: Array
    sc: Array
    root: Array
    scale: float = 1.0

    def unexplained(self, scans: Scans) -> Array:
        """Give what is left of scans, in variances of the noise of one, (n_scans,).

        1 if nothing but noise is left.
        """
        off = self.expecting.observed(scans.fc)
        off = off - self.expecting.z_of_own(self.theta, scans.sc, self.sc)
        return np.asarray(np.square(whiten(self.root, off)).mean(axis=1))

    def log_likelihood(self, scans: Scans) -> Array:
        """Give log densities of scans, (n_scans,), on Fisher's scale.

        Normal about what theory expects on the connectome of the scan, with `scale`
        times the covariance of its noise.
        """
        return self.log_density(self.unexplained(scans))

    def log_density(self, unexplained: Array) -> Array:
        """Give the same of what is left of scans."""
        left = unexplained / self.scale + np.log(2.0 * np.pi * self.scale)
        return -0.5 * len(self.root) * left - np.log(np.diag(self.root)).sum()


def most_likely(
    space: ParameterSpace,
    acquisition: Acquisition,
    sc: Array,
    scans: Scans,
    rng: np.random.Generator,
    network: Evaluator | None = None,
) -> DensityOfFC | None:
    """Find the coefficients, the same for all, under which scans are most likely.

    Parameters
    ----------
    space : ParameterSpace
    acquisition : Acquisition
    sc : ndarray of shape (n_rois, n_rois)
        Connectome of the group.
    scans : Scans
    rng : numpy.random.Generator
    network : Evaluator, default=None
        Of expected FC, to find where to start. None: theory.

    Returns
    -------
    DensityOfFC or None
        None if theory finds no stable state where FC is most like that of the scans.

    Notes
    -----
    Short searches end where FC is most alike. From there, least squares of residuals of
    Fisher's z, whitened by the noise of a scan at the coefficients
    (:func:`~delssome.theory.fc_covariance`). FC is expected on the connectome of the
    group; what connectomes of their own add on average is taken anew in every round.
    """
    expecting = Expecting(space, acquisition)
    searched = expecting.theory if network is None else network
    fc = np.tanh(fisher_z(scans.fc).mean(axis=0))
    observed, ends = expecting.observed(fc), []
    for child in rng.spawn(N_STARTS):
        found = find_pilots(space, searched, sc, fc, child, 1, POPSIZE)
        start = expecting.first_described(found, sc)
        if start is not None:
            ends.append(expecting.descend(start, sc, observed, soft=SOFT))
    if not ends:
        return None
    theta, _ = min(ends, key=lambda end: end[1])
    for _ in range(N_ROUNDS):
        own = expecting.z_of_own(theta, scans.sc, sc).mean(axis=0)
        added = own - expecting.z(theta[None], sc)[0]
        theta, _ = expecting.descend(theta, sc, observed - added)
    density = DensityOfFC(expecting, theta, sc, expecting.root(theta, sc))
    return replace(density, scale=float(density.unexplained(scans).mean()))
