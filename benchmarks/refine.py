"""Fit connectomes unlike any of the network's corpus: warn, refine, simulate.

Three connectomes: dense with even weights, a few hubs that others connect to alone,
and two halves without a connection. Data are a scan simulated with known parameters,
so that their own cost is what a perfect search reaches. Winners are evaluated five
times. The *spoiled* network has noise on its weights: one that is wrong.

    python benchmarks/refine.py --json FILE
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
import torch

import delssome
from delssome import FIC, Acquisition, MeanFieldFitter, pack_subjects
from delssome.connectome import edges_to_matrix, matrix_to_edges, prepare_sc
from delssome.costs import Target, cost_terms
from delssome.exceptions import OutOfRangeWarning, SurrogateDomainWarning
from delssome.models import ParameterSpace
from delssome.simulation import SimulationEvaluator
from delssome.surrogate import CircuitSurrogate
from delssome.theory import TheoryEvaluator

N_ROIS, N_EVALUATIONS = 40, 5


def dense(rng):
    weights = rng.uniform(0.5, 1.0, (N_ROIS, N_ROIS))
    return np.triu(weights, 1) + np.triu(weights, 1).T


def hubs(rng):
    weights = np.zeros((N_ROIS, N_ROIS))
    weights[:, :3] = rng.uniform(0.3, 1.0, (N_ROIS, 3))
    weights = np.maximum(weights, weights.T)
    np.fill_diagonal(weights, 0.0)
    return weights


def halves(rng):
    weights = rng.uniform(0.3, 1.0, (N_ROIS, N_ROIS))
    half = N_ROIS // 2
    weights[:half, half:] = 0.0
    return np.triu(weights, 1) + np.triu(weights, 1).T


CONNECTOMES = {"dense": dense, "hubs": hubs, "halves": halves}


def make_data(kind, scan):
    """Give packed data and maps: a scan at parameters with a mean FC of about 0.3."""
    rng = np.random.default_rng(1)
    weights = CONNECTOMES[kind](rng)
    sc = prepare_sc(weights, transform=None)
    maps = rng.standard_normal((N_ROIS, 2))
    space = ParameterSpace(FIC(), maps)
    theta = np.array([2.6, 0.2, -0.2, 2.4, 0.1, 0.3, 0.0, 0.005, -0.001, 0.001])
    candidates = np.repeat(theta[None], 900, axis=0)
    G, w_EE = np.meshgrid(np.linspace(0.1, 3.0, 30), np.linspace(2.0, 4.0, 30))
    candidates[:, 6], candidates[:, 0] = G.ravel(), w_EE.ravel()
    theory = TheoryEvaluator(FIC(), scan, n_samples=0, n_jobs=2)
    expected = theory.statistics(space.expand(candidates), sc, rng)
    far = np.abs(expected.fc.mean(axis=1) - 0.3)
    theta = candidates[np.argmin(np.where(expected.violation == 0, far, np.inf))]
    simulator = SimulationEvaluator(FIC(), scan, n_repeats=1)
    found = simulator.statistics(space.expand(theta[None]), sc, rng)
    X = pack_subjects(weights, edges_to_matrix(found.fc[0], 1.0), found.fcd_cdf[0])
    return X, maps, space, theta


def spoiled(scan):
    """Give the shipped network with noise on its weights."""
    surrogate = CircuitSurrogate.load(acquisition=scan)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for head in (surrogate.net_.correct, surrogate.net_.fcd):
            weight = head[-1].weight
            noise = torch.randn(weight.shape, generator=generator)
            weight += 0.5 * weight.std() * noise
    return surrogate


def evaluate(space, theta, target, scan):
    """Simulate parameters afresh, several times: total costs."""
    simulator = SimulationEvaluator(FIC(), scan, n_repeats=3, n_jobs=2)
    params = space.expand(np.repeat(theta[None], N_EVALUATIONS, axis=0))
    found = simulator.statistics(params, target.sc, np.random.default_rng(99))
    return cost_terms(found.fc, found.fcd_cdf, target.fc, target.fcd_cdf).sum(axis=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=CONNECTOMES)
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    scan = Acquisition(n_frames=600)
    # One search each, so that the budgets are those of the search by simulation.
    search = {"popsize": 50, "max_iter": 60, "n_finalists": 10, "n_restarts": 1}
    if args.quick:
        search |= {"popsize": 8, "max_iter": 2, "n_finalists": 2, "refine_budget": 8}
    fits = {
        "deep": {"n_closing": 20},
        "deep, refine": {"n_closing": 20, "on_disagreement": "refine"},
        "network alone": {"n_closing": 0},
        "network alone, refine": {"n_closing": 0, "on_disagreement": "refine"},
        "spoiled": {"surrogate": spoiled(scan)},
        "spoiled, refine": {
            "surrogate": spoiled(scan),
            "on_disagreement": "refine",
        },
        "simulation": {"surrogate": None, "n_search_repeats": 1},
    }
    report = {"delssome": delssome.__version__}
    for kind in args.only or CONNECTOMES:
        X, maps, space, theta = make_data(kind, scan)
        rows = report[kind] = {}
        for name, settings in fits.items():
            started = time.process_time()
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", SurrogateDomainWarning)
                warnings.simplefilter("ignore", OutOfRangeWarning)
                fitter = MeanFieldFitter(
                    maps,
                    sc_transform=None,
                    acquisition=scan,
                    n_jobs=2,
                    random_state=0,
                    **{**search, **settings},
                ).fit(X)
            seconds = time.process_time() - started
            fc = matrix_to_edges(fitter.fc_)
            target = Target(fitter.sc_, fc, fitter.fcd_cdf_)
            cost = evaluate(space, fitter.params_, target, scan)
            table = fitter.verification_
            first = table.stage == 0
            gap = (table.simulated_total - table.predicted_total)[first]
            rows[name] = {
                "cost": cost.mean(),
                "cost_sd": cost.std(ddof=1),
                "in_range": fitter.in_range_,
                "stages": int(table.stage[-1]) + 1,
                "first_gap": float(np.median(gap)),
                "warnings": [str(w.message)[:200] for w in caught],
                "cpu_seconds": seconds,
            }
            print(kind, name, rows[name], flush=True)
        own = evaluate(space, theta, target, scan)
        rows["truth"] = {"cost": own.mean(), "cost_sd": own.std(ddof=1)}
        print(kind, "truth", rows["truth"], flush=True)
    if args.json:
        args.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
