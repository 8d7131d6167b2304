"""What FC and FCD can tell of the parameters: relaxation against coupling."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import NamedTuple

import numpy as np

from delssome.models import check_candidates
from delssome.theory.linearisation import Equations, jacobian

__all__ = ["Effective", "effective_parameters"]


class Effective(NamedTuple):
    """Combinations of parameters by which the linear dynamics of a network go.

    Attributes
    ----------
    relaxation : ndarray of shape (n_candidates, n_rois)
        Rate at which a region alone returns to its fixed point, with inhibition
        following at once, in 1/s. Negative: a region that would not.
    coupling : ndarray of shape (n_candidates, n_rois)
        Strength at which it is driven by its neighbours, in 1/s: G times the slope of
        its dynamics on the coupling.
    spectral_radius : ndarray of shape (n_candidates,)
        Largest eigenvalue, in size, of SC weighted by coupling over relaxation: 1 where
        the network loses stability by coupling.
    """

    relaxation: np.ndarray
    coupling: np.ndarray
    spectral_radius: np.ndarray


def effective_parameters(model, params, sc):
    r"""Reduce each region to its slow variable at the fixed point.

    Parameters
    ----------
    model : FIC
    params : dict of str to ndarray
        Searched parameters, (n_candidates, n_rois) or (n_candidates,).
    sc : ndarray of shape (n_rois, n_rois)
        Scaled structural connectivity.

    Returns
    -------
    Effective

    Notes
    -----
    With the Jacobian of a region :math:`a, b; c, d` (S_E, S_I) and the slope h on the
    coupling, S_I follows S_E within milliseconds, so that
    :math:`\dot s_i = -k_i s_i + G h \sum_j C_{ij} s_j` with :math:`k = -(a - bc/d)`.
    Multiplied by a constant, k and G give the same correlations: these tell k/G. And k
    depends on w_EE and w_EI at once, of which E/I is a function of w_EI alone.
    """
    equations = Equations(model, *check_candidates(model, params, sc))
    slopes = jacobian(equations, equations.fixed_point())
    (a, b, h), (c, d, _) = slopes[0], slopes[1]
    relaxation = -(a - b * c / d)
    coupling = equations.G[:, None] * h
    weighted = (coupling / relaxation)[:, :, None] * equations.sc
    radius = np.abs(np.linalg.eigvals(weighted)).max(axis=-1)
    return Effective(relaxation, coupling, radius)
