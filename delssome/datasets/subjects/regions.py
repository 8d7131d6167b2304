"""The same regions for everyone: by name, and without those that someone lacks."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from delssome.connectome import align_names
from delssome.connectome.names import are_counts, some
from delssome.datasets.subjects.runs import called, silent_regions
from delssome.datasets.subjects.subject import Item, Subject

__all__ = ["Together", "bring_together"]

Array = NDArray[np.float64]


class Together(NamedTuple):
    """Subjects with the same regions in one order.

    Attributes
    ----------
    subjects : list of Subject
    names : tuple of str, or None
        Of the regions left.
    dropped : list of str
        Names, or numbers from 1, of regions left out.
    notes : list of str
    """

    subjects: list[Subject]
    names: tuple[str, ...] | None
    dropped: list[str]
    notes: list[str]


def bring_together(subjects: Sequence[Subject], drop: str | None = None) -> Together:
    """Align all arrays of all subjects by name, and mind regions without a signal.

    Parameters
    ----------
    subjects : sequence of Subject
    drop : {"regions", "subjects"}, default=None
        What to leave out where a region has no signal in a subject: the region, in
        all subjects alike, or the subject. None: an error names them.

    Returns
    -------
    Together
    """
    if drop not in (None, "regions", "subjects"):
        raise ValueError(f"drop must be 'regions', 'subjects' or None, got {drop!r}.")
    reference, to, dropped, notes = _reference(subjects)
    aligned = []
    for subject in subjects:
        items = [
            (kind, _align(kind, item, reference, to, notes))
            for kind, item in subject.items()
        ]
        aligned.append(
            subject._replace(
                sc=items[0][1],
                runs=tuple(item for kind, item in items if kind == "bold"),
                fc=next((item for kind, item in items if kind == "fc"), None),
            )
        )
    names = None if isinstance(reference, int) or are_counts(reference) else reference
    gaps = [_gaps(subject) for subject in aligned]
    anywhere = np.any(gaps, axis=0)
    if not anywhere.any():
        return Together(aligned, names, dropped, notes)
    who = _who(aligned, gaps, names)
    if drop is None:
        raise ValueError(
            f"no signal in {who} ({_first_gap(aligned)}); leave the regions out of all "
            "subjects by drop='regions', or the subjects by drop='subjects' (--drop on "
            "the command line)."
        )
    if drop == "subjects":
        left = [s for s, gap in zip(aligned, gaps, strict=True) if not gap.any()]
        if not left:
            raise ValueError(
                f"no subject is left: no signal in {who}; leave the regions out by "
                "drop='regions'."
            )
        out = [s.name for s in aligned if s not in left]
        notes.append(f"subjects left out: {', '.join(out)} (no signal in {who}).")
        return Together(left, names, dropped, notes)
    stay = np.flatnonzero(~anywhere)
    out = [str(k + 1) if names is None else names[k] for k in np.flatnonzero(anywhere)]
    notes.append(
        f"regions left out of all subjects: {', '.join(out)} (no signal in {who})."
    )
    names = None if names is None else tuple(names[k] for k in stay)
    return Together(
        [_selected(subject, stay) for subject in aligned],
        names,
        [*dropped, *out],
        notes,
    )


def _reference(
    subjects: Sequence[Subject],
) -> tuple[tuple[str, ...] | int, str, list[str], list[str]]:
    """Choose the regions that all kinds of arrays have: those of the fewest."""
    named = [
        (kind, item.name, item.regions)
        for subject in subjects
        for kind, item in subject.items()
        if not isinstance(item.regions, int)
    ]
    # Names that only count name nothing beside others.
    words = [one for one in named if not are_counts(one[2])]
    known: dict[str, tuple[str, dict[str, None]]] = {}
    for kind, name, regions in words or named:
        known.setdefault(kind, (name, {}))[1].update(dict.fromkeys(regions))
    if not known:
        note = "no file has names of regions: the order of all is taken to be the same."
        return _one_size(subjects), subjects[0].sc.name, [], [note]
    to, fewest = min(known.values(), key=lambda one: len(one[1]))
    reference = tuple(fewest)
    dropped: dict[str, None] = {}
    notes = []
    for kind, (name, names) in known.items():
        alignment = align_names(tuple(names), reference, name, to)
        dropped.update(dict.fromkeys(alignment.dropped))
        if alignment.dropped:
            notes.append(
                f"{kind}: left out, since other arrays lack them: "
                f"{some(alignment.dropped, most=20)}."
            )
    return reference, to, list(dropped), notes


def _one_size(subjects: Sequence[Subject]) -> int:
    """Check that all subjects have as many regions, where they have no names."""
    sizes = {s.name: s.sc.table.values.shape[-1] for s in subjects}
    if len(set(sizes.values())) > 1:
        raise ValueError(
            "All subjects must have the same regions, got n_rois "
            f"{', '.join(f'{n} ({name})' for name, n in sizes.items())}."
        )
    return next(iter(sizes.values()))


def _align(
    kind: str,
    item: Item,
    reference: tuple[str, ...] | int,
    to: str,
    notes: list[str],
) -> Item:
    """Bring an array into the order of the reference; what it lacks is NaN."""
    names, values = item.regions, item.table.values
    n_rois = reference if isinstance(reference, int) else len(reference)
    if isinstance(names, int) or isinstance(reference, int) or are_counts(names):
        _check_width(kind, item, n_rois, to)
    if isinstance(names, tuple) and isinstance(reference, tuple):
        there = set(names)
        missing = [name for name in reference if name not in there]
        # A few regions are no coverage; more are another parcellation.
        if missing and 2 * len(missing) < n_rois and names:
            pad = [(0, len(missing)) if axis else (0, 0) for axis in (0, 1)]
            if kind != "bold":
                pad[0] = pad[1]
            values = np.pad(values, pad, constant_values=np.nan)
            names = (*names, *missing)
    alignment = align_names(names, reference, item.name, to)
    # What is left out is said once, for all, as is that nothing has names.
    if not isinstance(reference, int):
        notes += [note for note in alignment.notes if "left out" not in note]
    values = values[..., alignment.order]
    if kind != "bold":
        values = values[alignment.order]
    return Item(item.name, item.table._replace(values=values))


def _check_width(kind: str, item: Item, n_rois: int, to: str) -> None:
    shape = item.table.values.shape
    if shape[-1] == n_rois:
        return
    if kind == "bold":
        raise ValueError(
            f"{item.name} must have one column for each of the {n_rois} regions of "
            f"{to}, got shape {shape}; transpose it if regions come first."
        )
    raise ValueError(
        f"{item.name} must have the shape of the subject's sc or the regions of {to}, "
        f"{(n_rois, n_rois)}, got {shape}; without names on both sides regions cannot "
        "be told apart."
    )


def _gaps(subject: Subject) -> NDArray[np.bool_]:
    """Say which regions have no signal, or no row, in a subject."""
    return np.any([_lacks(kind, item) for kind, item in subject.items()], axis=0)


def _lacks(kind: str, item: Item) -> NDArray[np.bool_]:
    """Say which regions have no signal, or no row, in an array."""
    values = item.table.values
    if kind != "bold":
        empty = np.isnan(values) | np.eye(len(values), dtype=bool)
        return np.asarray(empty.all(axis=0))
    silent = silent_regions(values)
    if silent.all():
        raise ValueError(f"{item.name} is constant or NaN in all regions.")
    return silent


def _who(
    subjects: Sequence[Subject],
    gaps: Sequence[NDArray[np.bool_]],
    names: tuple[str, ...] | None,
) -> str:
    """Name regions without a signal, and in whom."""
    whose = {
        int(k): [s.name for s, gap in zip(subjects, gaps, strict=True) if gap[k]]
        for k in np.flatnonzero(np.any(gaps, axis=0))
    }
    who = [f"{called(k, names, 'region')} of {some(whom)}" for k, whom in whose.items()]
    return some(who, 20)


def _first_gap(subjects: Sequence[Subject]) -> str:
    """Name the first array that lacks a region."""
    items = [(kind, item) for subject in subjects for kind, item in subject.items()]
    return next(item.name for kind, item in items if _lacks(kind, item).any())


def _selected(subject: Subject, stay: NDArray[np.intp]) -> Subject:
    def select(kind: str, item: Item) -> Item:
        values = item.table.values[..., stay]
        values = values if kind == "bold" else values[stay]
        return Item(item.name, item.table._replace(values=values))

    return subject._replace(
        sc=select("sc", subject.sc),
        runs=tuple(select("bold", run) for run in subject.runs),
        fc=None if subject.fc is None else select("fc", subject.fc),
    )
