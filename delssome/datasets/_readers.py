"""Users' own files: one matrix, or a folder of subjects."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import csv
import re
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
from scipy.io import loadmat
from scipy.sparse import issparse
from sklearn.utils import Bunch

from delssome.connectome import (
    check_fc,
    check_fcd_cdf,
    check_sc,
    pack_subjects,
)

__all__ = ["read_matrix", "read_subjects"]

TEXT, ARCHIVES = (".csv", ".tsv", ".txt"), (".npz", ".mat")
FORMATS = (*TEXT, ".npy", *ARCHIVES)
KINDS = ("sc", "bold", "fc", "fcd_cdf")
# sub-01_bold_run-1: what comes before the kind is the subject, after it the run.
STEM = re.compile(
    r"(?:(?P<subject>.+)_)?(?P<kind>sc|bold|fcd_cdf|fcd|fc)(?:_.+)?", re.IGNORECASE
)


def read_matrix(path, key=None):
    """Read one numeric array from a text, NumPy or MATLAB file.

    Parameters
    ----------
    path : str or path-like
        .csv, .tsv or .txt (numbers separated by commas, semicolons or white space),
        .npy, .npz, or .mat (not version 7.3). In text, a row of names at the top and
        a column of names at the left are left out, "n/a" is NaN: time series and
        matrices as fMRI pipelines and pandas write them.
    key : str, default=None
        Name of the array in a .npz or .mat file. None: there must be only one.

    Returns
    -------
    ndarray
        float64; two-dimensional from text files.
    """
    path = Path(path)
    if path.suffix.lower() not in ARCHIVES:
        return _read_single(path)
    arrays = _read_archive(path)
    if key is None and len(arrays) != 1:
        raise ValueError(
            f"{path} must hold one array, got {_listed(arrays)}; save the one to use "
            "in a file of its own."
        )
    key = next(iter(arrays)) if key is None else key
    if key not in arrays:
        raise ValueError(f"{path} has no array {key!r}; it has {_listed(arrays)}.")
    return _numeric(arrays[key], f"{path}: {key}")


def read_subjects(folder, *, tr=None, n_frames=None, window=None, n_fcd_bins=10_000):
    """Read a folder of subjects.

    Every subject has an SC and either BOLD, or FC and the CDF of its dynamics.

    Parameters
    ----------
    folder : str or path-like
        Holds either files ``<subject>_<kind>.<ext>``, or one sub-folder per subject
        with files ``<kind>.<ext>`` or ``<subject>_<kind>.<ext>``. The kind is

        - ``sc``: structural connectivity (n_rois, n_rois), counts or weights;
        - ``bold``: BOLD (n_frames, n_rois); several runs have more behind the kind
          (``sub-01_bold_run-1.csv``) or are stacked (n_runs, n_frames, n_rois);
        - ``fc``: functional connectivity (n_rois, n_rois), Pearson correlations;
        - ``fcd_cdf`` or ``fcd``: CDF of the FC dynamics (n_fcd_bins,).

        Formats are those of :func:`read_matrix`. One file ``<subject>.npz`` or
        ``<subject>.mat`` may hold all kinds, by name. Other files are ignored.
    tr : float, default=None
        Repetition time, in seconds. With it BOLD is read where a subject has it, and
        FC and FCD otherwise; without it FC and FCD are read alone.
    n_frames : int, default=None
        Frames of the scans behind FC and FCD, for the acquisition. None: those of
        the BOLD.
    window : int, default=None
        Frames in a window of the FC dynamics. None: ``round(60 / tr)``, a minute.
    n_fcd_bins : int, default=10_000
        Bins of the FCD CDF.

    Returns
    -------
    Bunch
        - ``X``: ndarray of shape (n_subjects, n_features); packed subjects, in the
          order of `subject_ids`.
        - ``sc``, ``fc``: ndarray of shape (n_subjects, n_rois, n_rois).
        - ``fcd_cdf``: ndarray of shape (n_subjects, n_fcd_bins).
        - ``subject_ids``: list of str; sorted.
        - ``acquisition``: Acquisition or None; none without `tr`. It has the frames of
          the shortest run.

    Notes
    -----
    Runs of a subject are averaged: FC with Fisher's z, FCD as distributions.
    """
    folder = Path(folder)
    subjects = _find_subjects(folder)
    fcd_window = None if tr is None else _window(tr, window)
    data = {
        subject: _read_subject(files, subject, fcd_window, n_fcd_bins)
        for subject, files in sorted(subjects.items())
    }
    sizes = {subject: len(one.sc) for subject, one in data.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(
            f"All subjects in {folder} must have the same regions, got n_rois "
            f"{', '.join(f'{n} ({subject})' for subject, n in sizes.items())}."
        )
    sc, fc, cdf = (
        np.stack([one[kind] for one in data.values()]) for kind in ("sc", "fc", "cdf")
    )
    return Bunch(
        X=pack_subjects(sc, fc, cdf),
        sc=sc,
        fc=fc,
        fcd_cdf=cdf,
        subject_ids=list(data),
        acquisition=_acquisition(folder, data, tr, n_frames, window),
    )


def _read_single(path):
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise ValueError(f"{path} must end in one of {', '.join(FORMATS)}.")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty; write it again.")
    if suffix == ".npy":
        array = _load_numpy(path)
        if isinstance(array, dict):
            raise ValueError(f"{path} holds named arrays; call it .npz.")
        return _numeric(array, str(path))
    try:
        # Spreadsheets put a byte order mark first, which utf-8-sig drops.
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        lines = [line for line in lines if line.strip() and line[0] != "#"]
        first = lines[0].strip() if lines else ""
        delimiter = next((mark for mark in ",;\t" if mark in first), None)
        lines = _without_names(lines, delimiter)
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # "contained no data"
            return np.loadtxt(lines, delimiter=delimiter, ndmin=2)
    except (ValueError, UserWarning) as error:
        raise ValueError(
            f"{path} cannot be read as a table of numbers ({error}); separate numbers "
            "by commas or white space and give all rows the same length. One row of "
            "names at the top and one column of names at the left may be there."
        ) from error


def _without_names(lines, delimiter):
    """Leave out names of columns and rows; say NaN where there is n/a."""
    if delimiter is None:
        rows = [line.split() for line in lines]
    else:
        rows = csv.reader(map(str.rstrip, lines), delimiter=delimiter)
        rows = [[field.strip() for field in row] for row in rows]
    if not rows:
        return rows
    header = rows[0]
    # Numbered columns are told from data by making a square matrix no longer one.
    names = header if _is_number(header[0]) else header[1:]
    numbered = names == [str(k) for k in range(len(names))] and len(names) != 1
    if numbered:
        headed = header[0] == "" or len(rows) != len(names)
    else:
        headed = not all(map(_is_number, header[1:]))
    rows = rows[headed:]
    longest = max(map(len, rows), default=0)
    labelled = rows and all(not _is_number(row[0]) for row in rows)
    if labelled or (headed and (header[0] == "" or longest > len(header))):
        rows = [row[1:] for row in rows]
    mark = " " if delimiter is None else delimiter
    return [mark.join("nan" if f.lower() == "n/a" else f for f in row) for row in rows]


def _is_number(field):
    try:
        float(field)
    except ValueError:
        return field.lower() == "n/a"
    return True


def _load_numpy(path):
    """Load a .npy file as array or a .npz file as dict of str to array."""
    try:
        # Opened here, because numpy.load leaves a damaged archive open.
        with path.open("rb") as file:
            content = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return content
            return {key: content[key] for key in content.files}
    except (ValueError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} is damaged or no NumPy file of numbers ({error}); write it again "
            "with numpy.save or numpy.savez."
        ) from error


def _read_archive(path):
    """Read all arrays of a .npz or .mat file, dict of str to array."""
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty; write it again.")
    if path.suffix.lower() == ".npz":
        arrays = _load_numpy(path)
        if not isinstance(arrays, dict):
            raise ValueError(f"{path} holds one array without a name; call it .npy.")
        return arrays
    try:
        content = loadmat(path)
    except NotImplementedError as error:  # HDF5
        raise ValueError(
            f"{path} is a MATLAB file of version 7.3, which cannot be read; save it in "
            "MATLAB with save(..., '-v7')."
        ) from error
    except Exception as error:  # a damaged file can raise anything
        raise ValueError(
            f"{path} is damaged or no MATLAB file ({error}); write it again with "
            "save(..., '-v7')."
        ) from error
    return {key: value for key, value in content.items() if not key.startswith("__")}


def _numeric(array, name):
    array = array.toarray() if issparse(array) else array
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold real numbers, got type {array.dtype}.")
    if array.size == 0 or array.ndim == 0:
        raise ValueError(f"{name} must hold a matrix, got shape {array.shape}.")
    return array.astype(np.float64)


def _listed(arrays):
    return ", ".join(sorted(arrays)) or "none"


def _find_subjects(folder):
    """Give the files of every subject: dict of str to list of (kind, path)."""
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder; give a folder of subjects.")
    flat = {}
    for kind, subject, path in _data_files(folder):
        flat.setdefault(subject or folder.resolve().name, []).append((kind, path))
    nested = {
        place.name: [(kind, path) for kind, _, path in _data_files(place)]
        for place in sorted(folder.iterdir())
        if place.is_dir()
    }
    nested = {subject: files for subject, files in nested.items() if files}
    if flat and nested:
        raise ValueError(
            f"{folder} has both files of subjects ({next(iter(flat.values()))[0][1]}) "
            f"and folders of subjects ({next(iter(nested))}); keep one of them."
        )
    if not (flat or nested):
        raise ValueError(
            f"{folder} has no subjects; name files <subject>_<kind>.<ext> with kind "
            f"{', '.join(KINDS)} and ext {', '.join(FORMATS)}, or put them in one "
            "folder per subject."
        )
    return flat or nested


def _data_files(folder):
    """Yield kind (None: all kinds in one file), subject or None, and path."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not path.is_file():
            continue
        suffix = path.suffix.lower()
        match = STEM.fullmatch(path.stem)
        if match and suffix in FORMATS:
            yield _kind(match["kind"]), match["subject"], path
        elif suffix in ARCHIVES:
            yield None, path.stem, path


