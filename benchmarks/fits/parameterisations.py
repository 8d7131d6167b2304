"""Fit a real group with no map, one map and more: what heterogeneity buys.

Maps as published, and gradients that the FC of the training group itself gives. The
published ablation (Zhang et al. 2024, other SC and subjects): homogeneous 1.81, T1w/T2w
0.84, RSFC gradient 0.71, both 0.58.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import each, load_group, main, table
from real_group import costs, fit_real, inside, terms

from delssome.connectome import group_average
from delssome.observables import fc_gradients

# Columns of the maps (T1w/T2w, RSFC gradient, first and second gradient of the training
# group's own FC), signs of w_EI with them, published cost.
MAPS = {
    "none (homogeneous)": ([], None, 1.81),
    "T1w/T2w": ([0], (-1,), 0.84),
    "RSFC gradient": ([1], (1,), 0.71),
    "T1w/T2w, RSFC gradient": ([0, 1], (-1, 1), 0.58),
    "own gradient": ([2], (1,), None),
    "two own gradients": ([2, 3], (1, 0), None),
    "T1w/T2w, own gradient": ([0, 2], (-1, 1), None),
    "T1w/T2w, two own gradients": ([0, 2, 3], (-1, 1, 0), None),
}


def measure(run, maps, seed):
    data, (columns, signs, _) = load_group(), MAPS[maps]
    own = fc_gradients(group_average(data.X).fc, 2, like=-data.maps[:, 0])
    chosen = np.hstack([data.maps, own])[:, columns] if columns else None
    return fit_real(run, data, chosen, seed, signs=signs)


def tables(rows):
    return table(
        "maps | verified total, mean (SD): seeds | 1 - r / L1 / KS | in range | "
        "published",
        [
            f"{name} | {costs(own)} | {terms(own)} | {inside(own)} | "
            f"{MAPS[name][2] or ''}"
            for name, own in each(rows, "maps").items()
        ],
    )


if __name__ == "__main__":
    main(measure, tables, seeds=3, maps=MAPS)
