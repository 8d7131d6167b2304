"""Compare the simulator with output of the published reference code.

tests/simulation/test_reference.py holds bounds on the same quantities.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import DATA, MissingError, correlation, main, table

from delssome import FIC, Acquisition, Simulator
from delssome.models import Candidates
from delssome.simulation import SimulationEvaluator, simulate

# The steady state of the reference code, S_E* = 0.1641205151.
LEGACY_RATE = 0.1641205151 / (0.1 * 0.641 * (1 - 0.1641205151))
N_RUNS = 13


def measure(run):
    file = DATA / "reference" / "reference_fic.npz"
    if not file.exists():
        raise MissingError("output of the reference code, ../shared/data, is not here")
    reference = dict(np.load(file))
    w_EE, w_EI, G, sigma = np.split(reference["params"].T, [68, 136, 137], axis=1)
    params = {"w_EE": w_EE, "w_EI": w_EI, "G": G[:, 0], "sigma": sigma}
    candidates = Candidates(FIC(target_rate=LEGACY_RATE), params, reference["sc"])
    row = noise_free(candidates, reference)
    return (
        row if run.quick else row | {"noisy": noisy(candidates, reference, run.n_jobs)}
    )


def noise_free(candidates, reference):
    """Give the largest relative differences without noise, in double precision."""
    seeds = np.zeros((4, 1), dtype=int)
    settings = {"backend": "torch", "dtype": "float64", "noise": False}
    scan = Acquisition(n_frames=84, window=10, burn_in=0, warm_up=0)
    bold = simulate(candidates, scan, seeds, **settings).bold[:, 0, 1:83]
    theirs = reference["nf_bold"][:, :, :82].transpose(1, 2, 0)
    scale = np.abs(theirs).max(axis=(1, 2), keepdims=True)
    scan = Acquisition(tr=0.438, n_frames=137, window=10, burn_in=0, warm_up=0)
    averages = simulate(candidates, scan, seeds, **settings).averages
    pairs = {"S_E": "nf_SE", "S_I": "nf_SI", "r_E": "nf_rE"}
    return {
        "w_IE": np.abs(candidates.solved["w_IE"] / reference["w_ie"].T - 1).max(),
        "noise_free_bold": (np.abs(bold - theirs) / scale).max(),
        "noise_free_averages": max(
            np.abs(averages[ours][:, 0] / reference[name].T - 1).max()
            for ours, name in pairs.items()
        ),
    }


def noisy(candidates, reference, n_jobs):
    """Give what two halves of our runs and the reference's runs say of mean FC."""
    single = Simulator(n_repeats=1)
    simulator = SimulationEvaluator(
        candidates.model, Acquisition(), single, n_jobs=n_jobs
    )
    repeated = candidates.select(np.repeat(np.arange(4), 2 * N_RUNS))
    found = simulator.statistics(repeated, np.random.default_rng(1))
    halves = found.fc.reshape(4, 2, N_RUNS, -1).mean(axis=2)
    rows = []
    for k, (first, second) in enumerate(halves):
        theirs = reference["fc_mean"][k]
        z = (first - theirs) / (reference["fc_sd"][k] * np.sqrt(2 / N_RUNS))
        row = {"set": str(reference["names"][k]), "mean_fc": theirs.mean()}
        row |= {"rms_z": np.sqrt((z**2).mean()), "r": correlation(first, theirs)}
        rows.append(row | {"r_between_own_halves": correlation(first, second)})
    return rows


def tables(rows):
    row = rows[0]
    names = {
        "w_IE": "w_IE",
        "noise_free_bold": "BOLD without noise, over its largest value",
        "noise_free_averages": "time averages without noise",
    }
    lines = [f"{says} | {row[name]:.1e}" for name, says in names.items()]
    noise_free = table("largest relative difference | ", lines)
    columns = (
        "noisy runs, 13 against 13 | mean FC | its difference, in SDs over runs | "
    )
    columns += "r with the reference's mean FC | r between our own halves"
    lines = [
        f"{x['set']} | {x['mean_fc']:.3f} | {x['rms_z']:.2f} | {x['r']:.3f} | "
        f"{x['r_between_own_halves']:.3f}"
        for x in row.get("noisy", [])
    ]
    return f"{noise_free}\n\n{table(columns, lines)}"


if __name__ == "__main__":
    main(measure, tables)
