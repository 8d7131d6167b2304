"""Files as people of the field have them, made from random numbers."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat

CORTEX = [f"{h}H_{net}_{k}" for h in "LR" for net in ("Vis", "Default") for k in (1, 2)]
DEEP = ["LH-Pallidum", "RH-Pallidum", "Cerebellum1"]
LABELS = CORTEX + DEEP
ATLAS = "4S11Parcels"
N_SCANNED = 60


def slow(rng, n_frames, n_rois):
    """Signals that change slowly, as BOLD does."""
    noise = rng.normal(size=(n_frames + 10, n_rois))
    noise += noise[:, :1]
    return np.apply_along_axis(np.convolve, 0, noise, np.ones(6) / 6, "valid")[
        :n_frames
    ]


@pytest.fixture
def smooth(rng):
    """Make slow signals."""
    return lambda n_frames, n_rois: slow(rng, n_frames, n_rois)


@pytest.fixture
def field(tmp_path, rng):
    """A folder of the same SC and BOLD in the dresses that people meet."""
    n = 12
    names = [f"Roi_{k}" for k in range(n)]
    bold = slow(rng, 120, n)
    upper = np.triu(np.round(rng.lognormal(4, 1, (n, n))), 1)
    sc = upper + upper.T
    order = rng.permutation(n)
    shuffled = [names[k] for k in order]
    np.savetxt(tmp_path / "plain_bold.csv", bold, delimiter=",", fmt="%.17g")
    np.savetxt(tmp_path / "plain_sc.csv", sc, delimiter=",", fmt="%g")
    np.savetxt(tmp_path / "short_bold.csv", bold[:45], delimiter=",", fmt="%.17g")
    np.savetxt(tmp_path / "upper_sc.csv", upper, delimiter=",", fmt="%g")

    def table(values, columns, name, index=None, sep=",", **kwargs):
        frame = pd.DataFrame(values, index, columns)
        frame.to_csv(tmp_path / name, index=index is not None, sep=sep, **kwargs)

    table(bold, range(1, n + 1), "numbered_bold.csv")
    table(bold, 2001 + np.arange(n), "codes_bold.csv")
    table(sc, range(1, n + 1), "numbered_sc.csv", range(1, n + 1))
    table(sc, names, "names_sc.csv", names)
    table(sc[:, order], shuffled, "rows_unlike_columns_sc.csv", names)
    table(bold[:, order], shuffled, "other_order_bold.csv")
    table(bold, [f"Area_{k}" for k in range(n)], "other_atlas_bold.csv")
    censored, uncovered = bold.copy(), bold.copy()
    censored[50:60] = np.nan
    uncovered[:, 3] = np.nan
    table(censored, names, "censored_bold.tsv", sep="\t", na_rep="n/a")
    table(uncovered, names, "uncovered_bold.tsv", sep="\t", na_rep="n/a")
    text = (tmp_path / "plain_bold.csv").read_text()
    (tmp_path / "stray_quote_bold.csv").write_text(f'"{",".join(names)}\n{text}')
    objects = np.array(names, dtype=object)
    np.savez(tmp_path / "labels_sc.npz", weights=sc, labels=objects)
    return tmp_path


@pytest.fixture
def study(tmp_path, rng):
    """Make a tree as XCP-D and QSIRecon write it; give its folder."""

    def make(n_subjects=3, n_runs=2, interpolated=True):
        root = tmp_path / "study"
        xcp, qsi = root / "derivatives" / "xcp_d", root / "derivatives" / "qsirecon-A"
        atlas = xcp / "atlases" / f"atlas-{ATLAS}" / f"atlas-{ATLAS}_dseg.tsv"
        atlas.parent.mkdir(parents=True)
        n = len(LABELS)
        kinds = ["Schaefer8"] * len(CORTEX) + ["Subcortex"] * len(DEEP)
        rows = {"index": range(1, n + 1), "label": LABELS, "atlas_name": kinds}
        pd.DataFrame(rows).to_csv(atlas, sep="\t", index=False)
        people = []
        for k in range(1, n_subjects + 1):
            subject = f"sub-{k:02d}"
            people.append({"participant_id": subject, "age": 20.0 + k})
            of_dwi = _folder(qsi / subject / "ses-1" / "dwi")
            sc = np.triu(rng.integers(5, 900, (n, n)), 1)
            np.savetxt(
                of_dwi / f"{subject}_ses-1_seg-{ATLAS}_connectome.csv",
                sc,
                delimiter=",",
                fmt="%d",
            )
            a = f"atlas_{ATLAS}"
            savemat(
                of_dwi / f"{subject}_ses-1_model-ifod2_connectivity.mat",
                {
                    f"{a}_region_ids": np.arange(1, n + 1),
                    f"{a}_region_labels": np.array(LABELS, dtype=object),
                    f"{a}_radius2_count_connectivity": (sc + sc.T).astype(float),
                    f"{a}_sift_radius2_count_connectivity": (sc + sc.T) * 0.01,
                    f"{a}_radius2_meanlength_connectivity": np.ones((n, n)),
                },
            )
            func = _folder(xcp / subject / "ses-1" / "func")
            for run in range(1, n_runs + 1):
                _write_run(
                    func, f"{subject}_ses-1_task-rest_run-{run}", rng, interpolated
                )
        pd.DataFrame(people[::-1]).to_csv(
            root / "participants.tsv", sep="\t", index=False
        )
        return root / "derivatives"

    return make


def _folder(path):
    path.mkdir(parents=True)
    return path


def _write_run(func, base, rng, interpolated):
    bold = pd.DataFrame(slow(rng, N_SCANNED, len(LABELS)), columns=LABELS)
    out = np.zeros(N_SCANNED, dtype=int)
    out[rng.choice(N_SCANNED, 5, replace=False)] = 1
    pd.DataFrame({"framewise_displacement": out}).to_csv(
        func / f"{base}_outliers.tsv", sep="\t", index=False
    )
    space = f"{base}_space-MNI_seg-{ATLAS}"
    options = {"sep": "\t", "index": False, "na_rep": "n/a"}
    bold[out == 0].to_csv(func / f"{space}_stat-mean_timeseries.tsv", **options)
    facts = {"RepetitionTime": 2.0}
    (func / f"{space}_stat-mean_timeseries.json").write_text(json.dumps(facts))
    bold[:1].to_csv(func / f"{space}_stat-coverage_bold.tsv", **options)
    if interpolated:
        wrong = bold.copy()
        wrong[out == 1] = 1e3 * rng.normal(size=(5, len(LABELS)))
        wrong.to_csv(
            func / f"{space}_desc-interpolated_stat-mean_timeseries.tsv", **options
        )
