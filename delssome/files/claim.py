"""Folders of one run: what is in them belongs to the settings that they bear."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import json
from collections.abc import Mapping
from pathlib import Path

from delssome.files.read import read_json
from delssome.files.write import clear_leftovers, make_folder, write_if_missing

__all__ = ["SETTINGS", "claim", "write_settings"]

SETTINGS = "settings.json"


def claim(
    folder: Path, settings: Mapping[str, str], name: str, what: str, files: str
) -> None:
    """Take a folder for some settings, or refuse it if it is of others.

    Parameters
    ----------
    folder : Path
        Made if it is missing. Of two processes that want a new one for other settings,
        one gets it.
    settings : dict of str to str
        In words that are the same for equal ones.
    name : str
        Of the folder's argument, for errors.
    what : str
        That it holds, in the plural.
    files : str
        Pattern of their names. A folder that has some and no settings is refused.

    Raises
    ------
    ValueError
        With what differs.
    """
    make_folder(folder)
    clear_leftovers(folder)
    if not (folder / SETTINGS).exists() and any(folder.glob(files)):
        raise ValueError(
            f"{name}={str(folder)!r} holds files but no {SETTINGS}, so that nothing "
            "says what they are; choose another folder."
        )
    write_settings(folder, settings)
    path = folder / SETTINGS
    kept = read_json(path, "file of settings", "choose another folder")
    kept = kept if isinstance(kept, dict) else {}
    different = [
        f"{k}: {kept.get(k, 'missing')} there, {settings.get(k, 'missing')} now"
        for k in sorted({*kept, *settings})
        if kept.get(k) != settings.get(k)
    ]
    if different:
        raise ValueError(
            f"{name}={str(folder)!r} holds {what} with other settings "
            f"({'; '.join(different)}). Choose another folder for these, or the "
            "settings of before."
        )


def write_settings(folder: Path, settings: Mapping[str, str]) -> None:
    """Write settings, unless there are some."""
    text = json.dumps(settings, indent=1)
    write_if_missing(folder / SETTINGS, text.encode())
