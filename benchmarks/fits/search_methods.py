"""Search a real group by what the field searches with: one budget, one evaluator.

The shipped network scores 10 000 candidates (Bayesian optimisation: 2000, as proposing
takes longer the more it has seen) and five finalists are simulated. A grid in ten
dimensions has no feasible point: it searches the homogeneous model, as it is used.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import MissingError, each, installed, load_group, main, table
from real_group import costs, fit_real, inside, medians

from delssome import CMAES, Verification
from delssome.search import BASELINES

METHODS = {"CMA-ES": CMAES, **BASELINES}
# Generations that make up the budget of 10 000: of 21 candidates for gradients, of 100
# for others, of which half are infeasible in differential evolution.
MAX_ITER = {
    "gradient descent": 476,
    "Bayesian (TPE)": 20,
    "differential evolution": 200,
}


def measure(run, method, seed):
    if method == "Bayesian (TPE)" and installed("optuna") is None:
        raise MissingError("optuna is not installed")
    data, alike = load_group(), method == "grid"
    search = METHODS[method](n_restarts=1, max_iter=MAX_ITER.get(method, 100))
    settings = {"search": search, "verification": Verification(n_finalists=5)}
    maps, signs = (None, None) if alike else (data.maps, (-1, 1))
    return fit_real(run, data, maps, seed, signs=signs, **settings)


def tables(rows):
    return table(
        "search | predicted | verified total, mean (SD): seeds | in range | candidates"
        " | CPU s, with verification",
        [
            f"{method} | {medians(own, 'predicted_cost'):.3f} | {costs(own)} | "
            f"{inside(own)} | {medians(own, 'n_candidates'):.0f} | "
            f"{medians(own, 'fit_cpu_seconds'):.1f}"
            for method, own in each(rows, "method").items()
        ],
    )


if __name__ == "__main__":
    main(measure, tables, seeds=3, method=METHODS)
