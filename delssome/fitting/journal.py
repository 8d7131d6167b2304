"""A journal of a search: what was evaluated is kept, so that a kill loses nothing."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np

from delssome.evaluation import Evaluation
from delssome.exceptions import StorageWarning
from delssome.files import (
    BadFileError,
    clear_leftovers,
    pack_arrays,
    read_arrays,
    write_atomically,
)
from delssome.saying import warn

__all__ = ["Journal"]


class Journal:
    """Evaluations of the generations of a fit, kept in a file if there is a path.

    A search that is repeated asks for the same candidates as long as it is told the
    same; their evaluations are all that needs to be kept. One that time cut short went
    other ways: what is kept is taken only by who asks the same.

    Parameters
    ----------
    path : path or None
        An npz file, written anew after every generation. None: nothing is kept.
    fit : str
        Stands for data and settings of the fit. A file of another fit is refused.
    """

    def __init__(self, path: str | Path | None, fit: str) -> None:
        self._path = None if path is None else Path(path)
        self._fit = fit
        self._kept: dict[tuple[int, int, int], Evaluation] = {}
        self._asked: dict[tuple[int, int, int], str] = {}
        self._failed = False
        if self._path is not None:
            clear_leftovers(self._path.parent)
            if self._path.exists():
                self._read()

    def evaluate(
        self,
        place: tuple[int, int, int],
        asked: object,
        evaluate: Callable[[], Evaluation],
    ) -> Evaluation:
        """Give an evaluation that is kept, or evaluate and keep.

        Parameters
        ----------
        place : tuple of three int
            Stage, restart and generation.
        asked : object
            Candidates and noise. What is kept of others at the same place is not
            given, and gives way.
        evaluate : callable
            Called without arguments if nothing is kept.

        Returns
        -------
        Evaluation
        """
        if self._path is None:
            return evaluate()
        known = str(joblib.hash(asked))
        if self._asked.get(place) != known:
            evaluation = evaluate()
            self._kept[place], self._asked[place] = evaluation, known
            self._write()
        return self._kept[place]

    def _read(self) -> None:
        assert self._path is not None
        remedy = "choose another file, or delete this one to start anew"
        kind = "journal of a fit"
        found = read_arrays(self._path, kind, remedy)
        try:
            fit, places, sizes = found["fit"].item(), found["places"], found["sizes"]
            costs, violation = found["costs"], found["violation"]
            asked = found["asked"]
        except (KeyError, ValueError) as error:
            raise BadFileError(f"{self._path} is no {kind} ({error}); {remedy}.") from (
                error
            )
        if fit != self._fit:
            raise ValueError(
                f"checkpoint={str(self._path)!r} belongs to a fit of other data or "
                f"other settings; {remedy}."
            )
        ends = np.cumsum(sizes)[:-1]
        parts = zip(np.split(costs, ends), np.split(violation, ends), strict=True)
        keys = [tuple(place) for place in places.tolist()]
        self._asked = dict(zip(keys, asked.tolist(), strict=True))
        for place, part in zip(keys, parts, strict=True):
            self._kept[place] = Evaluation(*part)

    def _write(self) -> None:
        assert self._path is not None
        kept = self._kept.values()
        arrays = {
            "fit": self._fit,
            "places": list(self._kept),
            "asked": [self._asked[place] for place in self._kept],
            "sizes": [len(evaluation.violation) for evaluation in kept],
            "costs": np.concatenate([evaluation.costs for evaluation in kept]),
            "violation": np.concatenate([evaluation.violation for evaluation in kept]),
        }
        try:
            write_atomically(self._path, pack_arrays(arrays))
        except OSError as error:
            if not self._failed:
                warn(
                    f"checkpoint={str(self._path)!r} cannot be written ({error}). The "
                    "fit goes on, and tries again after every generation.",
                    StorageWarning,
                )
            self._failed = True
