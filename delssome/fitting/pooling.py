"""What the FC of every scan tells of coefficients that scans share, or do not."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from delssome.fitting.expecting import STEP, Expecting, Scans, whiten
from delssome.inference import Evidence
from delssome.models import Candidates

__all__ = ["Direction", "Linearised", "Told"]

Array = NDArray[Any]


class Direction(NamedTuple):
    """A pattern over regions along which a parameter may move.

    Attributes
    ----------
    parameter : str
    pattern : ndarray of shape (n_rois,)
        Move of the parameter, as a share of its range, by one unit.
    """

    parameter: str
    pattern: Array


class Told(NamedTuple):
    """What scans tell of coordinates.

    Attributes
    ----------
    evidence : Evidence
    residual : ndarray of shape (n_edges,)
        Whitened residuals, summed over scans.
    slopes : ndarray of shape (n_edges, n_dim)
        Whitened slopes, summed over scans.
    n_replaced : int
        Scans for whose connectome, without a stable state, the group's stands in.
    """

    evidence: Evidence
    residual: Array
    slopes: Array
    n_replaced: int

    @classmethod
    def join(cls, parts: Sequence["Told"]) -> "Told":
        """Put scans one after another."""
        given = [part.evidence for part in parts]
        evidence = Evidence(
            np.concatenate([one.information for one in given]),
            np.concatenate([one.score for one in given]),
            np.concatenate([one.squares for one in given]),
            given[0].n_values,
        )
        return cls(
            evidence,
            np.sum([part.residual for part in parts], axis=0),
            np.sum([part.slopes for part in parts], axis=0),
            sum(part.n_replaced for part in parts),
        )


@dataclass(frozen=True)
class Linearised:
    """Expected FC near a point, on connectomes of their own.

    Attributes
    ----------
    expecting : Expecting
    x : ndarray of shape (n_dim,)
        The point, in search coordinates.
    sc : ndarray of shape (n_rois, n_rois)
        Connectome of the group, for those on which there is no stable state.
    root : ndarray of shape (n_edges, n_edges)
        Of the covariance of Fisher's z of one scan, lower triangular.
    directions : sequence of Direction
        Further coordinates.
    """

    expecting: Expecting
    x: Array
    sc: Array
    root: Array
    directions: Sequence[Direction] = ()

    @property
    def n_dim(self) -> int:
        """Coordinates of the search, and directions."""
        return len(self.x) + len(self.directions)

    def candidates(self, off: Array, sc: Array) -> Candidates:
        """Give candidates by how far they are off the point, (n, n_dim)."""
        space, n = self.expecting.space, len(self.x)
        params = space.expand(space.theta(self.x + off[:, :n]))
        for k, (name, pattern) in enumerate(self.directions):
            low, high = getattr(space.model, name)
            move = (high - low) * off[:, n + k, None] * pattern
            params[name] = params[name] + move
        return Candidates(space.model, params, sc)

    def told(self, scans: Scans) -> Told:
        """Give what scans tell of how far they are off the point."""
        n_dim = self.n_dim
        moves = STEP * np.eye(n_dim)
        moves = np.vstack([np.zeros((1, n_dim)), moves, -moves])
        own = np.stack([self._z(move, scans.sc) for move in moves])
        lost = ~np.isfinite(own).all(axis=(0, 2))
        if lost.any():
            one = self.expecting.of(self.candidates(moves, self.sc))[0]
            own[:, lost] = one[:, None]
        white = whiten(self.root, own)
        slopes = (white[1 : n_dim + 1] - white[n_dim + 1 :]) / (2.0 * STEP)
        observed = self.expecting.observed(scans.fc)
        residual = whiten(self.root, observed) - white[0]
        evidence = Evidence(
            np.einsum("pne,qne->npq", slopes, slopes),
            np.einsum("pne,ne->np", slopes, residual),
            np.square(residual).sum(axis=1),
            len(self.root),
        )
        return Told(
            evidence, residual.sum(axis=0), slopes.sum(axis=1).T, int(lost.sum())
        )

    def _z(self, off: Array, sc: Array) -> Array:
        off = np.broadcast_to(off, (len(sc), len(off)))
        return self.expecting.of(self.candidates(off, sc))[0]
