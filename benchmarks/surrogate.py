"""Evaluate the shipped weights: accuracy against simulation, and speed.

Connectomes that took no part in training: a real group, if its file is there, and
synthetic ones of other sizes and scans. Candidates and simulations are those of
theory_vs_simulation.py; the noise floor is one evaluation of three simulations against
another.

    python benchmarks/surrogate.py --json FILE --figure FILE
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from real_group import DATA
from sklearn.metrics import precision_recall_curve, roc_auc_score
from theory_vs_simulation import (
    N_REPEATS,
    as_number,
    calibration,
    collect,
    connectome_names,
    correlation,
    simulated_costs,
)
from threadpoolctl import threadpool_limits

import delssome
from delssome import Acquisition
from delssome.costs import COST_NAMES
from delssome.simulation import SimulationEvaluator
from delssome.surrogate import CircuitSurrogate


def compare(surrogate, target, space, found):
    """Compare predictions with simulation on one connectome."""
    params = {name: found[name] for name in space.slices}
    evaluation = surrogate.evaluate(params, target)
    p_out = 1.0 - surrogate.statistics(params, target.sc).p_in_range
    first, second = simulated_costs(target, found)
    out = found["runs_violation"] > 0
    kept = ~out.any(axis=1) & evaluation.in_range
    total = [x.sum(axis=1)[kept] for x in (evaluation.costs, first, second)]
    escaped = out.mean(axis=1) > 0.5
    flagged = ~evaluation.in_range
    # The chance of an out-of-range run, were the share among the others known.
    others = (out.sum(axis=1, keepdims=True) - out) / (out.shape[1] - 1)
    precision, recall, _ = precision_recall_curve(escaped, p_out)
    row = {
        "n_regions": len(target.sc),
        "n_candidates": len(out),
        "n_in_range": int(kept.sum()),
        "total_cost_r": correlation(total[0], total[1]),
        "total_cost_r_noise_floor": correlation(total[1], total[2]),
        "mae": np.abs(total[0] - total[1]).mean(),
        "mae_noise_floor": np.abs(total[1] - total[2]).mean(),
        "mae_over_noise_floor": np.abs(total[0] - total[1]).mean()
        / np.abs(total[1] - total[2]).mean(),
        "bias": (total[0] - (total[1] + total[2]) / 2).mean(),
        "classifier_auroc": roc_auc_score(escaped, p_out),
        "classifier_accuracy": (escaped == flagged).mean(),
        "classifier_recall_at_precision_90": recall[precision >= 0.9].max(),
        "single_run_auroc": roc_auc_score(out.ravel(), np.repeat(p_out, out.shape[1])),
        "single_run_auroc_of_other_runs": roc_auc_score(out.ravel(), others.ravel()),
        "calibration": calibration(p_out, out),
    }
    for k, term in enumerate(COST_NAMES):
        row[f"{term}_mae"] = np.abs(evaluation.costs - first)[kept, k].mean()
        row[f"{term}_mae_noise_floor"] = np.abs(first - second)[kept, k].mean()
    return {name: as_number(value) for name, value in row.items()}, total


def time_both(surrogate, target, space, found, n=100, rounds=9):
    """Time one batch by network and by simulation, on one core, in turns."""
    params = {name: found[name] for name in space.slices}
    inside = np.flatnonzero(surrogate.evaluate(params, target).in_range)[:n]
    params = {name: x[inside] for name, x in params.items()}
    few = {name: x[:16] for name, x in params.items()}
    simulator = SimulationEvaluator(space.model, Acquisition(), n_repeats=N_REPEATS)
    torch.set_num_threads(1)

    def seconds(function, per):
        started = time.process_time()
        function()
        return (time.process_time() - started) / per

    with threadpool_limits(1):
        rng = np.random.default_rng(0)
        simulate = lambda: simulator.evaluate(few, target, rng)  # noqa: E731
        predict = lambda: surrogate.evaluate(params, target)  # noqa: E731
        simulate(), predict()
        network, simulation = [], []
        for _ in range(rounds):
            network.append(min(seconds(predict, len(inside)) for _ in range(5)))
            simulation.append(seconds(simulate, 16))
    ratio = np.array(simulation) / network
    return {
        "n_in_batch": len(inside),
        "network_ms_per_candidate": float(np.median(network) * 1e3),
        "simulation_ms_per_candidate": float(np.median(simulation) * 1e3),
        "speedup_over_simulation": float(np.median(ratio)),
        "speedup_range": [float(ratio.min()), float(ratio.max())],
    }


def draw_figure(totals, file):
    """Draw predicted against simulated total cost, one panel a connectome."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, len(totals), figsize=(3.2 * len(totals), 3.4), layout="constrained"
    )
    for ax, (name, (predicted, simulated, again)) in zip(
        np.atleast_1d(axes), totals.items(), strict=True
    ):
        low = min(predicted.min(), simulated.min()) - 0.05
        high = max(predicted.max(), simulated.max()) + 0.05
        ax.plot([low, high], [low, high], color="0.6", linewidth=1, zorder=0)
        ax.scatter(
            again,
            simulated,
            s=9,
            color="0.65",
            marker="x",
            linewidth=0.8,
            label="simulated again",
        )
        ax.scatter(predicted, simulated, s=9, color="C0", label="network")
        ax.set(title=name, xlabel="predicted total cost", xlim=(low, high))
        ax.set_ylim(low, high)
    axes = np.atleast_1d(axes)
    axes[0].set_ylabel("simulated total cost (3 repeats)")
    axes[0].legend(frameon=False, loc="upper left")
    figure.savefig(file, dpi=150)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--weights", type=Path, help="folder; default: as shipped")
    parser.add_argument("--cache", type=Path, help="folder that keeps simulations")
    parser.add_argument("--only", nargs="+", help="connectomes, by their names")
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    names = connectome_names(args)
    source = {} if args.weights is None else {"folder": args.weights}

    report = {"delssome": delssome.__version__, "connectomes": {}}
    totals = {}
    for name in names:
        target, space, scan, found = collect(name, args)
        surrogate = CircuitSurrogate.load(**source, acquisition=scan)
        row, totals[name] = compare(surrogate, target, space, found)
        report["connectomes"][name] = row
        print(f"{name}:")
        for key, value in row.items():
            print(f"  {key}: {round(value, 4) if isinstance(value, float) else value}")
        if name == names[0]:
            report |= time_both(surrogate, target, space, found)
    first = report["connectomes"][names[0]]
    for key in ("classifier_auroc", "classifier_recall_at_precision_90"):
        report[key] = first[key]
    report["total_cost_r_in_range"] = first["total_cost_r"]
    report["mae_over_noise_floor"] = first["mae_over_noise_floor"]
    for key, name in (("100_regions", "100"), ("pnc", "short scan")):
        other = report["connectomes"].get(name, {})
        report[f"zero_shot_{key}_mae_over_noise_floor"] = other.get(
            "mae_over_noise_floor"
        )
    for key in ("n_simulations", "n_examples"):
        report[key] = surrogate.card_.get(key)
    for key, value in report.items():
        if key != "connectomes":
            print(f"{key}: {value}")
    if args.figure:
        draw_figure(totals, args.figure)
    if args.json:
        args.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
