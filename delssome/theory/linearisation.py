"""Linear stand-ins for a model's equations, and for the haemodynamics."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from delssome.models import Candidates
from delssome.models.steady import jacobian
from delssome.simulation import haemodynamics

__all__ = ["Equations", "averages_at_rest", "haemodynamic_response", "regress"]

Array = NDArray[Any]

# Smallest standard deviation over which a slope is taken: where there is no noise,
# regression becomes a central difference.
SMALL = 1e-6


class Equations:
    """A model's equations for a batch of candidates, one region at a time.

    The variables of a region are its states and then its couplings, one for each state
    that couples regions; the functions are the derivatives of its states and then its
    outputs (rates).

    Parameters
    ----------
    candidates : Candidates
    """

    def __init__(self, candidates: Candidates) -> None:
        self.candidates = candidates
        self.inputs = candidates.inputs

    def __call__(self, variables: Array) -> Array:
        """Evaluate: (n_variables, ...) to (n_functions, ...)."""
        found = self.candidates.model.derivatives(*variables, *self.inputs, np.expm1)
        return np.stack(np.broadcast_arrays(*found))

    @property
    def network(self) -> Array:
        """Global coupling times connectivity, (n_candidates, n_rois, n_rois)."""
        return self.candidates.network

    @property
    def sigma(self) -> Array:
        """Noise amplitude, (n_candidates, n_rois)."""
        return self.candidates.sigma

    def fixed_point(self) -> Array:
        """Variables at the fixed point, (n_variables, n_candidates, n_rois).

        Of candidates that come to no rest, at the initial state.
        """
        model = self.candidates.model
        states = np.stack(self.candidates.states)
        start = np.asarray(model.initial_state, dtype=float)[:, None, None]
        rests = self.candidates.rests
        states = np.where(rests[:, None], states, start)
        couplings = [self.candidates.sc @ states[k][..., None] for k in self.coupled]
        G = self.candidates.params["G"][:, None]
        return np.stack([*states, *(coupling[..., 0] * G for coupling in couplings)])

    @property
    def coupled(self) -> tuple[int, ...]:
        """Places of the states that couple regions."""
        model = self.candidates.model
        return tuple(model.states.index(name) for name in model.couples)

    @property
    def seen(self) -> int:
        """Place of the state that is seen."""
        model = self.candidates.model
        return model.states.index(model.observed)


def averages_at_rest(candidates: Candidates) -> dict[str, Array]:
    """Give states and outputs at the fixed point, (n_candidates, n_rois) each."""
    equations, model = Equations(candidates), candidates.model
    variables = equations.fixed_point()
    n = len(model.states)
    names = (*model.states, *model.outputs)
    values = (*variables[:n], *equations(variables)[n:])
    return dict(zip(names, values, strict=True))


def regress(
    functions: Callable[[Array], Array], mean: Array, covariance: Array
) -> tuple[Array, Array]:
    """Mean and slopes of functions of Gaussian variables (statistical linearisation).

    Parameters
    ----------
    functions : callable
        (n_variables, ...) to (n_functions, ...).
    mean : ndarray of shape (n_variables, ...)
    covariance : ndarray of shape (n_variables, n_variables, ...)
        0 gives the functions and their Jacobian at the mean.

    Returns
    -------
    values : ndarray of shape (n_functions, ...)
        Mean of the functions.
    slopes : ndarray of shape (n_functions, n_variables, ...)
        Linear regression of the functions on the variables; for Gaussian variables
        that is the mean of the Jacobian.

    Notes
    -----
    By the symmetric cubature of degree three: two points on each principal axis
    (McNamee and Stenger 1967, as in unscented and cubature Kalman filters).
    """
    n = len(mean)
    covariance = np.moveaxis(covariance, (0, 1), (-2, -1))
    sd = np.sqrt(np.maximum(np.diagonal(covariance, axis1=-2, axis2=-1), 0.0))
    sd = np.maximum(sd, SMALL)
    correlation = covariance / (sd[..., :, None] * sd[..., None, :])
    # Perfect correlation leaves an axis without extent: give it a little.
    power, axes = np.linalg.eigh(correlation)
    extent = np.sqrt(n * np.maximum(power, SMALL))
    root = sd[..., :, None] * axes * extent[..., None, :]
    inverse = np.swapaxes(axes, -1, -2) / (extent[..., :, None] * sd[..., None, :])
    values: Any = 0.0
    slopes: Any = 0.0
    for k in range(n):
        step = np.moveaxis(root[..., k], -1, 0)
        above, below = functions(mean + step), functions(mean - step)
        along = np.moveaxis(inverse[..., k, :], -1, 0)
        values = values + (above + below) / (2 * n)
        slopes = slopes + 0.5 * (above - below)[:, None] * along
    return values, slopes


def haemodynamic_response(omega: ArrayLike, activity: float) -> Array:
    """Response of BOLD to small changes of neural activity.

    Parameters
    ----------
    omega : array-like of shape (n_frequencies,)
        Angular frequencies, in rad/s.
    activity : float
        Mean activity, around which the haemodynamics are linearised.

    Returns
    -------
    ndarray of complex, shape (n_frequencies,)

    Notes
    -----
    The operating point is that of the mean activity (blood flow f = 1 + x / gamma_h),
    not rest: x is about 0.16 in the FIC model, so that f is 1.4.
    """
    f = 1.0 + activity / haemodynamics.GAMMA_H
    v = f**haemodynamics.ALPHA
    q = v * (1.0 - np.exp(haemodynamics.LOG_1_RHO / f)) / haemodynamics.RHO

    def functions(x: Array) -> Array:
        rates = haemodynamics.derivatives(*x, np.exp, np.log)  # type: ignore[call-arg]
        return np.stack([*rates, haemodynamics.bold_signal(*x[3:])])

    slopes = jacobian(functions, np.array([activity, 0.0, f, v, q]))
    drive, system, bold = slopes[:4, 0], slopes[:4, 1:], slopes[4]
    s = 1j * np.asarray(omega)[:, None, None]
    # A matrix for each frequency: NumPy 1 would take (4, 1) for four vectors.
    drive = drive[None, :, None]
    response = np.linalg.solve(s * np.eye(4) - system, drive)[..., 0]
    return response @ bold[1:]
