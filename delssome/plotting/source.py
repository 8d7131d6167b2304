"""Where displays take what they show: from a fitted estimator."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from delssome.connectome import (
    edges_to_matrix,
    group_average,
    matrix_to_edges,
    pack_rows,
)
from delssome.fitting import MeanFieldFitter, MeanFieldPosterior

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = [
    "Z_90",
    "Fitted",
    "check_alike",
    "check_estimator",
    "check_of_regions",
    "empirical_and_simulated",
    "found_effects",
]

Array = NDArray[np.float64]

# Half the width of a normal density's interval of 90 %, in standard deviations.
Z_90 = 1.645
# What is fitted to one subject or group.
Fitted = MeanFieldFitter | MeanFieldPosterior


def check_estimator(estimator: object, kind: type[BaseEstimator] | None = None) -> None:
    """Refuse what is not a fitted estimator of this kind; None: one of `Fitted`."""
    if not isinstance(estimator, Fitted if kind is None else kind):
        kinds = get_args(Fitted) if kind is None else (kind,)
        names = " or a ".join(one.__name__ for one in kinds)
        raise TypeError(
            f"this display is of a {names}, got {type(estimator).__name__}; "
            "of a pipeline or a search, hand over its fitted step or best_estimator_."
        )
    check_is_fitted(estimator)


def check_alike(n_axes: int, **arrays: ArrayLike) -> list[Array]:
    """Check that arrays have so many axes and the same shape; give them as floats."""
    checked = {name: np.asarray(a, dtype=np.float64) for name, a in arrays.items()}
    shapes = {name: array.shape for name, array in checked.items()}
    if len(set(shapes.values())) > 1 or len(next(iter(shapes.values()))) != n_axes:
        listed = ", ".join(f"{shape} ({name})" for name, shape in shapes.items())
        raise ValueError(
            f"{' and '.join(checked)} must be arrays of {n_axes} axes and of the same "
            f"shape, got {listed}."
        )
    return list(checked.values())


def check_of_regions(n_rois: int, **given: Sequence[str] | ArrayLike | None) -> None:
    """Check that what is given holds one entry for each region; None is nothing."""
    for name, values in given.items():
        if values is not None and np.shape(values) != (n_rois,):
            raise ValueError(
                f"{name} must hold one entry for each of the {n_rois} regions, "
                f"got shape {np.shape(values)}."
            )


def empirical_and_simulated(
    fitter: Fitted, X: ArrayLike | None = None
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Give FC and FCD distributions, each empirical and simulated.

    Parameters
    ----------
    fitter : MeanFieldFitter or MeanFieldPosterior
        Fitted.
    X : array-like of shape (n_subjects, n_features), default=None
        Subjects, averaged as a group and simulated with their own connectome, as
        `predict` does. None: those of the fit.

    Returns
    -------
    fcs : tuple of two ndarrays of shape (n_rois, n_rois)
    fcd_cdfs : tuple of two ndarrays of shape (n_fcd_bins,)
    """
    if X is None:
        fcd_cdfs = fitter.fcd_cdf_, fitter.fcd_cdf_simulated_
        return (fitter.fc_, fitter.fc_simulated_), fcd_cdfs
    group = group_average(X, fitter.n_fcd_bins)
    row = pack_rows(group.sc, matrix_to_edges(group.fc), group.fcd_cdf)
    predicted = fitter.predict(row)[0]
    edges = predicted[: -fitter.n_fcd_bins]
    simulated = edges_to_matrix(edges, diagonal=1.0)
    return (group.fc, simulated), (group.fcd_cdf, predicted[len(edges) :])


def found_effects(
    rows: "DataFrame", alpha: float = 0.05
) -> tuple[NDArray[np.bool_], str]:
    """Say which rows of a table have an effect, and by what.

    Parameters
    ----------
    rows : pandas.DataFrame
        With ``p_fdr``, or of a posterior with ``low`` and ``high``.
    alpha : float, default=0.05
        False discovery rate.

    Returns
    -------
    found : ndarray of bool, shape (n_rows,)
    says : str
    """
    if "p_fdr" in rows:
        return (rows["p_fdr"] < alpha).to_numpy(), f"FDR < {alpha:g}"
    found = ((rows["low"] > 0) | (rows["high"] < 0)).to_numpy()
    return found, "interval without 0"
