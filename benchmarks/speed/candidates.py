"""Time one candidate by the network, by theory and by simulation, in turns on one core.

Costs of candidates that are in range, with all that each gives: expected errors and
odds by the network, FC and FCD of three simulations. 68 regions are the real group,
others a synthetic one.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import resource
import sys
from functools import partial
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import interleaved, load_group, main, make_target, middle, over, span, table
from _worlds import World

from delssome import CMAES, FIC, Acquisition
from delssome.evaluation import Target
from delssome.models import ParameterSpace
from delssome.simulation import SimulationEvaluator
from delssome.surrogate import CircuitSurrogate
from delssome.theory import TheoryEvaluator

REGIONS = ("68", "200", "400", "1000")
# Candidates of a call, fewer of many regions; three simulations of five fill vectors.
SIZES = {"network": 100, "theory": 32, "theory without FCD": 32, "simulation": 16}
FEW = {"network": 16, "theory": 2, "theory without FCD": 4, "simulation": 5}
# A simulation of 1000 regions takes a minute, of which nothing is asked here.
MANY = {"network": 16, "theory": 2, "theory without FCD": 2}


def measure(run, regions):
    torch.set_num_threads(1)
    sizes = {"68": SIZES, "1000": MANY}.get(regions, FEW)
    n_rounds = 2 if run.quick or regions != "68" else 9
    space, target, scan = _group(int(regions))
    evaluators = {
        "network": CircuitSurrogate.load(acquisition=scan),
        "theory": TheoryEvaluator(space.model, scan),
        "theory without FCD": TheoryEvaluator(space.model, scan, n_samples=0),
        "simulation": SimulationEvaluator(space.model, scan),
    }
    evaluators = {name: evaluators[name] for name in sizes}
    rng = np.random.default_rng(0)
    popsize = 10 * sizes["network"] if "simulation" in sizes else 32
    draws = CMAES(popsize=popsize).start(space, rng)
    theta = np.concatenate([draws.ask() for _ in range(3)])
    known = evaluators["network"].evaluate(space.candidates(theta, target.sc), target)
    theta, units = theta[known.in_range], {}
    # Where few are found, the same again: calls of fewer would leave vectors empty.
    theta = np.resize(theta, (max(len(theta), *sizes.values()), theta.shape[1]))

    def evaluate(name, most=None):
        # New ones each time, of which nothing is solved yet.
        candidates = space.candidates(theta[: most or sizes[name]], target.sc)
        return evaluators[name].evaluate(candidates, target, rng)

    contestants = {name: partial(evaluate, name) for name in evaluators}
    with threadpool_limits(1):
        for name in evaluators:
            evaluate(name, 1)  # compiles
        for name, own in interleaved(contestants, n_rounds).items():
            n = sizes[name]
            units[name] = [(1e3 * cpu / n,) for _, cpu in own]
    return {
        "calls": sizes,
        "cpu_ms": {name: middle(own) for name, own in units.items()},
        "simulation_over": {
            name: over(units["simulation"], own, 0)
            for name, own in units.items()
            if "simulation" in units
        },
        # Of this row and those before it, which are smaller.
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _group(n_rois):
    """Give a space, the data of a group and their scan."""
    scan = Acquisition()
    if n_rois == 68:
        data, model = load_group(), FIC(map_signs=(-1, 1))
        return ParameterSpace(model, data.maps), make_target(data.X), scan
    rng = np.random.default_rng(0)
    world = World.draw(n_rois, scan, rng)
    fc = rng.uniform(0.0, 0.5, n_rois * (n_rois - 1) // 2)  # any: times alone count
    return world.space, Target(world.sc, fc, np.linspace(1e-4, 1.0, 10_000)), scan


def _ratio(row, name):
    found = row["simulation_over"].get(name)
    return span(found, ".0f") if found else ""


def tables(rows):
    lines = [
        f"{row['regions']} | {name} | {n} | {span(row['cpu_ms'][name], '.3g')} | "
        f"{_ratio(row, name)} | {row['peak_mib']:.0f}"
        for row in rows
        for name, n in row["calls"].items()
    ]
    return table(
        "regions | one candidate by | in a call of | CPU ms, median [lowest, highest] "
        "| times less than three simulations | peak of the process, MiB",
        lines,
    )


if __name__ == "__main__":
    main(measure, tables, regions=REGIONS)
