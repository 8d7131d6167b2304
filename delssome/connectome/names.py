"""Names of regions: two orders of the same regions brought together."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Alignment",
    "align_names",
    "are_counts",
    "check_names",
    "in_order",
    "some",
]


class Alignment(NamedTuple):
    """How to bring what has names into the order of a reference.

    Attributes
    ----------
    order : ndarray of int, shape (n_reference,)
        Index of every region of the reference: ``x[..., order]`` is aligned.
    dropped : tuple of str
        Names that the reference lacks.
    notes : tuple of str
        What was done or assumed, in words; empty where the order was right already.
    """

    order: NDArray[np.intp]
    dropped: tuple[str, ...]
    notes: tuple[str, ...]


def align_names(
    names: Sequence[str] | int,
    reference: Sequence[str] | int,
    what: str = "data",
    to: str = "the reference",
) -> Alignment:
    """Align regions to a reference by name.

    Parameters
    ----------
    names : sequence of str, or int
        Names of the regions to align, or their number where they have no names.
    reference : sequence of str, or int
        Names in the order wanted, or their number.
    what, to : str
        How notes and errors call the two.

    Returns
    -------
    Alignment

    Raises
    ------
    ValueError
        If the reference has a name that `names` lacks, if a name stands twice, or if
        there are no names to go by and the numbers of regions differ.

    Notes
    -----
    Names have to be the same but for white space around them: "Left-Amygdala" and
    "left_amygdala" may be two atlases. Names that count (1, 2, 3, ...) name nothing
    beside words; then, and without names, the order is assumed and the note says so.

    Examples
    --------
    >>> from delssome.connectome import align_names
    >>> alignment = align_names(["b", "c", "a"], ["a", "b"], "bold", "sc")
    >>> alignment.order, alignment.dropped
    (array([2, 0]), ('c',))
    >>> alignment.notes
    ('bold: order of regions changed to that of sc.', 'bold: left out, not in sc: c.')
    """
    ours, theirs = _words(names, what), _words(reference, to)
    if ours is not None and theirs is not None:
        count, counted = are_counts(ours), are_counts(theirs)
        if count and counted:
            return _by_position(ours, theirs, what, to)
        # Counts beside codes of an atlas are codes, too.
        if count and not all(map(str.isdigit, theirs)):
            ours = None
        elif counted and not all(map(str.isdigit, ours)):
            theirs = None
    if ours is None or theirs is None:
        return _by_position(
            names if ours is None else ours,
            reference if theirs is None else theirs,
            what,
            to,
            [side for side, has in ((what, ours), (to, theirs)) if has is None],
        )
    place = {name: k for k, name in enumerate(ours)}
    missing = [name for name in theirs if name not in place]
    dropped = tuple(sorted(set(ours) - set(theirs), key=place.__getitem__))
    if missing:
        raise ValueError(
            f"{what} and {to} must name the same regions, but {what} lacks "
            f"{len(missing)} of the {len(theirs)} of {to}: {some(missing)}; "
            + (
                f"it has {len(dropped)} that {to} lacks: {some(dropped)}. "
                if dropped
                else "it has no others. "
            )
            + "Give both in one parcellation, with the same names."
        )
    order = np.array([place[name] for name in theirs], dtype=np.intp)
    notes = []
    if (np.diff(order) < 0).any():
        notes.append(f"{what}: order of regions changed to that of {to}.")
    if dropped:
        notes.append(f"{what}: left out, not in {to}: {some(dropped, most=20)}.")
    return Alignment(order, dropped, tuple(notes))


def check_names(names: Sequence[str], what: str) -> tuple[str, ...]:
    """Check that every name is there and stands once; take white space off.

    Parameters
    ----------
    names : sequence of str
    what : str
        How errors call what has these names.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> from delssome.connectome import check_names
    >>> check_names(["L_V1 ", "R_V1"], "sc.csv")
    ('L_V1', 'R_V1')
    """
    names = tuple(str(name).strip() for name in names)
    if "" in names:
        raise ValueError(
            f"{what}: every region must have a name, number {names.index('') + 1} of "
            f"{len(names)} has none; name it."
        )
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        places = [k + 1 for k, name in enumerate(names) if name == twice[0]]
        raise ValueError(
            f"{what}: names of regions must differ, but {some(twice)} "
            f"{'stands' if len(twice) == 1 else 'stand'} more than once "
            f"({twice[0]}: {', '.join(map(str, places))}); rename or leave out."
        )
    return names


def in_order(given: Any, region_names: Sequence[str] | None, what: str) -> Any:
    """Bring what is given by name, a dict or a Series, into the order of regions.

    Parameters
    ----------
    given : mapping of str, pandas.Series, or anything else
        What has no names is taken to be in order.
    region_names : sequence of str, or None
    what : str
        How errors call it.

    Returns
    -------
    list, or `given`
    """
    named = isinstance(given, Mapping) or hasattr(given, "reindex")
    if not named:
        return given
    if region_names is None:
        if isinstance(given, Mapping):
            raise ValueError(f"{what} has names of regions; give region_names, too.")
        return given
    keys = {str(key): key for key in given.keys()}  # noqa: SIM118, of a Series
    if are_counts(list(keys)):  # rows of a table without names
        return list(given.values() if isinstance(given, Mapping) else given)
    missing = [str(name) for name in region_names if str(name) not in keys]
    if missing:
        raise ValueError(
            f"{what} lacks {len(missing)} of the {len(region_names)} regions: "
            f"{some(missing)}; it has {some(list(keys))}."
        )
    return [given[keys[str(name)]] for name in region_names]


def are_counts(names: Sequence[str]) -> bool:
    """Say whether these names only count, from 0 or from 1.

    Parameters
    ----------
    names : sequence of str

    Returns
    -------
    bool
    """
    n = len(names)
    return any(
        list(names) == [str(k) for k in range(start, start + n)] for start in (0, 1)
    )


def some(names: Sequence[str], most: int = 5) -> str:
    """Name the first ones and say how many more there are.

    Parameters
    ----------
    names : sequence of str
    most : int, default=5

    Returns
    -------
    str
    """
    text = ", ".join(names[:most])
    return text + (f" and {len(names) - most} more" if len(names) > most else "")


def _words(names: Sequence[str] | int, what: str) -> tuple[str, ...] | None:
    return None if isinstance(names, int) else check_names(names, what)


def _by_position(
    names: Sequence[str] | int,
    reference: Sequence[str] | int,
    what: str,
    to: str,
    nameless: Sequence[str] = (),
) -> Alignment:
    """Assume the order, and say so, where there are no names on both sides."""
    n, n_reference = (
        side if isinstance(side, int) else len(side) for side in (names, reference)
    )
    if n != n_reference:
        raise ValueError(
            f"{what} must have the {n_reference} regions of {to}, got {n}; without "
            "names on both sides they cannot be told apart."
        )
    note = (
        f"{' and '.join(nameless)}: no names of regions, order assumed to be the same."
    )
    return Alignment(np.arange(n), (), (note,) if nameless else ())
