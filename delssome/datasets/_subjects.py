"""A folder of subjects, one or several files for each."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from delssome.connectome import check_fc, check_fcd_cdf, check_sc, pack_subjects
from delssome.datasets._matrices import (
    ARCHIVES,
    FORMATS,
    listed,
    numeric,
    read_archive,
    read_matrix,
)

if TYPE_CHECKING:
    from delssome.simulation import Acquisition

__all__ = ["read_subjects"]

Array = NDArray[np.float64]
# Kind of the arrays of a file (None: all kinds in one), and the file.
Files = list[tuple[str | None, Path]]
# What an array is called in errors, and what reads it.
Source = tuple[str, Callable[[], Array]]

KINDS = ("sc", "bold", "fc", "fcd_cdf")
# sub-01_bold_run-1: what comes before the kind is the subject, after it the run.
STEM = re.compile(
    r"(?:(?P<subject>.+)_)?(?P<kind>sc|bold|fcd_cdf|fcd|fc)(?:_.+)?", re.IGNORECASE
)


def read_subjects(
    folder: str | os.PathLike[str],
    *,
    tr: float | None = None,
    n_frames: int | None = None,
    window: int | None = None,
    n_fcd_bins: int = 10_000,
) -> Bunch:
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


def _find_subjects(folder: Path) -> dict[str, Files]:
    """Give the files of every subject: dict of str to list of (kind, path)."""
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder; give a folder of subjects.")
    flat: dict[str, Files] = {}
    for kind, subject, path in _data_files(folder):
        flat.setdefault(subject or folder.resolve().name, []).append((kind, path))
    nested: dict[str, Files] = {
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


def _data_files(folder: Path) -> Iterator[tuple[str | None, str | None, Path]]:
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


def _kind(name: str) -> str | None:
    """Give the kind that a name stands for, None if it is none."""
    name = name.lower()
    name = "fcd_cdf" if name == "fcd" else name
    return name if name in KINDS else None


def _read_subject(
    files: Files, subject: str, window: int | None, n_fcd_bins: int
) -> Bunch:
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


def _arrays_by_kind(files: Files) -> dict[str, list[Source]]:
    """Give dict of kind to list of (name, function that reads the array)."""
    found: dict[str, list[Source]] = {kind: [] for kind in KINDS}
    for kind, path in files:
        if kind is not None:
            found[kind].append((str(path), partial(read_matrix, path)))
            continue
        arrays = read_archive(path)
        known = [(_kind(key), key) for key in arrays]
        if not any(one for one, _ in known):
            raise ValueError(
                f"{path} must hold arrays named {', '.join(KINDS)}, got "
                f"{listed(arrays)}; rename them, or move the file elsewhere."
            )
        for one, key in known:
            if one is not None:
                name = f"{path}: {key}"
                found[one].append((name, partial(numeric, arrays[key], name)))
    return found


def _check_square(
    check: Callable[[Array, str], Array], matrix: Array, name: str
) -> Array:
    if matrix.ndim != 2:
        raise ValueError(
            f"{name} must have shape (n_rois, n_rois), got {matrix.shape}."
        )
    return check(matrix, name)


def _check_cdf(cdf: Array, name: str, n_fcd_bins: int) -> Array:
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


def _from_bold(
    found: list[Source], n_rois: int, window: int, n_fcd_bins: int
) -> tuple[Array, Array, int]:
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


def _window(tr: float, window: int | None) -> int:
    from delssome.simulation import Acquisition

    # The rule is the acquisition's; frames play no part in it and are checked later,
    # file by file.
    return Acquisition(tr=tr, n_frames=10**9, window=window).fcd_window


def _acquisition(
    folder: Path,
    data: dict[str, Bunch],
    tr: float | None,
    n_frames: int | None,
    window: int | None,
) -> "Acquisition | None":
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
