"""Files of a BIDS tree, by the entities in their names."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from delssome.connectome.names import some

__all__ = ["OF_RUN", "File", "only", "scan"]

# Entities of an acquisition; the others say what was made of it.
OF_RUN = ("sub", "ses", "task", "acq", "ce", "rec", "dir", "run", "echo")
# Folders of reports, without data.
SKIPPED = ("figures", "logs", "log", "work")


class File(NamedTuple):
    """A file, and what its name says.

    Attributes
    ----------
    path : Path
    entities : dict of str to str
        Such as {"sub": "01", "run": "1"}.
    suffix : str
        The last word, such as "timeseries".
    end : str
        From the first dot, such as ".ptseries.nii".
    """

    path: Path
    entities: dict[str, str]
    suffix: str
    end: str

    @property
    def subject(self) -> str:
        """Name of the subject, as the participants' table has it."""
        return f"sub-{self.entities['sub']}"

    @property
    def atlas(self) -> str | None:
        """Name of the atlas, which is called ``seg`` or ``atlas``."""
        return self.entities.get("seg", self.entities.get("atlas"))

    def acquisition(self) -> dict[str, str]:
        """Give the entities of the acquisition alone."""
        return {k: v for k, v in self.entities.items() if k in OF_RUN}

    def of_run(self, entities: dict[str, str]) -> bool:
        """Say whether this is of the acquisition that has these entities."""
        return self.acquisition().items() <= entities.items()


def scan(root: str | os.PathLike[str]) -> list[File]:
    """Find all files of a tree whose names have entities.

    Parameters
    ----------
    root : str or path-like

    Returns
    -------
    list of File
        In the order of their paths.
    """
    if not Path(root).is_dir():
        raise ValueError(f"{root} is not a folder; give a folder of derivatives.")
    found = []
    refuse = partial(_refuse, root)
    for folder, folders, names in os.walk(root, onerror=refuse, followlinks=True):
        folders[:] = sorted(
            f for f in folders if f not in SKIPPED and not f.startswith(".")
        )
        for name in sorted(names):
            if not name.startswith(".") and (file := _parse(Path(folder, name))):
                found.append(file)
    return found


def _refuse(root: str | os.PathLike[str], error: OSError) -> None:
    """Refuse a folder of a subject that cannot be opened: it would seem to be empty."""
    within = Path(error.filename).relative_to(root).parts
    if any(part.startswith("sub-") for part in within):
        raise ValueError(
            f"{error.filename} cannot be opened ({error.strerror}); ask for the right "
            "to read it, or read a tree without this subject."
        ) from error


def only(
    what: str,
    entity: str,
    values: Iterable[str | None],
    wanted: str | None,
    where: str,
) -> str | None:
    """Choose one of several, or ask.

    Parameters
    ----------
    what : str
        Name of the option, such as "session".
    entity : str
        Its entity, such as "ses".
    values : iterable of str or None
        Those that there are.
    wanted : str or None
        What the user asked for.
    where : str
        For errors.

    Returns
    -------
    str or None
    """
    there = sorted({value for value in values if value is not None})
    if wanted is not None:
        # Users say "ses-01" for "01".
        short = wanted.removeprefix(f"{entity}-")
        if short not in there:
            raise ValueError(
                f"{what}={wanted!r} is not in {where}; there {_are(there)}."
            )
        return short
    if len(there) > 1:
        raise ValueError(
            f"{where} has more than one {what}: {some(there, 20)}; say which, by "
            f"{what}= (--{what} on the command line)."
        )
    return there[0] if there else None


def _are(there: Sequence[str]) -> str:
    return f"are {some(there, 20)}" if there else "is none"


def _parse(path: Path) -> File | None:
    stem, dot, end = path.name.partition(".")
    *words, suffix = stem.split("_")
    entities = {}
    for word in words:
        key, dash, value = word.partition("-")
        if not (dash and key and value):
            return None
        entities[key] = value
    return File(path, entities, suffix, dot + end) if entities and end else None
