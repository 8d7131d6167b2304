"""What was found in a tree of files, what of it was taken, and why not."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from pathlib import Path
from typing import Any

from delssome.connectome.names import some
from delssome.datasets.formats.file import need

__all__ = ["Ledger"]


class Ledger:
    """Keeps a row for every file, and says which subjects and runs are missed."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []
        self._missed: list[str] = []

    def add(
        self,
        subject: str | None,
        kind: str,
        path: Path,
        why: str = "",
        taken: bool = True,
    ) -> None:
        """Note a file.

        Parameters
        ----------
        subject : str or None
            None: of all.
        kind : str
            Such as "bold".
        path : Path
        why : str, default=""
            Why it was left out, or how it was taken.
        taken : bool, default=True
        """
        self._rows.append(
            {
                "subject": subject,
                "kind": kind,
                "file": str(path),
                "taken": taken,
                "why": why,
            }
        )

    def change(self, path: Path, why: str) -> None:
        """Leave out a file that was noted as taken.

        Parameters
        ----------
        path : Path
        why : str
        """
        for row in self._rows:
            if row["file"] == str(path):
                row.update(taken=False, why=why)
        self._missed.append(f"{path.name} ({why})")

    def leave_out(self, subject: str, why: str, said: bool = False) -> None:
        """Leave out a subject with all files.

        Parameters
        ----------
        subject : str
        why : str
        said : bool, default=False
            Whether a note says so already.
        """
        for row in self._rows:
            if row["subject"] == subject and row["taken"]:
                row.update(taken=False, why=f"subject left out: {why}")
        if not said:
            self._missed.append(f"{subject} ({why})")

    def left_out(self) -> str:
        """Name subjects and runs that were left out; other files are not missed."""
        return some(self._missed, 20)

    def table(self) -> Any:
        """Give all rows as a table.

        Returns
        -------
        DataFrame
        """
        pandas = need("pandas", "read_derivatives")
        return pandas.DataFrame(
            self._rows, columns=["subject", "kind", "file", "taken", "why"]
        )