def _kind(name):
    """Give the kind that a name stands for, None if it is none."""
    name = name.lower()
    name = "fcd_cdf" if name == "fcd" else name
    return name if name in KINDS else None


def _read_subject(files, subject, window, n_fcd_bins):
    """Read and check a subject: sc, fc, cdf, n_frames (None without BOLD)."""
    found = _arrays_by_kind(files)
    for kind in ("sc", "fc", "fcd_cdf"):
        if len(found[kind]) > 1:
            names = ", ".join(name for name, _ in found[kind])
            raise ValueError(f"{subject} must have one {kind}, got {names}.")
    where = files[0][1].parent
    if not found["sc"]:
        raise ValueError(f"{subject} has no sc in {where}; add {subject}_sc.csv.")
    name, load = found["sc"][0]
    sc = _check_square(check_sc, load(), name)

    if found["bold"] and window is not None:
        fc, cdf, n_frames = _from_bold(found["bold"], len(sc), window, n_fcd_bins)
        return Bunch(sc=sc, fc=fc, cdf=cdf, n_frames=n_frames)
    missing = [kind for kind in ("fc", "fcd_cdf") if not found[kind]]
    if missing:
        remedy = (
            "give tr, the repetition time in seconds, to use its bold"
            if found["bold"]
            else f"add {subject}_bold.csv, or {subject}_fc.csv and "
            f"{subject}_fcd_cdf.csv"
        )
        raise ValueError(f"{subject} has no {missing[0]} in {where}; {remedy}.")
    name, load = found["fc"][0]
    fc = _check_square(check_fc, load(), name)
    if fc.shape != sc.shape:
        raise ValueError(
            f"{name} must have the shape of the subject's sc, {sc.shape}, "
            f"got {fc.shape}."
        )
    name, load = found["fcd_cdf"][0]
    return Bunch(sc=sc, fc=fc, cdf=_check_cdf(load(), name, n_fcd_bins), n_frames=None)


