"""Compare the predicted noise of FC with that of simulated scans, by its eigenmodes.

One candidate of the prior on each connectome, with some FC. Its scans are projected on
the modes of the predicted covariance: the ratio is predicted over simulated variance,
averaged over a tenth of the modes, from the weakest to the strongest.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import load_group, main, table
from _worlds import World, simulate_in_range

from delssome import FIC, Acquisition
from delssome.connectome import group_average
from delssome.models import ParameterSpace
from delssome.observables import fc_edges
from delssome.theory import fc_covariance

CONNECTOMES = {"40 regions": 40, "68 regions": 68, "100 regions": 100, "real group": 68}
SCANS = {
    "0.72 s x 1200": Acquisition(),
    "2 s x 200": Acquisition(tr=2.0, n_frames=200),
    "3 s x 150": Acquisition(tr=3.0, n_frames=150),
}
# Scans side by side, batches of them; least mean FC of a candidate.
BATCH, N_BATCHES, LEAST_FC = 50, 6, 0.1


def make_world(run, connectome, scan, rng):
    if connectome != "real group":
        n_rois = CONNECTOMES[connectome]
        return World.draw(min(n_rois, 16) if run.quick else n_rois, scan, rng)
    data = load_group()
    space = ParameterSpace(FIC(map_signs=(-1, 1)), data.maps)
    return World(group_average(data.X).sc, space, scan)


def simulate_fc(world, rng, n_batches):
    """Give a candidate of the prior with some FC, and the FC of its scans."""
    while True:
        for theta in world.prior(100, rng):
            candidate, fc = world.candidates(theta[None]), []
            if world.network.statistics(candidate).fc.mean() < LEAST_FC:
                continue
            while len(fc) < n_batches:
                found = simulate_in_range(candidate, world.scan, BATCH, rng)
                if found is None:
                    break
                fc.append(fc_edges(found.bold[0]))
            else:
                return theta, np.concatenate(fc)


def measure(run, connectome, scan):
    rng = np.random.default_rng([list(CONNECTOMES).index(connectome), 3])
    world = make_world(run, connectome, SCANS[scan], rng)
    theta, fc = simulate_fc(world, rng, 1 if run.quick else N_BATCHES)
    tracemalloc.start()
    fc_covariance(world.candidates(theta[None]), world.scan)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    times = []
    for _ in range(3):  # of new ones, of which nothing is known yet
        candidate, start = world.candidates(theta[None]), time.perf_counter()
        covariance = fc_covariance(candidate, world.scan)
        times.append(time.perf_counter() - start)
    predicted, modes = np.linalg.eigh(covariance)
    simulated = ((fc - fc.mean(axis=0)) @ modes).var(axis=0, ddof=1)
    tenths = np.array_split(simulated / predicted, 10)
    return {
        "n_scans": len(fc),
        "mean_fc": fc.mean(),
        "sd": np.sqrt(np.diag(covariance).mean()),
        "ratios": [1.0 / tenth.mean() for tenth in tenths],
        "ratio_of_total": predicted.sum() / simulated.sum(),
        "fc_covariance_seconds": min(times),
        "peak_mib": peak / 2**20,
        "result_mib": covariance.nbytes / 2**20,
    }


def tables(rows):
    columns = "connectome | scan | mean FC | SD of an edge | predicted over simulated "
    columns += "variance, weakest to strongest tenth of the modes | of all | s | MiB"
    return table(
        columns,
        [
            f"{r['connectome']} | {r['scan']} | {r['mean_fc']:.2f} | {r['sd']:.3f} | "
            f"{' '.join(f'{x:.2f}' for x in r['ratios'])} | "
            f"{r['ratio_of_total']:.2f} | {r['fc_covariance_seconds']:.2f} | "
            f"{r['peak_mib']:.0f}"
            for r in rows
        ],
    )


def summary(rows):
    ratios = [ratio for row in rows for ratio in row["ratios"]]
    return {
        "variance_ratio_min": min(ratios),
        "variance_ratio_max": max(ratios),
        "seconds": max(row["fc_covariance_seconds"] for row in rows),
    }


if __name__ == "__main__":
    main(measure, tables, summary=summary, connectome=CONNECTOMES, scan=SCANS)
