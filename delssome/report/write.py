"""The folder of results: whether it can be written, and writing it."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import csv
import io
import json
import math
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from delssome.files import write_atomically
from delssome.report.html import html_report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["check_out", "write_results"]


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
    figures: Mapping[str, "Figure"],
    results: Mapping[str, Any],
    texts: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write all results; each file appears whole or not at all.

    Parameters
    ----------
    folder : str or Path
        Created if need be.
    tables, figures : dict
        As `tables` and `figures` give them.
    results : dict
        Written as ``summary.json``, and with the figures as ``report.html``.
    texts : dict of str to str, default=None
        Further files.

    Returns
    -------
    list of Path
        The files.
    """
    contents = {name: text.encode() for name, text in (texts or {}).items()}
    for name, columns in tables.items():
        contents[name] = _csv(columns).encode()
    for name, figure in figures.items():
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=200)
        contents[name] = buffer.getvalue()
    if {"report.png", f"{results.get('readout_key')}.png"} <= contents.keys():
        contents["report.html"] = html_report(results, contents).encode()
    text = json.dumps(_without_nan(results), indent=2, allow_nan=False)
    contents["summary.json"] = f"{text}\n".encode()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        write_atomically(folder / name, content)
    return [folder / name for name in contents]


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
    writer.writerow(columns)
    writer.writerows(
        zip(*(np.asarray(c).tolist() for c in columns.values()), strict=True)
    )
    return buffer.getvalue()
