"""What is known of scans, as numbers that a model can be linear in."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from delssome.formulas import by_formula

__all__ = ["Covariates"]

Array = NDArray[Any]

# Share of a column that the others do not explain, below which it repeats them.
REPEATED = 1e-8


@dataclass(frozen=True)
class Covariates:
    """Columns of a design without a constant.

    Attributes
    ----------
    names : tuple of str
    values : ndarray of shape (n_scans, n_covariates)
        Centred; in standard deviations, or of two values a unit apart.
    ends : ndarray of shape (n_covariates, 2)
        Between which effects are taken, in the same units: one standard deviation to
        either side, or the two values.
    distance : ndarray of shape (n_covariates,)
        Between these, in the units that were given.
    none : ndarray of shape (n_covariates,)
        Value, in the same units as `values`, at which there is none of it: the smaller
        of two, or 0 as given.
    """

    names: tuple[str, ...]
    values: Array
    ends: Array
    distance: Array
    none: Array

    @classmethod
    def of(cls, given: Any, formula: str | None, n_scans: int) -> Self:
        """Check covariates, and take them apart by a formula.

        Parameters
        ----------
        given : None, array-like or pandas.DataFrame
        formula : str, default=None
        n_scans : int

        Raises
        ------
        ValueError, TypeError
            If they do not have a row a scan, are missing, constant or repeat each
            other.
        """
        if given is None and formula is None:
            none = np.zeros((n_scans, 0))
            return cls((), none, np.zeros((0, 2)), np.zeros(0), np.zeros(0))
        names, columns = _columns(given, formula)
        if len(columns) != n_scans:
            raise ValueError(
                f"covariates must have a row for each of the {n_scans} scans of X, got "
                f"{len(columns)}."
            )
        missing = [
            name
            for name, column in zip(names, columns.T, strict=True)
            if not np.isfinite(column).all()
        ]
        if missing:
            raise ValueError(
                f"covariates must be finite, got missing values of "
                f"{', '.join(missing)}: leave these scans out."
            )
        flat = [n for n, x in zip(names, columns.T, strict=True) if np.ptp(x) == 0]
        if flat:
            raise ValueError(
                f"{', '.join(flat)} of covariates is the same in all scans, so that it "
                "tells nothing: leave it out."
            )
        values = columns - columns.mean(axis=0)
        pairs = [len(np.unique(x)) == 2 for x in columns.T]
        unit = np.where(pairs, np.ptp(columns, axis=0), columns.std(axis=0))
        values = values / unit
        for k, name in enumerate(names):
            others = np.delete(values, k, axis=1)
            left = values[:, k]
            if others.size:
                left = left - others @ np.linalg.lstsq(others, left, rcond=None)[0]
            if (left**2).sum() < REPEATED * (values[:, k] ** 2).sum():
                raise ValueError(
                    f"{name} of covariates repeats the others, so that their effects "
                    "cannot be told apart: leave one out."
                )
        around = np.tile([-1.0, 1.0], (len(names), 1))
        both = np.stack([values.min(axis=0), values.max(axis=0)], axis=1)
        ends = np.where(np.array(pairs, dtype=bool)[:, None], both, around)
        none = np.where(pairs, values.min(axis=0), -columns.mean(axis=0) / unit)
        return cls(tuple(names), values, ends, np.ptp(ends, axis=1) * unit, none)

    def from_none(self, which: Sequence[str]) -> Self:
        """Count some covariates from where there is none of them."""
        start = np.where([name in which for name in self.names], self.none, 0.0)
        return replace(
            self,
            values=self.values - start,
            ends=self.ends - start[:, None],
            none=self.none - start,
        )


def _columns(given: Any, formula: str | None) -> tuple[list[str], Array]:
    """Give names of columns and these, (n_scans, n_covariates)."""
    if given is None:
        raise ValueError(f"formula={formula!r} needs covariates.")
    if formula is not None:
        found, gaps = by_formula(formula, given, "covariates")
        if gaps:
            raise ValueError(
                f"covariates must be finite, got missing values of {', '.join(gaps)}: "
                "leave these scans out."
            )
        found = found.drop(columns="Intercept", errors="ignore")
        return list(found.columns), np.asarray(found, dtype=np.float64)
    if hasattr(given, "columns"):
        words = [
            str(name) for name in given.columns if given[name].dtype.kind not in "biuf"
        ]
        if words:
            raise ValueError(
                f"covariates must be numbers, got {', '.join(words)}: say how they "
                f'enter by a formula, such as "{words[0]}".'
            )
        return list(map(str, given.columns)), np.asarray(given, dtype=np.float64)
    columns = np.asarray(given, dtype=np.float64)
    columns = columns[:, None] if columns.ndim == 1 else columns
    if columns.ndim != 2:
        raise ValueError(
            "covariates must be of shape (n_scans,) or (n_scans, n_covariates), got "
            f"{columns.shape}."
        )
    return [f"covariate_{k + 1}" for k in range(columns.shape[1])], columns
