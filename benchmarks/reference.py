"""Compare the simulator with output of the published reference code, in numbers.

The tests in tests/simulation/test_reference.py hold bounds on the same quantities.

    python benchmarks/reference.py
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import json
from pathlib import Path

import numpy as np

from delssome import FIC, Acquisition
from delssome.simulation import SimulationEvaluator, simulate

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "reference"
# The steady state of the reference code, S_E* = 0.1641205151.
LEGACY_RATE = 0.1641205151 / (0.1 * 0.641 * (1 - 0.1641205151))
N_RUNS = 13


def noise_free(model, params, reference):
    """Give the largest relative differences without noise, in double precision."""
    sc, seeds = reference["sc"], np.zeros((4, 1))
    settings = {"dtype": "float64", "noise": False}
    scan = Acquisition(n_frames=84, window=10, burn_in=0, warm_up=0)
    bold = simulate(model, params, sc, scan, seeds, **settings).bold[:, 0, 1:83]
    theirs = reference["nf_bold"][:, :, :82].transpose(1, 2, 0)
    scale = np.abs(theirs).max(axis=(1, 2), keepdims=True)
    scan = Acquisition(tr=0.438, n_frames=137, window=10, burn_in=0, warm_up=0)
    averages = simulate(model, params, sc, scan, seeds, **settings).averages
    pairs = (("S_E", "nf_SE"), ("S_I", "nf_SI"), ("r_E", "nf_rE"))
    w_IE = model.dependent(params, sc)["w_IE"]
    return {
        "w_IE": np.abs(w_IE / reference["w_ie"].T - 1).max(),
        "noise_free_bold": (np.abs(bold - theirs) / scale).max(),
        "noise_free_averages": max(
            np.abs(averages[ours][:, 0] / reference[name].T - 1).max()
            for ours, name in pairs
        ),
    }


def noisy(model, params, reference):
    """Give what two halves of our runs and the reference's runs say of mean FC."""
    n = 2 * N_RUNS
    repeated = {name: np.repeat(values, n, axis=0) for name, values in params.items()}
    simulator = SimulationEvaluator(model, Acquisition(), n_repeats=1, n_jobs=2)
    rng = np.random.default_rng(1)
    fc = simulator.statistics(repeated, reference["sc"], rng).fc.reshape(4, n, -1)
    rows = []
    for k in range(4):
        first, second = fc[k, :N_RUNS].mean(axis=0), fc[k, N_RUNS:].mean(axis=0)
        theirs = reference["fc_mean"][k]
        z = (first - theirs) / (reference["fc_sd"][k] * np.sqrt(2 / N_RUNS))
        rows.append(
            {
                "set": str(reference["names"][k]),
                "rms_z": np.sqrt((z**2).mean()),
                "r_with_reference": np.corrcoef(first, theirs)[0, 1],
                "r_between_own_halves": np.corrcoef(first, second)[0, 1],
                "mean_fc_reference": theirs.mean(),
            }
        )
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--quick", action="store_true", help="only without noise")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with np.load(args.data / "reference_fic.npz") as data:
        reference = dict(data)
    w_EE, w_EI, G, sigma = np.split(reference["params"].T, [68, 136, 137], axis=1)
    params = {"w_EE": w_EE, "w_EI": w_EI, "G": G[:, 0], "sigma": sigma}
    model = FIC(target_rate=LEGACY_RATE)
    report = noise_free(model, params, reference)
    if not args.quick:
        report["noisy"] = noisy(model, params, reference)
    text = json.dumps(report, indent=2, default=float)
    print(text)
    if args.json:
        args.json.write_text(text)


if __name__ == "__main__":
    main()
