"""What was done to read files, in words, said once for files that are alike."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Iterable

__all__ = ["grouped"]


def grouped(notes: Iterable[str]) -> list[str]:
    """Say once what was done to several files.

    Parameters
    ----------
    notes : iterable of str
        "FILE: what was done".

    Returns
    -------
    list of str
    """
    files: dict[str, list[str]] = {}
    for note in dict.fromkeys(notes):
        file, mark, what = note.partition(": ")
        files.setdefault(what if mark else note, []).append(file if mark else "")
    return [
        (f"{names[0]}: " if names[0] else "")
        + what
        + (f" (and {len(names) - 1} more files alike)" if len(names) > 1 else "")
        for what, names in files.items()
    ]
