"""Results of a population, one file each, that a run which was stopped goes on with."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from delssome.utils import write_atomically

__all__ = ["Store"]

SETTINGS = "settings.json"
Result = dict[str, Any]


class Store:
    """Keep results by the data that they belong to.

    Parameters
    ----------
    folder : path or None
        Made if it is missing. None: results are kept in memory.
    settings : dict
        What results depend on, beside the data. A folder of other settings is refused.

    Raises
    ------
    ValueError
        If the folder holds results of other settings, or a file is damaged.
    """

    def __init__(self, folder: str | Path | None, settings: dict[str, Any]) -> None:
        self._folder = None if folder is None else Path(folder)
        self._results: dict[str, Result] = {}
        self.settings = {name: _describe(value) for name, value in settings.items()}
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._check_settings()

    def __contains__(self, key: str) -> bool:
        if key in self._results:
            return True
        return self._folder is not None and self._path(key).exists()

    def __getitem__(self, key: str) -> Result:
        if key not in self._results:
            self._results[key] = self._read(self._path(key))
        return self._results[key]

    def __setitem__(self, key: str, result: Result) -> None:
        if self._folder is not None:
            content = io.BytesIO()
            np.savez(content, **result)
            write_atomically(self._path(key), content.getvalue())
        self._results[key] = result

    def _path(self, key: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{key}.npz"

    def _read(self, path: Path) -> Result:
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
                return {name: data[name] for name in data.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(
                f"{str(path)!r} is no result of a fit ({error}); delete it, and it is "
                "computed anew."
            ) from error

    def _check_settings(self) -> None:
        assert self._folder is not None
        path = self._folder / SETTINGS
        if not path.exists():
            if any(self._folder.glob("*.npz")):
                raise ValueError(
                    f"store={str(self._folder)!r} holds files but no {SETTINGS}, so "
                    "that nothing says what they are; choose another folder."
                )
            write_atomically(path, json.dumps(self.settings, indent=1).encode())
            return
        try:
            kept = json.loads(path.read_text())
        except ValueError as error:
            raise ValueError(
                f"{str(path)!r} cannot be read ({error}); choose another folder."
            ) from error
        different = [
            f"{name}: {kept.get(name, 'missing')} there, "
            f"{self.settings.get(name, 'missing')} now"
            for name in sorted({*kept, *self.settings})
            if kept.get(name) != self.settings.get(name)
        ]
        if different:
            raise ValueError(
                f"store={str(self._folder)!r} holds fits with other settings "
                f"({'; '.join(different)}). Choose another folder for these, or the "
                "settings of before."
            )


def _describe(value: Any) -> str:
    """Name a setting such that equal ones have equal names."""
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    if isinstance(value, np.ndarray):
        return f"array of shape {value.shape}, {joblib.hash(value)}"
    text = " ".join(repr(value).split())
    return f"{text if len(text) < 60 else type(value).__name__}, {joblib.hash(value)}"
