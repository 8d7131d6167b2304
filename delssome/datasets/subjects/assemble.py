"""Subjects that were read, made into what estimators take."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from delssome.connectome import check_fc, check_sc, matrix_to_edges, pack_subjects
from delssome.datasets.formats.sidecar import check_tr
from delssome.datasets.subjects.notes import grouped
from delssome.datasets.subjects.regions import bring_together
from delssome.datasets.subjects.runs import Run, check_run, combine_runs, unsteady
from delssome.datasets.subjects.subject import Item, Subject

if TYPE_CHECKING:
    from delssome.simulation import Acquisition

__all__ = ["assemble", "fcd_window"]

Array = NDArray[np.float64]
# Share of edges that the logarithm may drop without a word.
FEW = 0.01
# Share of censored frames that moves the FCD distribution by no more than its noise (a
# KS of 0.02 in single frames, 0.05 in bursts of eight; of a tenth, 0.04 and 0.08).
LITTLE = 0.05
# What files of lengths, and of Fisher's z, are called.
LENGTHS = re.compile(r"(?:length|distance)s?(?![a-z])", re.IGNORECASE)
FISHER = re.compile(
    r"fisher|(?<![a-z])z(?:fc|corr|scored?|trans\w*|map)?(?![a-z0-9])", re.IGNORECASE
)


def fcd_window(tr: float, window: int | None) -> int:
    """Give the frames in a window of the FC dynamics, by the acquisition's rule.

    Parameters
    ----------
    tr : float
        Repetition time, in seconds.
    window : int or None

    Returns
    -------
    int
    """
    from delssome.simulation import Acquisition

    # Frames play no part in the rule and are checked later, file by file.
    return Acquisition(tr=check_tr(tr), n_frames=1_000_000, window=window).fcd_window


def assemble(
    subjects: Sequence[Subject],
    where: str,
    *,
    tr: float | None,
    n_frames: int | None = None,
    window: int | None = None,
    n_fcd_bins: int = 10_000,
    drop: str | None = None,
    on_unequal: str = "cut",
    pipeline: Mapping[str, Any] | None = None,
) -> Bunch:
    """Align subjects by name, take FC and FCD of their runs, and pack them.

    Parameters
    ----------
    subjects : sequence of Subject
    where : str
        Where they are from, for errors.
    tr, n_frames, window, n_fcd_bins, drop, on_unequal
        As :func:`read_subjects` takes them.
    pipeline : mapping, default=None
        Settings of the acquisition that say what was done to the scans.

    Returns
    -------
    Bunch
        As :func:`read_subjects` gives it.
    """
    if on_unequal not in ("cut", "raise"):
        raise ValueError(f"on_unequal must be 'cut' or 'raise', got {on_unequal!r}.")
    notes = [
        note for s in subjects for _, item in s.items() for note in item.table.notes
    ]
    together = bring_together(subjects, drop)
    subjects, names = together.subjects, together.names
    notes += together.notes
    sc = np.stack([check_sc(s.sc.table.values, s.sc.name) for s in subjects])
    notes += _few_streamlines(sc) + _called_lengths(subjects)
    runs = [[Run(item.name, item.table.values) for item in s.runs] for s in subjects]
    notes += [
        note for of_subject in runs for run in of_subject for note in unsteady(run)
    ]
    frames = _frames(runs, n_frames, on_unequal, notes)
    fcs, cdfs = [], []
    for subject, of_subject in zip(subjects, runs, strict=True):
        if of_subject:
            assert tr is not None
            assert frames is not None
            wide = fcd_window(tr, window)
            for run in of_subject:
                check_run(run, wide, names)
                if len(run.bold) > frames:
                    check_run(run._replace(bold=run.bold[:frames]), wide, names)
            fc, cdf = combine_runs(of_subject, frames, wide, n_fcd_bins)
        else:
            assert subject.fc is not None
            assert subject.fcd_cdf is not None
            fc = check_fc(subject.fc.table.values, subject.fc.name)
            notes += _called_z(subject.fc)
            cdf = subject.fcd_cdf
        fcs.append(fc)
        cdfs.append(cdf)
    fc, cdf = np.stack(fcs), np.stack(cdfs)
    if tr is None:
        notes.append(
            "no tr is known, so that acquisition is None; make one of the scans behind "
            "FC and FCD: a fitter without takes that of the Human Connectome Project."
        )
    done = dict(pipeline or {})
    if runs[0] and (mask := _mask(runs, frames, notes)) is not None:
        done["kept"] = mask
    return Bunch(
        X=pack_subjects(sc, fc, cdf),
        sc=sc,
        fc=fc,
        fcd_cdf=cdf,
        subject_ids=[subject.name for subject in subjects],
        acquisition=_acquisition(
            where, tr, frames if n_frames is None else n_frames, window, done
        ),
        region_names=None if names is None else list(names),
        dropped_regions=together.dropped,
        kept=[[run.kept[:frames] for run in of_subject] for of_subject in runs],
        n_frames=[[len(run.bold) for run in of_subject] for of_subject in runs],
        notes=grouped(notes),
    )


def _frames(
    runs: Sequence[Sequence[Run]],
    n_frames: int | None,
    on_unequal: str,
    notes: list[str],
) -> int | None:
    """Give the frames that the FCD of every run is of; None without runs."""
    every = [run for of_subject in runs for run in of_subject]
    if not every:
        return None
    shortest = min(every, key=lambda run: len(run.bold))
    least = len(shortest.bold)
    most = max(len(run.bold) for run in every)
    if n_frames is not None and n_frames > least:
        raise ValueError(
            f"n_frames={n_frames} is more than the {least} frames of {shortest.name}; "
            "the distribution of the FC dynamics depends on the length of a scan: give "
            "at most as many as were scanned, or leave that run out."
        )
    if most > least and on_unequal == "raise":
        raise ValueError(
            f"all runs must have as many frames, got {least} ({shortest.name}) to "
            f"{most}; cut them by on_unequal='cut', or leave the short ones out."
        )
    cut = least if n_frames is None else n_frames
    if most > cut:
        notes.append(
            f"runs have {least} to {most} frames ({least}: {shortest.name}); FCD, and "
            f"the scan to simulate, are of the first {cut} of each, FC of all, runs "
            "weighted by frames."
        )
    censored = [np.count_nonzero(~run.kept) for run in every]
    if any(censored):
        total = sum(len(run.bold) for run in every)
        notes.append(
            f"{sum(censored)} of {total} frames are censored, in "
            f"{np.count_nonzero(censored)} of {len(every)} runs, {max(censored)} at "
            "most; FC is over the others, FCD over windows in time as it was of which "
            "half or more are kept."
        )
    return cut


def _mask(
    runs: Sequence[Sequence[Run]], n_frames: int | None, notes: list[str]
) -> tuple[bool, ...] | None:
    """Give the frames that are kept of the scan to simulate; None: all."""
    masks = [run.kept[:n_frames] for of_subject in runs for run in of_subject]
    if all(mask.all() for mask in masks):
        return None
    order = np.argsort([mask.sum() for mask in masks], kind="stable")
    typical = masks[order[len(masks) // 2]]
    if any((mask != typical).any() for mask in masks):
        what = f"{typical.sum()} of {len(typical)} frames kept, the median of the runs"
        if typical.mean() >= 1.0 - LITTLE:
            notes.append(f"the scan to simulate is whole: with {what}, little is lost.")
            return None
        notes.append(f"the scan to simulate is censored as one run is, with {what}.")
    return tuple(typical.tolist())


def _called_lengths(subjects: Sequence[Subject]) -> list[str]:
    """Note SC whose file is called that of lengths, which numbers alone do not tell."""
    return [
        f"{subject.sc.name}: its name says lengths, and it is taken for connections."
        for subject in subjects
        if LENGTHS.search(Path(subject.sc.name).stem)
    ]


def _called_z(item: Item) -> list[str]:
    """Note FC whose file is called Fisher's z, which numbers alone do not tell."""
    undone = any("tanh" in note for note in item.table.notes)
    if undone or not FISHER.search(Path(item.name).stem):
        return []
    return [
        f"{item.name}: its name says Fisher's z, and its numbers are taken for "
        "correlations; if they are z, give tanh of them."
    ]


def _few_streamlines(sc: Array) -> list[str]:
    """Warn of edges that the logarithm of counts drops."""
    edges = matrix_to_edges(sc)
    present, few = edges > 0, (edges > 0) & (edges <= 1)
    share = few.sum(axis=1) / np.maximum(present.sum(axis=1), 1)
    if share.max() < FEW:
        return []
    lost = f"sc: {np.count_nonzero(few)} of {np.count_nonzero(present)} edges are"
    if (edges == np.round(edges)).all():
        return [f"{lost} single streamlines, which the logarithm of counts drops."]
    return [
        f"{lost} at most 1 (up to {share.max():.0%} in a subject), and the logarithm "
        "of streamline counts drops them; give counts, or sc_transform='log_weights' "
        "for weights."
    ]


def _acquisition(
    where: str,
    tr: float | None,
    n_frames: int | None,
    window: int | None,
    done: Mapping[str, Any],
) -> "Acquisition | None":
    from delssome.simulation import Acquisition

    if tr is None:
        return None
    if n_frames is None:
        raise ValueError(
            f"{where} has no bold, so that n_frames, the frames of a scan, must be "
            "given beside tr."
        )
    return Acquisition(tr=check_tr(tr), n_frames=n_frames, window=window, **done)