def _arrays_by_kind(files):
    """Give dict of kind to list of (name, function that reads the array)."""
    found = {kind: [] for kind in KINDS}
    for kind, path in files:
        if kind is not None:
            found[kind].append((str(path), lambda path=path: read_matrix(path)))
            continue
        arrays = _read_archive(path)
        keys = [key for key in arrays if _kind(key) is not None]
        if not keys:
            raise ValueError(
                f"{path} must hold arrays named {', '.join(KINDS)}, got "
                f"{_listed(arrays)}; rename them, or move the file elsewhere."
            )
        for key in keys:
            name = f"{path}: {key}"
            found[_kind(key)].append(
                (name, lambda array=arrays[key], name=name: _numeric(array, name))
            )
    return found


def _check_square(check, matrix, name):
    if matrix.ndim != 2:
        raise ValueError(
            f"{name} must have shape (n_rois, n_rois), got {matrix.shape}."
        )
    return check(matrix, name)


def _check_cdf(cdf, name, n_fcd_bins):
    if cdf.size != max(cdf.shape):
        raise ValueError(
            f"{name} must hold one row or column, the CDF of the FC dynamics, got "
            f"shape {cdf.shape}; delssome.observables.fcd_cdf gives it from BOLD."
        )
    if cdf.size != n_fcd_bins:
        raise ValueError(
            f"{name} must have n_fcd_bins={n_fcd_bins} entries, got {cdf.size}; give "
            "n_fcd_bins as it is."
        )
    return check_fcd_cdf(cdf.ravel(), name)


def _from_bold(found, n_rois, window, n_fcd_bins):
    """Average FC and FCD CDF over runs; frames of the shortest."""
    from delssome.observables import average_runs, check_bold

    runs = []
    for name, load in found:
        bold = load()
        stack = bold if bold.ndim == 3 else bold[None]
        for run in stack:
            run = check_bold(run, window, name)
            if run.shape[1] != n_rois:
                raise ValueError(
                    f"{name} must have one column for each of the {n_rois} regions of "
                    f"the subject's sc, got shape {run.shape}; transpose it if regions "
                    "come first."
                )
            runs.append(run)
    return *average_runs(runs, window, n_fcd_bins), min(map(len, runs))


def _window(tr, window):
    from delssome.simulation import Acquisition

    # The rule is the acquisition's; frames play no part in it and are checked later,
    # file by file.
    return Acquisition(tr=tr, n_frames=10**9, window=window).fcd_window


def _acquisition(folder, data, tr, n_frames, window):
    from delssome.simulation import Acquisition

    if tr is None:
        return None
    lengths = [one.n_frames for one in data.values() if one.n_frames is not None]
    if n_frames is None and not lengths:
        raise ValueError(
            f"{folder} has no bold, so that n_frames, the frames of a scan, must be "
            "given beside tr."
        )
    n_frames = min(lengths) if n_frames is None else n_frames
    return Acquisition(tr=tr, n_frames=n_frames, window=window)
