"""Look again at winners that fit_speed.py kept: their escapes and expected costs.

Every winner is simulated in 96 single runs; theory (16 samples) and the network say
what they expect of it.

    python benchmarks/winners.py --keep FOLDER --json FILE
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import json
from pathlib import Path

import numpy as np
from real_group import DATA
from search_methods import make_target

import delssome
from delssome import FIC, Acquisition
from delssome.models import ParameterSpace
from delssome.simulation import SimulationEvaluator
from delssome.surrogate import CircuitSurrogate
from delssome.theory import TheoryEvaluator


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    n_runs = 8 if args.quick else 96
    target, maps = make_target(args.data, "train")
    space = ParameterSpace(FIC(), maps, map_signs=(-1, 1))
    theory = TheoryEvaluator(FIC(), Acquisition(), n_samples=16, n_jobs=2)
    network = CircuitSurrogate.load()
    simulator = SimulationEvaluator(FIC(), Acquisition(), n_repeats=1, n_jobs=2)
    report = {"delssome": delssome.__version__, "winners": {}}
    for file in sorted(args.keep.glob("*.json")):
        row = json.loads(file.read_text())
        theta = np.array([[row["params"][name] for name in space.names]])
        params, rng = space.expand(theta), np.random.default_rng(3)
        expected = theory.statistics(params, target.sc, rng)
        runs = simulator.statistics(
            space.expand(np.repeat(theta, n_runs, axis=0)), target.sc, rng
        )
        costs = {
            "theory": theory.costs(expected, target)[0].tolist(),
            "network": network.evaluate(params, target).costs[0].tolist(),
        }
        report["winners"][file.stem] = {
            "verified_cost": row["verified_cost_mean"],
            "runs_out_of_range": float((runs.violation > 0).mean()),
            "theory_odds": float(1.0 - expected.p_in_range[0]),
            "costs": costs,
            "totals": {name: sum(terms) for name, terms in costs.items()},
        }
        print(file.stem, report["winners"][file.stem], flush=True)
    if args.json:
        args.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
