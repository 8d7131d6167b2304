"""Who is simulated: a look at many candidates by what is more exact than a network."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from delssome.evaluation import Evaluation, Evaluator, Target
from delssome.fitting.searching import Finalists
from delssome.models import ParameterSpace

__all__ = ["LOOKED_AT", "screen"]

# Candidates that are looked at for one that is simulated.
LOOKED_AT = 5


def screen(
    space: ParameterSpace,
    evaluator: Evaluator,
    target: Target,
    leaders: Finalists,
    n_finalists: int,
) -> Finalists:
    """Keep those of many candidates that a more exact evaluator finds best.

    A search ends where its evaluator errs most in its favour.

    Parameters
    ----------
    space : ParameterSpace
    evaluator : Evaluator
    target : Target
        What finalists are compared with.
    leaders : Finalists
    n_finalists : int

    Returns
    -------
    Finalists
        At most half of them of one restart, the best first; with the costs by which
        they were found.
    """
    candidates = space.candidates(leaders.theta, target.sc)
    # The same samples behind FCD, whatever else was drawn.
    found = evaluator.evaluate(candidates, target, np.random.default_rng(0))
    kept: list[int] = []
    spare: list[int] = []
    for k in np.argsort(found.fitness, kind="stable").tolist():
        alike = np.count_nonzero(leaders.restart[kept] == leaders.restart[k])
        (kept if 2 * alike < n_finalists else spare).append(k)
    which = (kept + spare)[:n_finalists]
    return Finalists(
        leaders.theta[which],
        leaders.restart[which],
        leaders.generation[which],
        Evaluation(*(part[which] for part in leaders.evaluation)),
    )
