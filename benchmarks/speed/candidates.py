"""Time one candidate by the network, by theory and by simulation, in turns on one core.

Costs of candidates of the real group that are in range, with all that each gives:
expected errors and odds by the network, FC and FCD of three simulations.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
from functools import partial
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import interleaved, load_group, main, make_target, middle, over, span, table

from delssome import CMAES, FIC, Acquisition
from delssome.models import ParameterSpace
from delssome.simulation import SimulationEvaluator
from delssome.surrogate import CircuitSurrogate
from delssome.theory import TheoryEvaluator

# Candidates of a call.
SIZES = {"network": 100, "theory": 32, "theory without FCD": 32, "simulation": 16}


def measure(run):
    torch.set_num_threads(1)
    data, model, scan = load_group(), FIC(map_signs=(-1, 1)), Acquisition()
    target, space = make_target(data.X), ParameterSpace(model, data.maps)
    evaluators = {
        "network": CircuitSurrogate.load(acquisition=scan),
        "theory": TheoryEvaluator(model, scan),
        "theory without FCD": TheoryEvaluator(model, scan, n_samples=0),
        "simulation": SimulationEvaluator(model, scan),
    }
    rng = np.random.default_rng(0)
    draws = CMAES(popsize=1000).start(space, rng)
    theta = np.concatenate([draws.ask() for _ in range(3)])
    known = evaluators["network"].evaluate(space.candidates(theta, target.sc), target)
    theta, units = theta[known.in_range], {}

    def evaluate(name):
        # New ones each time, of which nothing is solved yet.
        candidates = space.candidates(theta[: SIZES[name]], target.sc)
        return evaluators[name].evaluate(candidates, target, rng)

    contestants = {name: partial(evaluate, name) for name in evaluators}
    with threadpool_limits(1):
        interleaved(contestants, 1)  # compiles
        for name, own in interleaved(contestants, 2 if run.quick else 9).items():
            n = min(len(theta), SIZES[name])
            units[name] = [(1e3 * cpu / n,) for _, cpu in own]
    return {
        "cpu_ms": {name: middle(own) for name, own in units.items()},
        "simulation_over": {
            name: over(units["simulation"], own, 0) for name, own in units.items()
        },
    }


def tables(rows):
    row = rows[0]
    lines = [
        f"{name} | {n} | {span(row['cpu_ms'][name], '.3f')} | "
        f"{span(row['simulation_over'][name], '.0f')}"
        for name, n in SIZES.items()
    ]
    columns = "one candidate by | in a call of | CPU ms, median [lowest, highest]"
    return table(f"{columns} | times less than three simulations", lines)


if __name__ == "__main__":
    main(measure, tables)
