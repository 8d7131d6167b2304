"""Where FC and FCD meet: fits by costs weighted from one to the other.

A weight w counts the terms of FC 2 w times and that of FCD 2 (1 - w) times: at 0.5 that
is the total cost. The real group is fitted so, with departures from the maps and by the
maps alone. Of the finalists the lowest by the same weights is simulated afresh against
the validation group, which took no part. The noise floor is what evaluations of one
candidate (three simulations each) differ by from the mean of the others.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import Clock, each, load_group, main, make_target, number, table

from delssome import CMAES
from delssome.costs import COST_NAMES, cost_terms
from delssome.plotting.style import ACCENT, DARK, GREY, PALE, SINGLE, new_axes, styled
from delssome.simulation import SimulationEvaluator
from delssome.surrogate import CircuitSurrogate

MAPS, FREE = "maps", "departures"
WEIGHTS = ("0.02", "0.1", "0.3", "0.5", "0.7", "0.9", "0.98")
DEFAULT, N_EVALUATIONS = "0.5", 5
DEPARTURE = 0.1


class Weighted(CircuitSurrogate):
    """The shipped network, where terms of the cost have weights."""

    weights = (1.0, 1.0, 1.0)

    def evaluate(self, candidates, target, rng=None):
        """Weight the terms."""
        found = super().evaluate(candidates, target, rng)
        return found._replace(costs=found.costs * self.weights)

    def slopes(self, model, target):
        """Weight the terms, of which the slopes are made."""
        loss = super().slopes(model, target)
        loss.weights = self.weights
        return loss


def measure(run, fit, weight, seed):
    data, w = load_group(), float(weight)
    network = Weighted.load()
    network.weights = 2.0 * w, 2.0 * w, 2.0 * (1.0 - w)
    # For maps two searches in place of five, and fewer finalists, to save time.
    fitter = run.fitter(
        data.maps,
        network,
        departure=DEPARTURE if fit == FREE else 0.0,
        search=CMAES(n_restarts=6 if fit == FREE else 2),
        random_state=seed,
    )
    fitter.set_params(verification__n_finalists=6)
    with Clock() as clock:
        fitter.fit(data.X)
    finalists = fitter.verification_
    costs = np.array([finalists[f"simulated_{name}"] for name in COST_NAMES])
    weighted = np.where(finalists.in_range, network.weights @ costs, np.inf)
    target = make_target(data.X_validation)
    simulator = SimulationEvaluator(
        fitter.model_, fitter.acquisition_, fitter.simulator_, n_jobs=run.n_jobs
    )
    for best in weighted.argsort():  # as of every fit: one that leaves gives way
        theta = np.repeat(finalists.theta[[best]], N_EVALUATIONS, axis=0)
        candidates = fitter.space_.candidates(theta, target.sc)
        found = simulator.statistics(candidates, np.random.default_rng(seed))
        evaluation = found.compare(target)
        if evaluation.in_range.all():
            break
    predicted = [finalists[f"predicted_{name}"][best] for name in COST_NAMES]
    return {
        "fit_cpu_seconds": clock.cpu,
        "terms": evaluation.costs.mean(axis=0),
        "predicted": np.array(predicted) / network.weights,
        "in_range": evaluation.in_range.all(),
        "floor": noise_floor(found),
    }


def noise_floor(found):
    """Give the terms of every evaluation against the mean of the others."""
    own = []
    for k in range(len(found.fc)):
        fc, cdf = (
            np.delete(x, k, axis=0).mean(axis=0) for x in (found.fc, found.fcd_cdf)
        )
        own.append(cost_terms(found.fc[k], found.fcd_cdf[k], fc, cdf))
    return np.mean(own, axis=0)


def middles(rows):
    """Give {fit: {weight: median terms over seeds}}."""
    return {
        fit: {
            weight: np.median([row["terms"] for row in some], axis=0)
            for weight, some in each(own, "weight").items()
        }
        for fit, own in each(rows, "fit").items()
    }


def floor(rows):
    """Give the noise floor of total-cost fits; of all, if there are none."""
    default = [row["floor"] for row in rows if row["weight"] == DEFAULT]
    return np.median(default or [row["floor"] for row in rows], axis=0)


def tables(rows):
    lines = []
    for fit, by_weight in middles(rows).items():
        for weight, (pattern, mean, fcd) in by_weight.items():
            own = [r for r in rows if (r["fit"], r["weight"]) == (fit, weight)]
            spread = np.ptp([row["terms"] for row in own], axis=0)
            stay = sum(row["in_range"] for row in own)
            said = [row["predicted"][2] for row in own if "predicted" in row]
            said = number(np.median(said) if said else None)
            lines.append(
                f"{fit} | {weight} | {pattern:.3f} ({spread[0]:.3f}) | {mean:.3f} | "
                f"{fcd:.3f} ({spread[2]:.3f}) | {said} | {pattern + mean + fcd:.3f} | "
                f"{stay} of {len(own)}"
            )
    pattern, mean, fcd = floor(rows)
    lines.append(f"noise floor | | {pattern:.3f} | {mean:.3f} | {fcd:.3f} | | | ")
    columns = "fit | weight of FC | 1 - r (range over seeds) | mean FC | FCD (range)"
    columns += " | FCD by the network"
    return table(f"{columns} | sum | in range", lines)


def summary(rows):
    found = {"floor": floor(rows)}
    for fit, by_weight in middles(rows).items():
        found[f"front_{fit}"] = by_weight
    return found


@styled
def figure(rows):
    """Draw the distance of FCD over that of FC's pattern."""
    axes = new_axes(SINGLE, 2.8)
    pattern, _, fcd = floor(rows)
    axes.axvspan(0.0, pattern, color=PALE, lw=0)
    axes.axhspan(0.0, fcd, color=PALE, lw=0)
    for (fit, by_weight), colour in zip(
        middles(rows).items(), (ACCENT, DARK), strict=False
    ):
        own = np.array([row["terms"] for row in rows if row["fit"] == fit])
        axes.plot(own[:, 0], own[:, 2], ".", ms=3, alpha=0.4, mew=0, c=colour)
        ends = np.array([by_weight[weight] for weight in sorted(by_weight, key=float)])
        axes.plot(ends[:, 0], ends[:, 2], "o-", ms=3, c=colour, label=fit)
        for weight in sorted({WEIGHTS[0], WEIGHTS[-1]} & by_weight.keys()):
            x, _, y = by_weight[weight]
            text = {"textcoords": "offset points", "c": colour, "fontsize": 6}
            axes.annotate(weight, (x, y), (4, 3), **text)
        if DEFAULT in by_weight:
            x, _, y = by_weight[DEFAULT]
            axes.plot(x, y, "o", mfc="none", mec=GREY, ms=9)
            if fit == FREE:
                axes.annotate("0.5: total cost", (x, y), (7, -10), **text)
    axes.text(0.02, 0.02, "noise of an evaluation", c=GREY, fontsize=6)
    axes.set(xlabel="1 - r of FC", ylabel="distance of FCD (KS)", xlim=0.0, ylim=0.0)
    axes.legend()
    return axes.figure


if __name__ == "__main__":
    axes = {"fit": (FREE, MAPS), "weight": WEIGHTS}
    main(measure, tables, summary=summary, figure=figure, seeds=3, **axes)
