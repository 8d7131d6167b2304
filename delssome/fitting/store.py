"""Results of a population, one file each, that a run which was stopped goes on with."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from pathlib import Path
from typing import Any

from delssome.exceptions import StorageWarning
from delssome.files import (
    SETTINGS,
    BadFileError,
    claim,
    make_folder,
    pack_arrays,
    read_arrays,
    write_atomically,
    write_settings,
)
from delssome.identity import describe, fingerprint
from delssome.saying import warn

__all__ = ["Store"]

# What a file says of itself beside the result.
OF_SETTINGS, OF_DATA = "store_settings", "store_data"
# Bytes of the largest result that is read: what theory said of many regions.
LARGEST = 2**34
Result = dict[str, Any]


class Store:
    """Keep results by the data that they belong to.

    What cannot be written stays in memory, with a warning, and is written as soon as
    that can be done again; what cannot be read is computed anew.

    Parameters
    ----------
    folder : path or None
        Made if it is missing. None: results are kept in memory.
    settings : dict
        What results depend on, beside the data. A folder of other settings is refused.

    Raises
    ------
    ValueError
        If the folder holds results of other settings.
    """

    def __init__(self, folder: str | Path | None, settings: dict[str, Any]) -> None:
        self._folder = None if folder is None else Path(folder)
        self._results: dict[str, Result] = {}
        self._unwritten: dict[str, Result] = {}
        self._failed = False
        self.settings = {name: describe(value) for name, value in settings.items()}
        self._fingerprint = fingerprint(self.settings)
        if self._folder is not None:
            claim(self._folder, self.settings, "store", "fits", "*.npz")

    def __contains__(self, key: str) -> bool:
        """Tell whether there is a result; a file that cannot be read is none."""
        if key in self._results:
            return True
        if self._folder is None or not self._path(key).exists():
            return False
        try:
            self._results[key] = self._read(key)
        except (BadFileError, OSError) as error:
            warn(f"{error}", StorageWarning)
            return False
        return True

    def __getitem__(self, key: str) -> Result:
        if key not in self:
            raise KeyError(key)
        return self._results[key]

    def __setitem__(self, key: str, result: Result) -> None:
        self._results[key] = result
        if self._folder is None:
            return
        self._unwritten[key] = result
        try:
            if not (self._folder / SETTINGS).exists():  # somebody removed it
                make_folder(self._folder)
                write_settings(self._folder, self.settings)
                self._unwritten = dict(self._results)
            for one in list(self._unwritten):
                self._write(one)
        except OSError as error:
            if not self._failed:
                warn(
                    f"store={str(self._folder)!r} cannot be written ({error}). Results "
                    "are kept in memory, and written as soon as that can be done.",
                    StorageWarning,
                )
            self._failed = True

    def _write(self, key: str) -> None:
        own = {OF_SETTINGS: self._fingerprint, OF_DATA: key}
        content = pack_arrays(self._unwritten[key] | own)
        write_atomically(self._path(key), content)
        del self._unwritten[key]

    def _path(self, key: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{key}.npz"

    def _read(self, key: str) -> Result:
        path = self._path(key)
        found: Result = read_arrays(
            path, "result of a fit", "it is computed anew", LARGEST
        )
        said = (str(found.pop(name, "")) for name in (OF_SETTINGS, OF_DATA))
        if tuple(said) != (self._fingerprint, key):
            raise BadFileError(
                f"{path} is a result of other settings or data; it is computed anew."
            )
        return found
