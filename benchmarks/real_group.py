"""Fit a real group connectome and report the verified cost on a held-out group.

Searches on the training group, chooses among the finalists on it, and simulates the
winner against the validation group: three repeats, evaluated five times.

    python benchmarks/real_group.py --surrogate none --json FILE
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import json
import os
import platform
import time
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

import delssome
from delssome import FIC, Acquisition, MeanFieldFitter, pack_subjects
from delssome.connectome import matrix_to_edges, prepare_sc, unpack_subjects
from delssome.costs import COST_NAMES, Target, cost_terms
from delssome.models import ParameterSpace
from delssome.search import CMAES
from delssome.simulation import SimulationEvaluator
from delssome.surrogate import (
    CostPredictor,
    DeepSurrogate,
    WithinRangeClassifier,
    simulate_corpus,
)

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "desikan68"
N_EVALUATIONS = 5


def load_group(folder, group):
    """Pack one group of the desikan68 file; the last counts make the CDF."""
    data = np.load(folder / "desikan68_group_trainvali.npz")
    counts = data[f"fcd_cumcount_{group}"].astype(float)
    X = pack_subjects(data[f"sc_{group}"], data[f"fc_{group}"], counts / counts[-1])
    maps = np.column_stack([data["myelin"], data["rsfc_gradient"]])
    return X, maps


def evaluate(fitter, X):
    """Give the simulated cost terms against one group, several times over."""
    target = unpack_subjects(X, fitter.n_fcd_bins)
    n_edges = matrix_to_edges(target.fc).shape[1]
    terms = []
    for seed in range(N_EVALUATIONS):
        simulated = fitter.set_params(random_state=10_000 + seed).predict(X)
        terms.append(
            cost_terms(
                simulated[:, :n_edges],
                simulated[:, n_edges:],
                matrix_to_edges(target.fc),
                target.fcd_cdf,
            )[0]
        )
    return np.array(terms)


def train_surrogate(X, maps, budget, n_jobs, seed):
    """Simulate a corpus on the training group's connectome and train on it.

    Half of the candidates are spread over the box, the others come from CMA-ES
    trajectories, as published. Every simulation is scored against the training group
    and, to teach the network that targets differ, against simulated candidates.
    """
    group = unpack_subjects(X)
    target = Target(
        prepare_sc(group.sc[0]), matrix_to_edges(group.fc[0]), group.fcd_cdf[0]
    )
    space = ParameterSpace(FIC(), maps, map_signs=(-1, 1))
    simulator = SimulationEvaluator(FIC(), Acquisition(), n_repeats=1, n_jobs=n_jobs)
    rng = np.random.default_rng(seed + 1)
    size = budget["corpus"]
    started = time.perf_counter(), cpu_seconds()

    spread = CMAES(space, popsize=size // 2, sigma0=0.4, rng=rng).ask()
    params = space.expand(spread)
    statistics = simulator.statistics(
        {name: values[:64] for name, values in params.items()}, target.sc, rng
    )
    usable = np.flatnonzero(statistics.violation == 0)[:3]
    fc = np.vstack([target.fc, statistics.fc[usable]])
    cdf = np.vstack([target.fcd_cdf, statistics.fcd_cdf[usable]])

    def simulate(params):
        return simulate_corpus(
            simulator,
            params,
            target.sc[None],
            fc,
            cdf,
            random_state=int(rng.integers(2**31)),
        )

    corpus = simulate(params)
    popsize = 48
    n_generations = max(1, size // 4 // popsize)
    for _ in range(2):
        search = CMAES(space, popsize=popsize, rng=rng)
        for _ in range(n_generations):
            part = simulate(space.expand(search.ask()))
            outside = np.where(part.in_range, 0.0, 10.0)
            search.tell(part.costs[:, 0].sum(axis=1) + outside)
            corpus = corpus + part
    held_out = simulate(space.expand(CMAES(space, popsize=256, rng=rng).ask()))
    simulated = time.perf_counter(), cpu_seconds()
    surrogate = DeepSurrogate(
        WithinRangeClassifier(**budget["network"]),
        CostPredictor(**budget["network"]),
        random_state=seed,
    ).fit(corpus)
    trained = time.perf_counter(), cpu_seconds()
    X, in_range, contexts = held_out.range_examples()
    p = surrogate.classifier_.predict_proba(X, contexts=contexts)[:, 1]
    X, costs, contexts = held_out.cost_examples()
    return surrogate, {
        "corpus_simulations": len(corpus.params),
        "held_out_auroc": roc_auc_score(in_range, p),
        "held_out_cost_r": surrogate.predictor_.score(X, costs, contexts=contexts),
        "held_out_in_range": int(in_range.sum()),
        "corpus_share_in_range": corpus.in_range.mean(),
        "corpus_wall_seconds": simulated[0] - started[0],
        "corpus_cpu_seconds": simulated[1] - started[1],
        "training_wall_seconds": trained[0] - simulated[0],
        "training_cpu_seconds": trained[1] - simulated[1],
    }


def cpu_seconds():
    """User and system time of this process and of the children it has waited for."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def run(surrogate, X, X_validation, maps, budget, n_jobs, seed):
    """Fit once and give the row of the report."""
    wall, cpu = time.perf_counter(), cpu_seconds()
    setup = {}
    estimator = None if surrogate == "none" else surrogate
    if surrogate == "published":
        estimator, setup = train_surrogate(X, maps, budget, n_jobs, seed)
    fitter = MeanFieldFitter(
        maps,
        estimator,
        map_signs=(-1, 1),
        n_jobs=n_jobs,
        verbose=1,
        random_state=seed,
        **budget["fit"],
    ).fit(X)
    stop_workers()
    wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    terms = evaluate(fitter, X_validation)
    totals = terms.sum(axis=1)
    # The published protocol keeps the connectome of the training group throughout.
    n_edges = fitter.n_rois_ * (fitter.n_rois_ - 1) // 2
    X_protocol = X_validation.copy()
    X_protocol[:, :n_edges] = X[:, :n_edges]
    protocol = evaluate(fitter, X_protocol).sum(axis=1)
    return {
        "verified_cost_mean": totals.mean(),
        "verified_cost_sd": totals.std(ddof=1),
        **{f"verified_{n}": m for n, m in zip(COST_NAMES, terms.mean(0), strict=True)},
        "verified_cost_training_sc": protocol.mean(),
        "training_group_cost": fitter.cost_,
        "in_range": fitter.in_range_,
        "rate_min_hz": fitter.rates_.min(),
        "rate_max_hz": fitter.rates_.max(),
        "ei_ratio_mean": fitter.ei_ratio_.mean(),
        "finalists_in_range": int(fitter.verification_.in_range.sum()),
        "n_evaluations": int(fitter.history_.n_evaluations[-1]),
        "wall_seconds": wall,
        "cpu_seconds": cpu,
        "params": dict(zip(fitter.param_names_, fitter.params_, strict=True)),
        **setup,
    }


