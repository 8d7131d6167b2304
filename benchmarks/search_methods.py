"""Search a real group with what the field uses, on one evaluator and budget.

The shipped network scores all candidates. The best five of every search are simulated
against the validation group; the best of these is simulated eight times again. A
grid in ten dimensions has no feasible point: it searches the homogeneous model, as it
is used.

    python benchmarks/search_methods.py --json FILE --figure FILE
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import json
import time
from pathlib import Path

import numpy as np
from real_group import DATA, load_group

import delssome
from delssome import FIC, Acquisition
from delssome.connectome import matrix_to_edges, prepare_sc, unpack_subjects
from delssome.costs import Target
from delssome.models import ParameterSpace
from delssome.search import BASELINES, CMAES
from delssome.simulation import SimulationEvaluator, compare
from delssome.surrogate import CircuitSurrogate

METHODS = {"CMA-ES": CMAES, **BASELINES}
# Candidates that Bayesian optimisation gets at most: what it takes to propose one
# grows with the number before.
SLOW = {"Bayesian (TPE)": 2000}
N_FINALISTS = 5


def make_target(folder, group, sc=None):
    X, maps = load_group(folder, group)
    data = unpack_subjects(X)
    sc = prepare_sc(data.sc[0]) if sc is None else sc
    return Target(sc, matrix_to_edges(data.fc[0]), data.fcd_cdf[0]), maps


def search(method, space, evaluator, target, budget, seed):
    """Give best fitness after every batch, with evaluations and CPU seconds."""
    started = time.process_time()
    options = {"budget": budget} if method == "grid" else {}
    optimiser = METHODS[method](
        space, popsize=100, rng=np.random.default_rng(seed), **options
    )
    n, best, curve, found = 0, np.inf, [], []
    while n < budget:
        theta = optimiser.ask()
        fitness = evaluator.evaluate(space.expand(theta), target).fitness
        optimiser.tell(fitness)
        n, best = n + len(theta), min(best, fitness.min())
        curve.append((n, time.process_time() - started, best))
        found += [(fitness[k], theta[k]) for k in np.argsort(fitness)[:N_FINALISTS]]
        if getattr(optimiser, "converged", False):
            break
    found.sort(key=lambda pair: pair[0])
    return np.array(curve), np.array([theta for _, theta in found[:N_FINALISTS]])


def verify(space, simulator, target, theta, rng):
    """Simulate finalists, and the best of them eight times again."""
    first = simulator.evaluate(space.expand(theta), target, rng)
    winner = np.argmin(first.fitness)
    params = space.expand(theta[[winner] * 8])
    again = compare(simulator.statistics(params, target.sc, rng), target)
    return float(again.total.mean()), bool(again.in_range.all())


def draw(curves, file):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, 2, figsize=(9.5, 3.9), sharey=True, layout="constrained"
    )
    styles = ["-", (0, (1, 1)), "--", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (6, 2))]
    for k, (method, runs) in enumerate(curves.items()):
        for column, ax in enumerate(axes):
            for number, curve in enumerate(runs):
                usable = curve[:, 2] < 3
                ax.plot(
                    curve[usable, column],
                    curve[usable, 2],
                    color=f"C{k}",
                    linestyle=styles[k],
                    linewidth=1.3,
                    label=method if number == 0 else None,
                )
    axes[0].set(xlabel="candidates evaluated", ylabel="lowest predicted total cost")
    axes[1].set(xlabel="CPU seconds", xscale="log")
    axes[0].set(xscale="log")
    figure.legend(
        *axes[0].get_legend_handles_labels(),
        loc="outside upper center",
        ncols=len(curves),
        frameon=False,
    )
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=150)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--only", nargs="+", choices=METHODS, default=[*METHODS])
    parser.add_argument("--budget", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    budget, n_seeds = (300, 1) if args.quick else (args.budget, args.seeds)
    target, maps = make_target(args.data, "train")
    validation, _ = make_target(args.data, "vali", target.sc)
    surrogate = CircuitSurrogate.load()
    simulator = SimulationEvaluator(FIC(), Acquisition(), n_repeats=3, n_jobs=2)
    report, curves = {"delssome": delssome.__version__, "methods": {}}, {}
    for method in args.only:
        if method == "grid":
            space = ParameterSpace(FIC(), np.empty((len(maps), 0)))
        else:
            space = ParameterSpace(FIC(), maps, map_signs=(-1, 1))
        curves[method], rows = [], []
        search(method, space, surrogate, target, 100, 0)  # compiles, loads libraries
        for seed in range(n_seeds):
            curve, theta = search(
                method,
                space,
                surrogate,
                target,
                min(budget, SLOW.get(method, budget)),
                seed,
            )
            rng = np.random.default_rng(1000 + seed)
            total, inside = verify(space, simulator, validation, theta, rng)
            rows.append((curve[-1, 2], total, inside, *curve[-1, :2]))
            curves[method].append(curve)
        predicted, verified, inside, n, seconds = np.array(rows, dtype=float).T
        report["methods"][method] = {
            "predicted_cost_mean": predicted.mean(),
            "verified_cost_mean": verified.mean(),
            "verified_costs": verified.tolist(),
            "in_range": inside.tolist(),
            "n_evaluations": n.mean(),
            "cpu_seconds": seconds.mean(),
        }
        print(method, report["methods"][method], flush=True)
    if args.figure:
        draw(curves, args.figure)
    if args.json:
        args.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
