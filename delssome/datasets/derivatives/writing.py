"""Write a synthetic cohort as pipelines would: files to try a study with."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from delssome.datasets.formats.file import need
from delssome.files import make_folder, write_atomically

__all__ = ["write_derivatives"]

SPACE = "MNI152NLin2009cAsym"
PIPELINES = {"xcp_d": "XCP-D", "qsirecon": "QSIRecon"}


def write_derivatives(folder: str | os.PathLike[str], cohort: Bunch) -> Path:
    """Write a synthetic cohort as XCP-D and QSIRecon write their subjects.

    A tree of files without anybody's data, for trying what a study would do.

    Parameters
    ----------
    folder : str or path-like
        Where to; made if need be. Files that are there are replaced.
    cohort : Bunch
        Of :func:`~delssome.datasets.make_cohort`.

    Returns
    -------
    Path
        The folder, which has ``participants.tsv`` and, in ``derivatives``, ``xcp_d``
        (an atlas, and of each subject a time series of its regions, with a ``.json``
        that says TR, filter and global signal, and ``outliers.tsv``) and ``qsirecon``
        (streamline counts as ``tck2connectome`` writes them, the upper triangle).

    Raises
    ------
    ImportError
        Without pandas: ``pip install "delssome[files]"``.

    See Also
    --------
    read_derivatives : Reads them, and those of real people.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from delssome.datasets import make_cohort, read_derivatives, write_derivatives
    >>> from delssome.simulation import Acquisition
    >>> scan = Acquisition(tr=2.0, n_frames=40, burn_in=10, warm_up=1)
    >>> cohort = make_cohort(n_subjects=2, n_rois=8, acquisition=scan, random_state=0)
    >>> study = write_derivatives(mkdtemp(), cohort)
    >>> data = read_derivatives(study, verbose=0)
    >>> data.X.shape, data.acquisition.tr, data.region_names[0]
    ((2, 10056), 2.0, 'L01')
    """
    pandas = need("pandas", "write_derivatives")
    root, scan = Path(folder), cohort.acquisition
    names, n_rois = list(cohort.region_names), len(cohort.region_names)
    people = [f"sub-{k + 1:03d}" for k in range(len(cohort.bold))]
    atlas = f"Synthetic{n_rois}"

    def table(path: Path, columns: Any) -> None:
        frame = pandas.DataFrame(columns)
        text = frame.to_csv(sep="\t", index=False, na_rep="n/a")
        _write(path, text)

    table(root / "participants.tsv", {"participant_id": people, "age": cohort.age})
    for short, name in PIPELINES.items():
        about = {
            "Name": f"Synthetic: {name}",
            "BIDSVersion": "1.9.0",
            "DatasetType": "derivative",
            "GeneratedBy": [{"Name": "delssome"}],
        }
        place = root / "derivatives" / short / "dataset_description.json"
        _write(place, json.dumps(about, indent=2))
    xcp, qsi = (root / "derivatives" / short for short in PIPELINES)
    table(
        xcp / "atlases" / f"atlas-{atlas}" / f"atlas-{atlas}_dseg.tsv",
        {"index": range(1, n_rois + 1), "label": names},
    )
    kept = np.ones(scan.n_frames, bool) if scan.kept is None else np.array(scan.kept)
    for person, bold, sc in zip(people, cohort.bold, cohort.sc, strict=True):
        run = f"{person}_task-rest"
        series = f"{run}_space-{SPACE}_seg-{atlas}_stat-mean_timeseries"
        func, dwi = xcp / person / "func", qsi / person / "dwi"
        table(func / f"{series}.tsv", dict(zip(names, bold[kept].T, strict=True)))
        _write(func / f"{series}.json", json.dumps(_sidecar(scan), indent=2))
        outliers = {"framewise_displacement": (~kept).astype(int)}
        table(func / f"{run}_outliers.tsv", outliers)
        rows = [",".join(f"{value:.17g}" for value in row) for row in np.triu(sc)]
        _write(dwi / f"{person}_seg-{atlas}_connectome.csv", "\n".join(rows) + "\n")
    return root


def _sidecar(scan: Any) -> dict[str, Any]:
    """Say of a scan what XCP-D does."""
    said: dict[str, Any] = {"RepetitionTime": scan.tr}
    said["NuisanceParameters"] = "36P" if scan.global_signal else "none"
    if scan.band is not None:
        low, high = scan.band
        cutoffs = {"High-pass cutoff (Hz)": low, "Low-pass cutoff (Hz)": high}
        settings = {name: value for name, value in cutoffs.items() if value is not None}
        said["SoftwareFilters"] = {
            "Butterworth filter": {"Filter order": scan.filter_order, **settings}
        }
    return said


def _write(path: Path, text: str) -> None:
    make_folder(path.parent)
    write_atomically(path, text.encode())
