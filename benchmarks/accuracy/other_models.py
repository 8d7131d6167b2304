"""Models other than FIC: theory against simulation, and simulation against itself.

On a synthetic group of 68 regions, candidates of each model come from a search by
theory and from wide draws, as searches start with; each is simulated six times, in two
evaluations of three, whose difference is the floor (as evaluators.py).
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
import time
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import across, correlation, each, main, make_target, number
from evaluators import N_REPEATS, simulate_twice

from delssome import CMAES, FIC, MFM, Acquisition, Simulator
from delssome.costs import COST_NAMES
from delssome.datasets import make_cohort
from delssome.models import Hopf, Linear, ParameterSpace, WilsonCowan
from delssome.simulation import SimulationEvaluator
from delssome.theory import TheoryEvaluator, reason_against_reduction

MODELS = {kind.__name__: kind for kind in (Hopf, Linear, MFM, WilsonCowan, FIC)}
# Generations of the search, of so many; candidates near its end, and wide ones.
SEARCH, QUICK, POPSIZE = (15, 12, 12), (2, 3, 3), 16


def measure(run, model):
    model, rng = MODELS[model](), np.random.default_rng(11)
    scan = Acquisition().for_model(model)
    if run.quick:
        scan = Acquisition(n_frames=120, window=20, burn_in=15.0).for_model(model)
    cohort = make_cohort(4, 12 if run.quick else 68, random_state=7)
    target, space = make_target(cohort.X), ParameterSpace(model, cohort.maps)
    theory = TheoryEvaluator(model, scan, n_repeats=N_REPEATS, n_jobs=run.n_jobs)
    theta = draw(space, target, theory, QUICK if run.quick else SEARCH, rng)
    simulator = SimulationEvaluator(
        model, scan, Simulator(n_repeats=1), n_jobs=run.n_jobs
    )
    runs, fc, _, simulated, out = simulate_twice(simulator, space, theta, target, rng)
    candidates = space.candidates(theta, target.sc)
    cpu = time.process_time()
    found = theory.statistics(candidates, np.random.default_rng(3))
    cpu = time.process_time() - cpu
    kept = ~out.any(axis=1) & (found.violation == 0)
    costs, one, two = (
        x[kept] for x in (found.compare(target, N_REPEATS).costs, *simulated)
    )
    totals = [x.sum(axis=1) for x in (costs, one, two)]
    row = {
        "form": reason_against_reduction(model) or "symmetric",
        "n_candidates": len(theta),
        "n_in_range": int(kept.sum()),
        "n_missed": int((~out.any(axis=1) & ~kept).sum()),
        "cpu_ms": 1000.0 * cpu / len(theta),
        "totals": [float(np.min(totals[1])), float(np.max(totals[1]))],
        "mae": np.abs(totals[0] - totals[1]).mean(),
        "mae_floor": np.abs(totals[1] - totals[2]).mean(),
        "r": correlation(totals[0], totals[1]),
        "r_floor": correlation(totals[1], totals[2]),
    }
    for k, term in enumerate(COST_NAMES):
        row[term] = np.abs(costs - one)[:, k].mean()
        row[f"{term}_floor"] = np.abs(one - two)[:, k].mean()
    # Expected FC has no noise, simulated FC has.
    row["fc"] = rms(found.fc[kept] - fc[kept, 0])
    row["fc_floor"] = rms(fc[kept, 1] - fc[kept, 0])
    readout = runs.readout.reshape(len(theta), 2, N_REPEATS, -1).mean(axis=2)[kept]
    own = found.readout[kept]
    row["readout"] = np.abs(own / readout[:, 0] - 1.0).mean()
    row["readout_floor"] = np.abs(readout[:, 1] / readout[:, 0] - 1.0).mean()
    each_one = np.abs(totals[0] - (totals[1] + totals[2]) / 2)
    return row | {"errors": np.round(each_one, 3), "points": np.round(totals, 4)}


def rms(x):
    return np.sqrt((x**2).mean(axis=1)).mean()


def draw(space, target, theory, sizes, rng):
    """Take candidates from a search by theory, and as one starts."""
    n_generations, n_near, n_wide = sizes
    search, seen = CMAES(popsize=POPSIZE).start(space, rng), []
    for _ in range(n_generations):
        theta = search.ask()
        candidates = space.candidates(theta, target.sc)
        evaluation = theory.evaluate(candidates, target, rng.spawn(1)[0])
        search.tell(evaluation.fitness)
        seen.append(theta[evaluation.in_range])
    near = np.concatenate(seen)[-4 * n_near :]
    near = near[rng.permutation(len(near))[:n_near]]
    wide = CMAES(popsize=20 * n_wide).start(space, rng).ask()
    settled = theory.statistics(space.candidates(wide, target.sc), rng).violation == 0
    return np.concatenate([near, wide[settled][:n_wide]])


def tables(rows):
    def beside(key, form=".3f"):
        return lambda own: (
            f"{number(own[0][key], form)} ({number(own[0][f'{key}_floor'], form)})"
        )

    def over(key):
        return lambda own: f"{own[0][key] / own[0][f'{key}_floor']:.2f}"

    lines = {
        "candidates in range": lambda own: f"{own[0]['n_in_range']}",
        "total cost, absolute difference (floor)": beside("mae"),
        "over the floor": over("mae"),
        "total cost: r with simulation (floor)": beside("r"),
        **{f"{term} term": beside(term) for term in COST_NAMES},
        "FC, RMS over edges": beside("fc"),
        "readout, relative": beside("readout", ".4f"),
        "theory, CPU ms a candidate": lambda own: f"{own[0]['cpu_ms']:.0f}",
    }
    return across(each(rows, "model"), lines)


def summary(rows):
    return {
        f"theory_mae_over_noise_floor_{row['model']}": row["mae"] / row["mae_floor"]
        for row in rows
    } | {f"theory_cpu_ms_{row['model']}": row["cpu_ms"] for row in rows}


if __name__ == "__main__":
    main(measure, tables, summary=summary, model=MODELS)
