"""Where displays take what they show: from a fitted estimator."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.utils.validation import check_is_fitted

from delssome.connectome import (
    edges_to_matrix,
    group_average,
    matrix_to_edges,
    pack_rows,
)

__all__ = ["check_alike", "check_estimator", "empirical_and_simulated"]


def check_estimator(estimator, kind):
    """Refuse what is not a fitted estimator of this kind."""
    if not isinstance(estimator, kind):
        raise TypeError(
            f"this display is of a {kind.__name__}, got {type(estimator).__name__}; "
            "of a pipeline or a search, hand over its fitted step or best_estimator_."
        )
    check_is_fitted(estimator)


def check_alike(n_axes, **arrays):
    """Check that arrays have so many axes and the same shape; give them as floats."""
    arrays = {name: np.asarray(a, dtype=np.float64) for name, a in arrays.items()}
    shapes = {name: array.shape for name, array in arrays.items()}
    if len(set(shapes.values())) > 1 or len(next(iter(shapes.values()))) != n_axes:
        listed = ", ".join(f"{shape} ({name})" for name, shape in shapes.items())
        raise ValueError(
            f"{' and '.join(arrays)} must be arrays of {n_axes} axes and of the same "
            f"shape, got {listed}."
        )
    return arrays.values()


def empirical_and_simulated(fitter, X=None):
    """Give FC and FCD distributions, each empirical and simulated.

    Parameters
    ----------
    fitter : MeanFieldFitter
        Fitted.
    X : array-like of shape (n_subjects, n_features), default=None
        Subjects, averaged as a group and simulated with their own connectome, as
        `MeanFieldFitter.score` does. None: those of the fit.

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