def stop_workers():
    """End joblib's processes, so that their CPU time is counted."""
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--surrogate",
        nargs="+",
        default=["none"],
        choices=["none", "linear", "deep", "published"],
    )
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--popsize", type=int, default=32)
    parser.add_argument("--max-iter", type=int, default=50)
    parser.add_argument("--n-repeats", type=int, default=1)
    parser.add_argument("--n-restarts", type=int, default=1)
    parser.add_argument("--backend", default="auto", choices=["auto", "fused", "torch"])
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--corpus", type=int, default=2400, help="simulations")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()

    X, maps = load_group(args.data, "train")
    X_validation, _ = load_group(args.data, "vali")
    budget = {
        "fit": {
            "popsize": args.popsize,
            "max_iter": 2 if args.quick else args.max_iter,
            "n_search_repeats": args.n_repeats,
            "n_restarts": args.n_restarts,
            "backend": args.backend,
            "n_finalists": 4 if args.quick else 20,
        },
        "corpus": 200 if args.quick else args.corpus,
        # Smaller than the published networks, but more passes over a far smaller
        # corpus: minutes of training on a CPU.
        "network": {
            "d_model": 32,
            "n_layers": 2,
            "n_heads": 4,
            "batch_size": 64,
            "max_epochs": 2 if args.quick else 60,
        },
    }
    report = {
        "delssome": delssome.__version__,
        "machine": platform.processor() or platform.machine(),
        "n_jobs": args.n_jobs,
        "seed": args.seed,
        "budget": budget,
    }
    for surrogate in args.surrogate:
        # A surrogate costs little to ask: it gets the published number of candidates.
        if surrogate == "published" and not args.quick:
            budget["fit"] |= {"popsize": 100, "max_iter": 100}
        report[surrogate] = run(
            surrogate, X, X_validation, maps, budget, args.n_jobs, args.seed
        )
        row = report[surrogate]
        print(
            f"surrogate={surrogate}: verified total {row['verified_cost_mean']:.3f} "
            f"(SD {row['verified_cost_sd']:.3f}) on the validation group, "
            f"{row['wall_seconds']:.0f} s wall, {row['cpu_seconds']:.0f} s CPU"
        )
    if args.json:
        args.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
