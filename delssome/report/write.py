"""The folder of results: whether it can be written, and writing it."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import csv
import io
import json
import math
import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from delssome.exceptions import StorageWarning
from delssome.files import put_files, read_json, write_atomically
from delssome.saying import warn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["check_out", "write_results"]

SUMMARY = "summary.json"
# What a spreadsheet takes a cell for a formula by.
FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def check_out(
    folder: str | os.PathLike[str],
    overwrite: bool = False,
    besides: Collection[str] = (),
) -> Path:
    """Refuse a folder for results that cannot be written or has other content.

    Parameters
    ----------
    folder : str or Path
    overwrite : bool, default=False
        Accept a folder that is not empty.
    besides : collection of str
        Names that may be there.

    Returns
    -------
    Path
        Not created yet.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from delssome.report import check_out
    >>> check_out(Path(mkdtemp(), "results")).name
    'results'
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--out {folder} is a file; name a folder.")
    there = folder.iterdir() if folder.is_dir() else ()
    if not overwrite and any(path.name not in besides for path in there):
        raise ValueError(
            f"--out {folder} is not empty; name another folder or add --overwrite."
        )
    existing = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise ValueError(f"--out {folder} cannot be written in {existing}.")
    return folder


def write_results(
    folder: str | os.PathLike[str],
    tables: Mapping[str, Mapping[str, Any]],
    figures: Mapping[str, Callable[[], "Figure"]],
    results: Mapping[str, Any],
    texts: Mapping[str, str] | None = None,
    pages: Mapping[str, Callable[[Mapping[str, bytes]], str]] | None = None,
) -> list[Path]:
    """Write all results: numbers first, in one step, then figures and pages.

    A figure or page that fails costs itself alone, with a warning. Where the folder
    cannot be written, numbers go to another one, with a warning that names it.

    Parameters
    ----------
    folder : str or Path
        Created if need be. Files of an earlier run give way, all else in it stays.
    tables : dict of str to dict
        As `tables` gives them.
    figures : dict of str to callable
        As `figures` gives them.
    results : dict
        Written as ``summary.json``.
    texts : dict of str to str, default=None
        Further files.
    pages : dict of str to callable, default=None
        Give pages from the figures as PNG, by name.

    Returns
    -------
    list of Path
        The files.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from delssome.report import write_results
    >>> columns = {"region": ["L_V1", "R_V1"], "ei_ratio": [2.1, 2.4]}
    >>> folder = Path(mkdtemp(), "results")
    >>> files = write_results(folder, {"ei_ratio.csv": columns}, {}, {"model": "FIC"})
    >>> [file.name for file in files]
    ['ei_ratio.csv', 'summary.json']
    """
    folder, pages = Path(folder), pages or {}
    contents = {name: text.encode() for name, text in (texts or {}).items()}
    contents |= {name: _csv(columns).encode() for name, columns in tables.items()}
    files = [*contents, *figures, *pages, SUMMARY]
    text = json.dumps(
        _without_nan({**results, "files": files}), indent=2, allow_nan=False
    )
    contents[SUMMARY] = f"{text}\n".encode()
    try:
        put_files(folder, contents, _former(folder))
    except OSError as error:
        folder = _elsewhere(contents, error)
    written = list(contents)
    images: dict[str, bytes] = {}
    for name, draw in figures.items():
        with _losing(name):
            images[name] = _png(draw())
            write_atomically(folder / name, images[name])
            written.append(name)
    for name, lay_out in pages.items():
        with _losing(name):
            write_atomically(folder / name, lay_out(images).encode())
            written.append(name)
    return [folder / name for name in written]


def _former(folder: Path) -> list[str]:
    """Name the files of an earlier run, as its summary does."""
    try:
        summary = read_json(folder / SUMMARY, "summary", "write it again")
        return [name for name in summary["files"] if name == Path(name).name]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _elsewhere(contents: Mapping[str, bytes], error: OSError) -> Path:
    """Write what was computed where it can be written."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="delssome-"))
        put_files(folder, contents)
    except OSError:
        raise error from None
    warn(
        f"{error}. Tables and summary are in {folder} instead.",
        StorageWarning,
    )
    return folder


@contextmanager
def _losing(name: str) -> Iterator[None]:
    """Turn whatever goes wrong with a file into a warning."""
    try:
        yield
    except Exception as error:  # of any library that draws, or the disk
        said = f"{type(error).__name__}: {error}"
        warn(
            f"{name} could not be made ({said}); all else is written.",
            StorageWarning,
        )


def _png(figure: "Figure") -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=300)
    return buffer.getvalue()


def _without_nan(value: Any) -> Any:
    """Put null where JSON has no number: NaN and infinity."""
    if isinstance(value, Mapping):
        return {name: _without_nan(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _csv(columns: Mapping[str, Any]) -> str:
    """Lay out columns as CSV; floats keep all their digits."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([_plain(name) for name in columns])
    rows = zip(*(np.asarray(c).tolist() for c in columns.values()), strict=True)
    writer.writerows([_plain(cell) for cell in row] for row in rows)
    return buffer.getvalue()


def _plain(cell: Any) -> Any:
    """Give a cell that no spreadsheet takes for a formula: an apostrophe before it."""
    if isinstance(cell, str) and cell.startswith(FORMULAS):
        return f"'{cell}"
    return cell
