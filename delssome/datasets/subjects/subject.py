"""Subjects as files give them, before they are brought together."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from delssome.datasets.formats.labelled import Labelled

__all__ = ["Item", "Subject"]


class Item(NamedTuple):
    """An array of a file.

    Attributes
    ----------
    name : str
        How errors call it.
    table : Labelled
    """

    name: str
    table: Labelled

    @property
    def regions(self) -> tuple[str, ...] | int:
        """Names of regions, or their number."""
        names = self.table.regions
        return self.table.values.shape[-1] if names is None else names


class Subject(NamedTuple):
    """What was read of a subject.

    Attributes
    ----------
    name : str
    sc : Item
        (n_rois, n_rois).
    runs : tuple of Item
        BOLD, (n_frames, n_rois) each; empty if FC and FCD are given.
    fc : Item or None
    fcd_cdf : ndarray of shape (n_fcd_bins,), or None
    """

    name: str
    sc: Item
    runs: tuple[Item, ...] = ()
    fc: Item | None = None
    fcd_cdf: NDArray[np.float64] | None = None

    def items(self) -> Iterator[tuple[str, Item]]:
        """Give all arrays that have regions, each with its kind."""
        yield "sc", self.sc
        yield from (("bold", run) for run in self.runs)
        if self.fc is not None:
            yield "fc", self.fc
