"""Who is simulated: a look at many candidates by what is more exact than a network."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from delssome.evaluation import Evaluator, Target
from delssome.fitting.searching import Finalists
from delssome.models import ParameterSpace

__all__ = ["LOOKED_AT", "screen"]

# Candidates that are looked at for one that is simulated.
LOOKED_AT = 8


def screen(
    space: ParameterSpace,
    evaluator: Evaluator,
    target: Target,
    leaders: Finalists,
    n_finalists: int,
) -> Finalists:
    """Order many candidates as a more exact evaluator finds them.

    A search ends where its evaluator errs most in its favour.

    Parameters
    ----------
    space : ParameterSpace
    evaluator : Evaluator
    target : Target
        What finalists are compared with.
    leaders : Finalists
    n_finalists : int
        That are simulated together.

    Returns
    -------
    Finalists
        All, in the order in which to simulate them: the best first, of the first
        `n_finalists` at most half of one restart; with the costs by which they were
        found.
    """
    candidates = space.candidates(leaders.theta, target.sc)
    # The same samples behind FCD, whatever else was drawn.
    found = evaluator.evaluate(candidates, target, np.random.default_rng(0))
    most = max(1, n_finalists // 2)
    kept: list[int] = []
    spare: list[int] = []
    for k in np.argsort(found.fitness, kind="stable").tolist():
        alike = np.count_nonzero(leaders.restart[kept] == leaders.restart[k])
        fits = alike < most and len(kept) < n_finalists
        (kept if fits else spare).append(k)
    return leaders.select(kept + spare)
