"""By how much what a network says of FC is off what theory says, where it matters."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any

import numpy as np
from numpy.typing import NDArray

from delssome.evaluation import Evaluator
from delssome.inference import Emulator
from delssome.models import ParameterSpace
from delssome.theory import fisher_z

__all__ = ["Gap"]

Array = NDArray[Any]

# Batches that are remembered: as a sampler narrows down, the first ones were elsewhere.
N_KEPT = 10


class Gap:
    """The gap between two evaluators, on the scale of z, over search coordinates.

    Parameters
    ----------
    space : ParameterSpace
    evaluator, exact : Evaluator
        The gap is what has to be added to the first to give the second.
    sc : ndarray of shape (n_rois, n_rois)
    """

    def __init__(
        self, space: ParameterSpace, evaluator: Evaluator, exact: Evaluator, sc: Array
    ) -> None:
        self.space, self.evaluators, self.sc = space, (evaluator, exact), sc
        self._known: list[tuple[Array, Array]] = []

    def learn(self, x: Array) -> None:
        """Compare the evaluators at search coordinates, (n, n_dim)."""
        candidates = self.space.candidates(self.space.theta(x), self.sc)
        quick, exact = (fisher_z(e.statistics(candidates).fc) for e in self.evaluators)
        finite = np.isfinite(exact - quick).all(axis=1)
        batch = x[finite], (exact - quick)[finite]
        self._known = [*self._known, batch][-N_KEPT:]

    def on(self, which: Array) -> Emulator | None:
        """Give the gap on some edges as polynomials; None if too little is known."""
        x, gap = (np.concatenate(part) for part in zip(*self._known, strict=True))
        if len(x) < 2 * self.space.n_dim:
            return None
        # In no order, so that any of them stand for all.
        order = np.random.default_rng(0).permutation(len(x))
        return Emulator(x[order], gap[order][:, which])
