"""Whether maps of one subject are more alike than maps of two."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from sklearn.utils import Bunch

from delssome.study._design import design_by, subjects_of
from delssome.study._tables import (
    Array,
    check_maps_of_subjects,
    names_of_regions,
    with_summaries,
)
from delssome.utils import check_number

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["retest"]


def retest(
    first: "ArrayLike | DataFrame",
    second: "ArrayLike | DataFrame",
    *,
    subjects: "DataFrame | Mapping[str, Any] | None" = None,
    covariates: str | None = None,
    region_names: Sequence[str] | None = None,
    networks: Sequence[str] | Mapping[str, str] | None = None,
    level: float = 0.95,
) -> Bunch:
    """Compare maps of the same subjects from two scans.

    Parameters
    ----------
    first, second : array-like of shape (n_subjects, n_rois)
        Maps that a model reads out, such as E/I ratios; subjects with NaN in either
        are left out. Data frames name their regions and subjects, and are brought into
        the same order by these names.
    subjects : pandas.DataFrame, or dict of str to array-like, default=None
        As of :func:`map_effects`, for `covariates`.
    covariates : str, default=None
        Formula of what to regress out of both scans, such as ``"age + sex"``: what
        people of all ages have in common tells them apart as well.
    region_names, networks : sequence of str of length n_rois, default=None
        As of :func:`map_effects`.
    level : float, default=0.95
        Of the confidence intervals.

    Returns
    -------
    Bunch
        ``icc``, a pandas.DataFrame with a row for the mean over regions, each network
        and each region (index ``kind``, ``name``): the intraclass correlation ICC(2,1)
        and its ``low`` and ``high``. ``similarity`` (n, n), a data frame by subject:
        correlation over regions of each first map with each second one; ``within``
        (n,), its diagonal, and ``between`` (n * (n - 1),), the rest; ``identified``,
        the share of first maps whose most similar second map is of the same subject (by
        chance 1 / n).

    References
    ----------
    Shrout & Fleiss 1979, https://doi.org/10.1037/0033-2909.86.2.420 (two-way random
    effects, absolute agreement); McGraw & Wong 1996 (its interval).

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.study import retest
    >>> rng = np.random.default_rng(0)
    >>> subjects = rng.normal(2.5, 0.2, (7, 30))
    >>> noisy = lambda: subjects + rng.normal(0, 0.1, subjects.shape)
    >>> found = retest(noisy(), noisy())
    >>> found.identified
    1.0
    >>> found.icc.loc["region", "icc"].median().round(1)
    np.float64(0.8)
    """
    import pandas as pd

    check_number("level", level, Real, 0.01, 0.999)
    names = names_of_regions(first, region_names)
    second = _in_order_of(first, second)
    (a, whole), (b, whole_too) = (
        check_maps_of_subjects(maps, name)
        for maps, name in ((first, "first"), (second, "second"))
    )
    if a.shape != b.shape:
        raise ValueError(
            "first and second must be of the same subjects and regions, got shapes "
            f"{a.shape} and {b.shape}."
        )
    both = whole & whole_too
    given: Any = first
    who = given.index if hasattr(given, "iloc") else np.arange(len(a))
    if covariates is not None:
        if subjects is None:
            raise ValueError(f"covariates={covariates!r} needs subjects, got None.")
        people = subjects_of(first, subjects, len(a))
        design = np.asarray(design_by(people, covariates, both), dtype=np.float64)
        a, b = (_without(x[both], design) for x in (a, b))
    else:
        a, b = a[both], b[both]
    who = pd.Index(who[both], name="subject")
    similarity = np.corrcoef(a, b)[: len(a), len(a) :]
    (one, index), (other, _) = (with_summaries(x, names, networks) for x in (a, b))
    columns = ("icc", "low", "high")
    icc = icc_of(np.stack([one, other]), level)
    return Bunch(
        icc=pd.DataFrame(dict(zip(columns, icc, strict=True)), index=index),
        similarity=pd.DataFrame(similarity, index=who, columns=who),
        within=similarity.diagonal().copy(),
        between=similarity[~np.eye(len(a), dtype=bool)],
        identified=float(np.mean(similarity.argmax(axis=1) == np.arange(len(a)))),
    )


def _in_order_of(first: Any, second: Any) -> Any:
    """Bring a second data frame into the order of the first, by its names."""
    if not (hasattr(first, "iloc") and hasattr(second, "iloc")):
        return second
    for axis in ("index", "columns"):
        one, other = getattr(first, axis), getattr(second, axis)
        if one.equals(other):
            continue
        if len(one) != len(other) or set(one) != set(other) or not one.is_unique:
            raise ValueError(
                "first and second must be of the same subjects and regions, but their "
                f"{axis} differ."
            )
        second = second.reindex(**{axis: one})
    return second


def _without(maps: Array, design: Array) -> Array:
    """Take out what a design explains, but for the mean."""
    left = maps - design @ np.linalg.lstsq(design, maps, rcond=None)[0]
    return np.asarray(left + maps.mean(axis=0))


def icc_of(scans: NDArray[np.float64], level: float) -> tuple[Array, Array, Array]:
    """Give ICC(2,1) of values (n_scans, n_subjects, ...), with its interval."""
    k, n = scans.shape[:2]
    mean = scans.mean(axis=(0, 1))
    subjects = k * ((scans.mean(axis=0) - mean) ** 2).sum(axis=0) / (n - 1)
    visits = n * ((scans.mean(axis=1) - mean) ** 2).sum(axis=0) / (k - 1)
    rest = scans - scans.mean(axis=0) - scans.mean(axis=1, keepdims=True) + mean
    error = (rest**2).sum(axis=(0, 1)) / ((n - 1) * (k - 1))
    icc = (subjects - error) / (
        subjects + (k - 1) * error + k * (visits - error) / n
    )  # Shrout & Fleiss 1979
    with np.errstate(divide="ignore", invalid="ignore"):
        a = k * icc / (n * (1.0 - icc))
        b = 1.0 + k * icc * (n - 1) / (n * (1.0 - icc))
        spread = (a * visits) ** 2 / (k - 1)
        spread = spread + (b * error) ** 2 / ((n - 1) * (k - 1))
        df = (a * visits + b * error) ** 2 / spread
        upper = stats.f.ppf(0.5 + level / 2.0, n - 1, df)
        lower = stats.f.ppf(0.5 + level / 2.0, df, n - 1)
        other = k * visits + (k * n - k - n) * error
        low = n * (subjects - upper * error) / (upper * other + n * subjects)
        high = n * (lower * subjects - error) / (other + n * lower * subjects)
    return icc, low, high
