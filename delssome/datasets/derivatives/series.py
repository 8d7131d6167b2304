"""Time series of parcels as XCP-D writes them: variants of a run, censoring, facts."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from delssome.datasets.derivatives.bids import File
from delssome.datasets.formats.file import need
from delssome.datasets.formats.labelled import Labelled
from delssome.datasets.formats.matrices import read_table
from delssome.datasets.formats.sidecar import pipeline_facts, read_json, tr_of
from delssome.files import BadFileError

__all__ = ["Series", "choose_series", "read_series"]

# The first is taken: over time as it was, to be censored by the outliers; then what is
# censored already, to be put back into time.
VARIANTS = ("interpolated", None, "denoised", "censored")
ENDS = (".tsv", ".ptseries.nii")


class Series(NamedTuple):
    """A run.

    Attributes
    ----------
    table : Labelled
        Frames x regions; censored frames are NaN.
    facts : dict
        What is stated of the preprocessing.
    how : str
        Where the frames are from, in words.
    """

    table: Labelled
    facts: dict[str, Any]
    how: str


def choose_series(files: Sequence[File]) -> list[tuple[File, str | None]]:
    """Choose one file for every run of a subject.

    Parameters
    ----------
    files : sequence of File
        Time series of one atlas, session, task and space.

    Returns
    -------
    list of (File, str or None)
        All files, each with the reason to leave it out, None for those to take.
    """
    runs: dict[tuple[tuple[str, str], ...], list[File]] = {}
    for file in files:
        runs.setdefault(tuple(sorted(file.acquisition().items())), []).append(file)
    parts = [key for key in runs if {"run", "dir"} & dict(key).keys()]
    chosen: list[tuple[File, str | None]] = []
    for key, variants in runs.items():
        if parts and key not in parts:
            why = "runs joined end to end, which are taken one by one"
            chosen += [(file, why) for file in variants]
            continue
        known = [file for file in variants if file.entities.get("desc") in VARIANTS]
        ranked = sorted(known, key=_rank)
        if not ranked:
            names = ", ".join(file.path.name for file in variants)
            raise ValueError(
                f"{variants[0].path.parent} has series of a kind that is not known: "
                f"{names}; their desc should be one of "
                f"{', '.join(map(str, VARIANTS))}."
            )
        for file in variants:
            taken = file is ranked[0]
            chosen.append((file, None if taken else _why_not(file, ranked[0])))
    return chosen


def read_series(file: File, beside: Sequence[File]) -> Series:
    """Read a run, its censoring and what is said of it.

    Parameters
    ----------
    file : File
    beside : sequence of File
        All files of the subject.

    Returns
    -------
    Series
    """
    table = read_table(file.path, header=True if file.end == ".tsv" else None)
    if table.values.ndim != 2 or table.columns is None:
        raise BadFileError(f"{file.path} must have a header that names its regions.")
    run = file.acquisition()
    ours = [f for f in beside if f.of_run(run) and f.path.parent == file.path.parent]
    facts = _facts(file, ours)
    tr = tr_of(facts, file.path) if table.tr is None else table.tr
    outliers = [f for f in ours if f.suffix == "outliers" and f.end == ".tsv"]
    how = "no outliers.tsv: all frames that have numbers"
    if outliers:
        best = max(outliers, key=lambda f: len(f.entities))
        kept = ~_outliers(best)
        table, how = _in_time(table, kept, file, best)
    elif file.entities.get("desc") == "interpolated":
        table = table.noted(
            f"{file.path}: interpolated, without an outliers.tsv that says where; all "
            "frames are taken as measured."
        )
    said = pipeline_facts(facts)
    if any("global_signal" in _columns(f) for f in ours if f.suffix == "design"):
        said["global_signal"] = True
    return Series(table._replace(tr=tr), said, how)


def _rank(file: File) -> tuple[int, int]:
    return VARIANTS.index(file.entities.get("desc")), ENDS.index(file.end)


def _why_not(file: File, taken: File) -> str:
    if file.entities.get("desc") == taken.entities.get("desc"):
        return f"the same as {taken.path.name}"
    if taken.entities.get("desc") == "interpolated":
        return "the interpolated series is taken, censored by outliers.tsv"
    return f"{taken.path.name} is taken"


def _facts(file: File, ours: Sequence[File]) -> dict[str, Any]:
    """Join what the .json of the run say; that of the series itself comes first."""
    own = file.path.with_name(file.path.name[: -len(file.end)] + ".json")
    sidecars = [
        f.path for f in ours if f.end == ".json" and f.suffix in ("timeseries", "bold")
    ]
    facts: dict[str, Any] = {}
    for path in sorted(sidecars, key=lambda path: path != own):
        for key, value in read_json(path).items():
            facts.setdefault(key, value)
    return facts


def _outliers(file: File) -> NDArray[np.bool_]:
    """Give the frames that are censored."""
    pandas = need("pandas", "reading derivatives")
    with_name = pandas.read_csv(file.path, sep="\t", na_values="n/a")
    if "framewise_displacement" in with_name:
        column = with_name["framewise_displacement"]
    elif with_name.shape[1] == 1:
        column = with_name.iloc[:, 0]
    else:
        raise BadFileError(
            f"{file.path} must have a column framewise_displacement, got "
            f"{', '.join(map(str, with_name.columns))}."
        )
    if not column.isin([0, 1]).all():
        raise BadFileError(
            f"{file.path} must hold 0 (kept) and 1 (censored), got others in "
            f"{column.name}; give the outliers, not the displacement in mm."
        )
    return np.asarray(column == 1)


def _in_time(
    table: Labelled, kept: NDArray[np.bool_], file: File, outliers: File
) -> tuple[Labelled, str]:
    """Put the frames kept where they were, NaN in the others."""
    values = np.full((len(kept), table.values.shape[1]), np.nan)
    n_kept = int(np.count_nonzero(kept))
    how = f"{n_kept} of {len(kept)} frames kept"
    if len(table.values) == len(kept):
        values[kept] = table.values[kept]
        return table._replace(values=values), how
    if len(table.values) == n_kept:
        values[kept] = table.values
        return table._replace(values=values), f"{how}, put back into time"
    raise BadFileError(
        f"{file.path} has {len(table.values)} frames, but {outliers.path.name} says "
        f"{len(kept)}, {n_kept} of them kept; give the two of one run."
    )


def _columns(file: File) -> list[str]:
    if file.end != ".tsv":
        return []
    with file.path.open(encoding="utf-8") as lines:
        return lines.readline().strip().split("\t")
