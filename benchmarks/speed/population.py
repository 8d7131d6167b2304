"""Time PopulationFitter against a loop of fits, in turns, on the same cores."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
from pathlib import Path

import numpy as np
from sklearn.base import clone

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import interleaved, main, over, span, table

from delssome import FIC, PopulationFitter
from delssome.datasets import make_cohort


def measure(run):
    n, n_rois = (2, 16) if run.quick else (8, 68)
    cohort = make_cohort(n, n_rois, n_jobs=run.n_jobs, random_state=0)
    fitter = run.fitter(cohort.maps, model=FIC(map_signs=(-1, 1)), random_state=0)
    population = PopulationFitter(
        clone(fitter).set_params(n_jobs=None), n_jobs=run.n_jobs
    )
    contestants = {
        "PopulationFitter": lambda: clone(population).fit(cohort.X),
        "loop of fits": lambda: [clone(fitter).fit(row[None]) for row in cohort.X],
    }
    clone(population).fit(cohort.X[:2])  # compiles, and starts the workers
    times = interleaved(contestants, 1 if run.quick else 3)
    a_minute = {k: 60 * n / np.median([t[0] for t in own]) for k, own in times.items()}
    ratio = over(times["loop of fits"], times["PopulationFitter"], 0)
    return {"n": n, "subjects_per_minute": a_minute, "loop_over_population": ratio}


def tables(rows):
    row = rows[0]
    lines = [f"{name} | {x:.1f} | " for name, x in row["subjects_per_minute"].items()]
    lines[0] += span(row["loop_over_population"])
    return table(f"{row['n']} subjects | subjects a minute | times faster", lines)


if __name__ == "__main__":
    main(measure, tables)
