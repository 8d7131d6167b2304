"""What FC and FCD can tell of the parameters: relaxation against coupling."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from delssome.models import Candidates
from delssome.models.steady import jacobian
from delssome.theory.assumptions import check_reduction, reason_against_reduction
from delssome.theory.linearisation import Equations
from delssome.theory.network import reduce_regions

__all__ = ["Effective", "effective_parameters", "effective_regions"]

Array = NDArray[np.float64]


class Effective(NamedTuple):
    """Combinations of parameters by which the linear dynamics of a network go.

    Attributes
    ----------
    relaxation : ndarray of shape (n_candidates, n_rois)
        Rate at which a region alone returns to its fixed point, with inhibition
        following at once, in 1/s. Negative: a region that would not.
    noise : ndarray of shape (n_candidates, n_rois)
        Power of the noise that drives a region, in units of what its neighbours drive
        it with, over the geometric mean of all regions.
    coupling : ndarray of shape (n_candidates, n_rois)
        Strength at which it is driven by its neighbours, in 1/s: G times the slope of
        its dynamics on the coupling.
    spectral_radius : ndarray of shape (n_candidates,)
        Largest eigenvalue, in size, of SC weighted by coupling over relaxation: 1 where
        the network loses stability by coupling.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.models import FIC, Candidates
    >>> from delssome.theory import effective_parameters
    >>> params = {"w_EE": [3.0], "w_EI": [2.0], "G": [1.0], "sigma": [0.005]}
    >>> candidates = Candidates(FIC(), params, 0.02 * (1 - np.eye(3)))
    >>> effective = effective_parameters(candidates)
    >>> effective.relaxation.shape, effective.noise.round(2)  # its pattern
    ((1, 3), array([[1., 1., 1.]]))
    """

    relaxation: Array
    noise: Array
    coupling: Array
    spectral_radius: Array


def effective_parameters(candidates: Candidates) -> Effective:
    r"""Reduce each region to its slow variable at the fixed point.

    Parameters
    ----------
    candidates : Candidates
        Of a model whose regions reduce to the state that couples them.

    Returns
    -------
    Effective
        NaN for candidates that come to no rest.

    Raises
    ------
    ValueError
        If they do not reduce, as those of Hopf.

    Notes
    -----
    With the Jacobian of a region :math:`a, b; c, d` (the coupled state and the others)
    and the slope h on the coupling, the others follow the coupled state within
    milliseconds, so that :math:`\dot s_i = -k_i s_i + G h \sum_j C_{ij} s_j` with
    :math:`k = -(a - bc/d)`. Multiplied by a constant, k and G give the same
    correlations: these tell k/G and, of the power of the noise, its pattern. Of FIC, k
    depends on w_EE and w_EI at once, of which E/I is a function of w_EI alone.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.models import FIC, Candidates
    >>> from delssome.theory import effective_parameters
    >>> params = {"w_EE": [3.0, 3.0], "w_EI": [2.0, 2.0]}
    >>> params |= {"G": [1.0, 2.0], "sigma": [0.005, 0.005]}
    >>> candidates = Candidates(FIC(), params, 0.02 * (1 - np.eye(3)))
    >>> radius = effective_parameters(candidates).spectral_radius
    >>> bool(radius[0] < radius[1] < 1)  # nearer to the edge, and stable
    True
    """
    check_reduction(candidates.model, "Relaxation over coupling")
    relaxation, noise, coupling = effective_regions(candidates)
    rests = candidates.rests
    radius = np.full(len(candidates), np.nan)
    weighted = (coupling / relaxation)[:, :, None] * candidates.sc
    radius[rests] = np.abs(np.linalg.eigvals(weighted[rests])).max(axis=-1)
    return Effective(relaxation, noise, coupling, radius)


def effective_regions(candidates: Candidates) -> tuple[Array, Array, Array]:
    """Give relaxation, noise and coupling alone: the radius takes far longer.

    NaN of a model whose regions do not reduce to the state that couples them.
    """
    if reason_against_reduction(candidates.model):
        missing = np.full((3, len(candidates), candidates.n_rois), np.nan)
        return missing[0], missing[1], missing[2]
    equations = Equations(candidates)
    slopes = jacobian(equations, equations.fixed_point())
    n = len(candidates.model.states)
    a, h = slopes[0, 0], slopes[0, n]
    if n == 2:
        b, c, d = slopes[0, 1], slopes[1, 0], slopes[1, 1]
        a, h = a - b * c / d, h - b * slopes[1, 2] / d
    elif n > 2:
        others = np.moveaxis(slopes[1:n, 1:n], (0, 1), (-2, -1))
        driven = np.stack([slopes[1:n, 0], slopes[1:n, n]], axis=-1)
        follow = np.linalg.solve(others, np.moveaxis(driven, 0, -2))
        back = np.moveaxis(slopes[0, 1:n], 0, -1)[..., None, :] @ follow
        a, h = a - back[..., 0, 0], h - back[..., 0, 1]
    rests = candidates.rests
    relaxation = np.where(rests[:, None], -a, np.nan)
    coupling = np.where(rests[:, None], candidates.params["G"][:, None] * h, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):  # of those without rest
        power = reduce_regions(slopes, equations.sigma).power
        power = power / np.exp(np.log(power).mean(axis=1, keepdims=True))
    return relaxation, np.where(rests[:, None], power, np.nan), coupling
