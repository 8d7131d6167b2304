"""Derivatives of pipelines, made into subjects: XCP-D's BOLD and QSIRecon's SC."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import os
from collections.abc import Sequence
from typing import Any

from sklearn.utils import Bunch

from delssome.connectome.names import are_counts, some
from delssome.datasets.derivatives.atlas import Regions, find_atlas, select_regions
from delssome.datasets.derivatives.bids import File, only, scan
from delssome.datasets.derivatives.ledger import Ledger
from delssome.datasets.derivatives.participants import read_participants
from delssome.datasets.derivatives.series import Series, choose_series, read_series
from delssome.datasets.derivatives.streamlines import (
    Matrix,
    choose_measure,
    find_matrices,
    read_sc,
)
from delssome.datasets.formats.file import need
from delssome.datasets.formats.labelled import Labelled
from delssome.datasets.formats.sidecar import check_tr, common_tr
from delssome.datasets.subjects.assemble import assemble, fcd_window
from delssome.datasets.subjects.runs import Run, n_windows_kept
from delssome.datasets.subjects.subject import Item, Subject
from delssome.saying import say

__all__ = ["read_derivatives"]

Root = str | os.PathLike[str]


def read_derivatives(
    bold: Root,
    sc: Root | None = None,
    *,
    atlas: str | None = None,
    session: str | None = None,
    task: str | None = None,
    space: str | None = None,
    sc_key: str | None = None,
    regions: Regions | None = None,
    participants: Root | None = None,
    tr: float | None = None,
    n_frames: int | None = None,
    window: int | None = None,
    n_fcd_bins: int = 10_000,
    drop: str | None = None,
    on_unequal: str = "cut",
    verbose: int = 1,
) -> Bunch:
    """Read what pipelines wrote: BOLD of parcels (XCP-D) and SC (QSIRecon, MRtrix).

    Files are found by the entities in their names (BIDS), all arrays are aligned by
    the names of regions, and what was found, taken and left out is kept and printed.

    Parameters
    ----------
    bold : str or path-like
        Folder with ``*_timeseries.tsv`` (or ``.ptseries.nii``) of parcels, ``.json``
        and ``*_outliers.tsv`` beside, at any depth: that of XCP-D, or one above.
    sc : str or path-like, default=None
        Folder with ``*_connectivity.mat``, ``*_connectome.csv`` or ``*_relmat.tsv``
        (in ``dwi``), at any depth. None: that of `bold`.
    atlas, session, task, space : str, default=None
        Entities of the files to take. None: there must be only one. All runs are
        taken, and those joined end to end left out.
    sc_key : str, default=None
        What is to be SC where there are several matrices: a measure
        ("radius2_count"), the name of an array, or a pattern ("sift*count"). None:
        there must be only one but for lengths.
    regions : sequence of str, str, callable or mapping, default=None
        Regions to take: names; a regular expression that is in the name; a function
        of the name; or regular expressions for columns of the atlas's ``dseg.tsv``,
        such as ``{"atlas_name": "Schaefer"}``, the cortex of a 4S atlas. None: all.
    participants : str or path-like, default=None
        Table with a column ``participant_id``. None: ``participants.tsv`` of the
        folders or above them, if there is one.
    tr : float, default=None
        Repetition time, in seconds. None: as the files say.
    n_frames, window, on_unequal
        As :func:`read_subjects` takes them.
    n_fcd_bins : int, default=10_000
        Bins of the FCD CDF.
    drop : {"regions", "subjects"}, default=None
        What to leave out where a region has no coverage in a subject: the region, in
        all subjects alike, or the subject. None: an error names them.
    verbose : int, default=1
        1 prints what was found, left out and assumed; 0 does not.

    Returns
    -------
    Bunch
        What :func:`read_subjects` gives, and

        - ``participants``: DataFrame, a row for each of `subject_ids`.
        - ``found``: DataFrame with columns ``subject``, ``kind``, ``file``, ``taken``
          and ``why``: every file, and why it was left out.
        - ``pipeline``: dict; what is stated of the preprocessing: ``band`` (lowest and
          highest frequency that pass, in Hz), ``filter_order``, ``global_signal``.
        - ``atlas``: str or None.
        - ``atlas_regions``: list of str; those of `regions`, in the atlas's order,
          before any was left out.
        - ``summary``: list of str; what was found, in words, beside `notes`.

    Raises
    ------
    ValueError
        Where there is more than one atlas, session, task, space or matrix to choose
        from; where nothing is left; where names of regions do not match.
    ImportError
        Without pandas, or what a format needs: ``pip install "delssome[files]"``.

    Notes
    -----
    Interpolated frames are no measurements: FC is over the frames kept, and FCD over
    windows in time as it was. A series that has censored frames removed is put back
    into time by the outliers; where both series are there, the interpolated one is
    taken, and censored. Subjects without BOLD or SC are left out, and `found` says so.

    Examples
    --------
    ::

        data = read_derivatives("study/derivatives", atlas="4S156Parcels",
                                sc_key="radius2_count")
        MeanFieldFitter(maps, acquisition=data.acquisition).fit(data.X)
    """
    need("pandas", "read_derivatives")
    if tr is not None:
        check_tr(tr)
    files = scan(bold)
    others = files if sc is None else scan(sc)
    ledger = Ledger()
    chosen, atlas, session = _choose(files, atlas, session, task, space, str(bold))
    table = find_atlas([*files, *others], atlas)
    if table is not None:
        ledger.add(None, "atlas", table[0].path)
    series = _read_bold(chosen, files, ledger)
    matrices = _find_sc(others, atlas, session, sc_key, str(sc or bold), ledger)
    tr = common_tr(
        {str(file.path): s.table.tr for runs in series.values() for file, s in runs}, tr
    )
    if tr is None:
        raise ValueError(
            f"no .json in {bold} says the RepetitionTime of its series; give tr, in "
            "seconds."
        )
    wide = fcd_window(tr, window)
    subjects: list[Subject] = []
    pipelines: list[tuple[str, dict[str, Any]]] = []
    names: list[str] | None = None
    for name in sorted({*series, *matrices}):
        runs = _long_enough(series.get(name, []), wide, ledger)
        if not runs or name not in matrices:
            ledger.leave_out(name, "no BOLD" if not runs else "no SC")
            continue
        if names is None:
            columns = runs[0][1].table.columns or ()
            names = select_regions(
                columns, regions, None if table is None else table[1]
            )
        connectome = _named(read_sc(matrices[name], table), runs[0][1].table)
        subjects.append(
            Subject(
                name,
                Item(str(matrices[name].file.path), _take(connectome, names, regions)),
                tuple(
                    Item(str(file.path), _take(one.table, names, regions))
                    for file, one in runs
                ),
            )
        )
        pipelines += [(name, one.facts) for _, one in runs]
    if not subjects:
        raise ValueError(
            f"{bold} has no subject with BOLD and SC of atlas {atlas}: "
            f"{ledger.left_out() or 'no such files'}."
        )
    data = assemble(
        subjects,
        str(bold),
        tr=tr,
        n_frames=n_frames,
        window=window,
        n_fcd_bins=n_fcd_bins,
        drop=drop,
        on_unequal=on_unequal,
        pipeline=_pipeline(pipelines),
    )
    for name in sorted({s.name for s in subjects} - set(data.subject_ids)):
        ledger.leave_out(name, "a region without coverage", said=True)
    data.pipeline = _pipeline(pipelines)
    data.atlas, data.atlas_regions = atlas, names
    data.participants, path = read_participants(
        participants, [bold, *([] if sc is None else [sc])], data.subject_ids
    )
    if path is not None:
        ledger.add(None, "participants", path)
    data.found = ledger.table()
    if ledger.left_out():
        data.notes.append(f"left out: {ledger.left_out()}.")
    data.summary = _summary(data)
    if verbose:
        lines = [*data.summary, *(f"note: {note}" for note in data.notes)]
        say("\n".join(lines))
    return data


def _choose(
    files: Sequence[File],
    atlas: str | None,
    session: str | None,
    task: str | None,
    space: str | None,
    where: str,
) -> tuple[list[File], str | None, str | None]:
    """Choose the series of one atlas, session, task and space."""
    chosen = [
        file
        for file in files
        if file.suffix == "timeseries"
        and file.end in (".tsv", ".ptseries.nii")
        and file.atlas is not None
        and "sub" in file.entities
        and file.entities.get("stat", "mean") == "mean"
    ]
    if not chosen:
        raise ValueError(
            f"{where} has no series of parcels, files such as "
            "sub-01_task-rest_seg-4S156Parcels_stat-mean_timeseries.tsv; give the "
            "folder that XCP-D wrote."
        )
    where = f"bold={where!r}"
    atlas = only("atlas", "atlas", (file.atlas for file in chosen), atlas, where)
    chosen = [file for file in chosen if file.atlas == atlas]
    wanted = {"session": ("ses", session), "task": ("task", task)}
    wanted["space"] = ("space", space)
    for what, (entity, value) in wanted.items():
        there = [file.entities.get(entity) for file in chosen]
        value = only(what, entity, there, value, where)
        if what == "session":
            session = value
        chosen = [f for f in chosen if f.entities.get(entity, value) == value]
    return chosen, atlas, session


def _read_bold(
    chosen: Sequence[File], files: Sequence[File], ledger: Ledger
) -> dict[str, list[tuple[File, Series]]]:
    """Read the runs of every subject."""
    series: dict[str, list[tuple[File, Series]]] = {}
    for subject in dict.fromkeys(file.subject for file in chosen):
        beside = [f for f in files if f.entities.get("sub") == subject[4:]]
        for file, why in choose_series([f for f in chosen if f.subject == subject]):
            if why is not None:
                ledger.add(subject, "bold", file.path, why, taken=False)
                continue
            one = read_series(file, beside)
            ledger.add(subject, "bold", file.path, one.how)
            series.setdefault(subject, []).append((file, one))
    return series


def _find_sc(
    files: Sequence[File],
    atlas: str | None,
    session: str | None,
    sc_key: str | None,
    where: str,
    ledger: Ledger,
) -> dict[str, Matrix]:
    """Find the matrix of every subject."""
    by_subject: dict[str, list[File]] = {}
    for file in files:
        if "sub" in file.entities:
            by_subject.setdefault(file.subject, []).append(file)
    found = {s: find_matrices(of_s, atlas) for s, of_s in by_subject.items()}
    measure = choose_measure([m for ms in found.values() for m in ms], sc_key, where)
    taken = {}
    for subject, matrices in found.items():
        fits = [m for m in matrices if m.measure == measure]
        here = [m for m in fits if m.file.entities.get("ses", session) == session]
        if len(here or fits) > 1:
            paths = [str(m.file.path) for m in here or fits]
            raise ValueError(
                f"{subject} has more than one {measure}: {some(paths)}; give sc, the "
                "folder of one of them."
            )
        for matrix in here or fits:
            taken[subject] = matrix
            other = not here and fits
            why = f"{measure}{', of another session' if other else ''}"
            ledger.add(subject, "sc", matrix.file.path, why)
        for path in {m.file.path for m in matrices} - {
            m.file.path for m in here or fits
        }:
            ledger.add(subject, "sc", path, f"{measure} is taken", taken=False)
    return taken


def _long_enough(
    runs: Sequence[tuple[File, Series]], window: int, ledger: Ledger
) -> list[tuple[File, Series]]:
    """Leave out runs that have too few frames for the FC dynamics."""
    left = []
    for file, one in runs:
        kept = Run(str(file.path), one.table.values).kept
        if len(kept) <= window + 1 or n_windows_kept(kept, window) < 2:
            ledger.change(
                file.path,
                f"{kept.sum()} of {len(kept)} frames kept: too few for windows of "
                f"{window}",
            )
        else:
            left.append((file, one))
    return left


def _named(connectome: Labelled, bold: Labelled) -> Labelled:
    """Give a matrix without names those of the BOLD, if it may have them."""
    names = connectome.regions
    n = 0 if bold.columns is None else len(bold.columns)
    if (names is not None and not are_counts(names)) or len(connectome.values) != n:
        return connectome
    return connectome._replace(rows=bold.columns, columns=bold.columns).noted(
        "sc has no labels, and no dseg.tsv says them; its rows are assumed to be in "
        "the order of the columns of bold."
    )


def _take(table: Labelled, names: Sequence[str], regions: Regions | None) -> Labelled:
    """Take the regions that are wanted; those that a table lacks are found later."""
    if regions is None or table.columns is None:
        return table
    place = {name: k for k, name in enumerate(table.columns)}
    order = [place[name] for name in names if name in place]
    columns = tuple(table.columns[k] for k in order)
    values = table.values[:, order]
    if table.rows is None:
        return table._replace(values=values, columns=columns)
    return table._replace(values=values[order], rows=columns, columns=columns)


def _pipeline(facts: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """Check that all runs were processed alike, as far as it is stated."""
    said: dict[str, dict[Any, dict[str, None]]] = {}
    for subject, of_run in facts:
        for key, value in of_run.items():
            said.setdefault(key, {}).setdefault(value, {})[subject] = None
    for key, who in said.items():
        if len(who) > 1:
            got = " and ".join(
                f"{value} of {len(names)} subjects ({some(list(names))})"
                for value, names in who.items()
            )
            raise ValueError(
                f"all runs must be processed alike, got {key} {got} in their .json; "
                "take those that were into a folder of their own."
            )
    return {key: next(iter(who)) for key, who in said.items()}


def _summary(data: Bunch) -> list[str]:
    """Say what was found."""
    scan = data.acquisition
    runs = [n for of_subject in data.n_frames for n in of_subject]
    lines = [
        f"{len(data.subject_ids)} subjects, {len(runs)} runs, {data.sc.shape[1]} "
        f"regions{f' of {data.atlas}' if data.atlas else ''}; TR {scan.tr:g} s, "
        f"{scan.n_frames} frames, FCD window {scan.fcd_window} frames"
    ]
    if data.pipeline:
        said = ", ".join(f"{key} {value}" for key, value in data.pipeline.items())
        lines.append(f"stated of the preprocessing: {said}")
    return lines
