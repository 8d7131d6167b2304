"""A folder of subjects, one or several files for each."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from delssome.connectome import check_fcd_cdf
from delssome.datasets.formats.beside import choose, listed
from delssome.datasets.formats.file import extension
from delssome.datasets.formats.labelled import Labelled, as_connectome
from delssome.datasets.formats.matrices import (
    ARCHIVES,
    FORMATS,
    read_archive,
    read_table,
)
from delssome.datasets.formats.sidecar import check_tr, common_tr
from delssome.datasets.subjects.assemble import assemble
from delssome.datasets.subjects.subject import Item, Subject

__all__ = ["check_cdf", "read_subjects", "runs_of"]

Array = NDArray[np.float64]
# Kind of the arrays of a file (None: all kinds in one), and the file.
Files = list[tuple[str | None, Path]]
# What an array is called in errors, and what reads it.
Source = tuple[str, Callable[[], Labelled]]

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
    header: bool | None = None,
    drop: str | None = None,
    on_unequal: str = "cut",
) -> Bunch:
    """Read a folder of subjects.

    Every subject has an SC and either BOLD, or FC and the CDF of its dynamics. All are
    aligned by the names of regions in the files, where they have some.

    Parameters
    ----------
    folder : str or path-like
        Holds either files ``<subject>_<kind>.<ext>``, or one sub-folder per subject
        with files ``<kind>.<ext>`` or ``<subject>_<kind>.<ext>``. The kind is

        - ``sc``: structural connectivity (n_rois, n_rois), counts or weights;
        - ``bold``: BOLD (n_frames, n_rois); several runs have more behind the kind
          (``sub-01_bold_run-1.csv``) or are stacked (n_runs, n_frames, n_rois);
          frames that are NaN in all regions are censored;
        - ``fc``: functional connectivity (n_rois, n_rois), Pearson correlations;
        - ``fcd_cdf`` or ``fcd``: CDF of the FC dynamics (n_fcd_bins,).

        Formats are those of :func:`read_table`. One file ``<subject>.npz`` or
        ``<subject>.mat`` may hold all kinds, by name. Other files are ignored.
    tr : float, default=None
        Repetition time, in seconds. With it BOLD is read where a subject has it, and
        FC and FCD otherwise; without it FC and FCD are read alone, and BOLD where a
        subject has nothing else and its files say the repetition time.
    n_frames : int, default=None
        Frames of the scans behind FC and FCD, for the acquisition; of BOLD, the first
        `n_frames` of each run. None: those of the shortest run.
    window : int, default=None
        Frames in a window of the FC dynamics. None: ``round(60 / tr)``, a minute.
    n_fcd_bins : int, default=10_000
        Bins of the FCD CDF.
    header : bool, default=None
        Whether the first row of text files names the columns. None: as each shows;
        where it may be either, an error asks.
    drop : {"regions", "subjects"}, default=None
        What to leave out where a region has no signal in a subject: the region, in
        all subjects alike, or the subject. None: an error names them.
    on_unequal : {"cut", "raise"}, default="cut"
        What to do with runs of unequal length: take the FCD of the first frames of
        each, as many as the shortest has, with a note, or raise an error.

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
        - ``region_names``: list of str, or None where no file has names.
        - ``dropped_regions``: list of str; of those that not all files have, or that
          `drop` left out; numbers from 1 without names.
        - ``kept``: list, for every subject, of an ndarray of bool, (n_frames,), for
          every run: frames that are not censored.
        - ``n_frames``: list, for every subject, of the frames of every run.
        - ``notes``: list of str; what was done or assumed.

    Notes
    -----
    Runs of a subject are averaged with the weight of the frames they kept: FC with
    Fisher's z, FCD as distributions. The distribution of the FC dynamics depends on the
    length of a scan, so that all have to be of one length. Windows are over time as it
    was; those with less than half of their frames kept do not count.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> import numpy as np
    >>> from delssome.datasets import read_subjects
    >>> folder, rng = Path(mkdtemp()), np.random.default_rng(0)
    >>> for person in ("sub-01", "sub-02"):
    ...     np.savetxt(folder / f"{person}_sc.txt", [[0, 9, 4], [9, 0, 2], [4, 2, 0]])
    ...     np.savetxt(folder / f"{person}_bold.txt", rng.standard_normal((60, 3)))
    >>> data = read_subjects(folder, tr=2.0)
    >>> data.subject_ids, data.X.shape
    (['sub-01', 'sub-02'], (2, 10006))
    """
    folder = Path(folder)
    if tr is not None:
        check_tr(tr)
    found = _find_subjects(folder)
    subjects = [
        _read_subject(files, subject, tr is not None, n_fcd_bins, header)
        for subject, files in sorted(found.items())
    ]
    runs = [run for subject in subjects for run in subject.runs]
    return assemble(
        subjects,
        str(folder),
        tr=common_tr({run.name: run.table.tr for run in runs}, tr),
        n_frames=n_frames,
        window=window,
        n_fcd_bins=n_fcd_bins,
        drop=drop,
        on_unequal=on_unequal,
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
        suffix = extension(path)
        match = STEM.fullmatch(path.name[: -len(suffix)] if suffix else path.name)
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
    files: Files, subject: str, use_bold: bool, n_fcd_bins: int, header: bool | None
) -> Subject:
    """Read what a subject has."""
    found = _arrays_by_kind(files, header)
    for kind in ("sc", "fc", "fcd_cdf"):
        if len(found[kind]) > 1:
            names = ", ".join(name for name, _ in found[kind])
            raise ValueError(f"{subject} must have one {kind}, got {names}.")
    where = files[0][1].parent
    if not found["sc"]:
        raise ValueError(f"{subject} has no sc in {where}; add {subject}_sc.csv.")
    sc = _square(*found["sc"][0])
    missing = [kind for kind in ("fc", "fcd_cdf") if not found[kind]]
    if found["bold"] and (use_bold or missing):
        runs = tuple(
            run for name, load in found["bold"] for run in runs_of(name, load())
        )
        if not use_bold and any(run.table.tr is None for run in runs):
            raise ValueError(
                f"{subject} has no {missing[0]} in {where}; give tr, the repetition "
                "time in seconds, to use its bold."
            )
        return Subject(subject, sc, runs)
    if missing:
        raise ValueError(
            f"{subject} has no {missing[0]} in {where}; add {subject}_bold.csv, or "
            f"{subject}_fc.csv and {subject}_fcd_cdf.csv."
        )
    name, load = found["fcd_cdf"][0]
    cdf = check_cdf(load().values, name, n_fcd_bins)
    return Subject(subject, sc, fc=_square(*found["fc"][0]), fcd_cdf=cdf)


def _arrays_by_kind(files: Files, header: bool | None) -> dict[str, list[Source]]:
    """Give dict of kind to list of (name, function that reads the array)."""
    found: dict[str, list[Source]] = {kind: [] for kind in KINDS}
    for kind, path in files:
        if kind is not None:
            # A text of a CDF is a column or a row, without names.
            of_kind = header if kind != "fcd_cdf" else None
            read = partial(read_table, path, header=of_kind)
            found[kind].append((str(path), read))
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
                read = partial(choose, path, arrays, key)
                found[one].append((f"{path}: {key}", read))
    return found


def _square(name: str, load: Callable[[], Labelled]) -> Item:
    return Item(name, as_connectome(load(), name))


def runs_of(name: str, table: Labelled) -> list[Item]:
    """Give the runs of a file, of which several may be stacked.

    Parameters
    ----------
    name : str
        How errors call it.
    table : Labelled

    Returns
    -------
    list of Item
    """
    if table.values.ndim not in (2, 3):
        raise ValueError(
            f"{name} must have shape (n_frames, n_rois) or (n_runs, n_frames, n_rois), "
            f"got {table.values.shape}."
        )
    if table.values.ndim == 2:
        return [Item(name, table)]
    return [
        Item(f"{name}, run {k}", table._replace(values=run))
        for k, run in enumerate(table.values, 1)
    ]


def check_cdf(cdf: Array, name: str, n_fcd_bins: int) -> Array:
    """Check the shape of a CDF, and the CDF.

    Parameters
    ----------
    cdf : ndarray
    name : str
        How errors call it.
    n_fcd_bins : int

    Returns
    -------
    ndarray of shape (n_fcd_bins,)
    """
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
