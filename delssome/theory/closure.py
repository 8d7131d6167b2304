"""Self-consistent Gaussian closure: where noise and nonlinearity settle together."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import numpy as np

from delssome.theory.linearisation import Equations, regress
from delssome.theory.network import LinearNetwork, shift, variable_covariance

__all__ = ["Closure", "close"]

N_ITERATIONS = 4


@dataclass(frozen=True)
class Closure:
    """Gaussian description of candidates.

    Attributes
    ----------
    network : LinearNetwork
        Linear network with slopes averaged over the noise. Of the candidates that
        did not settle, the last stable one or, if there was none, that of the fixed
        point.
    mean : ndarray of shape (n_variables, n_candidates, n_rois)
        Mean states and coupling.
    covariance : ndarray of shape (n_variables, n_variables, n_candidates, n_rois)
    rates : ndarray of shape (n_candidates, n_rois)
        Mean of the first output, in Hz.
    settled : ndarray of int, shape (n_candidates,)
        Iterations that ended in a stable network: `N_ITERATIONS` + 1 if all, 0 if
        the fixed point is unstable.
    softening : ndarray of shape (n_candidates,)
        Decay rate of the slowest mode over what it is without noise: 1 far from the
        edge of stability, towards 0 where noise is about to make the network unstable.
    """

    network: LinearNetwork
    mean: np.ndarray
    covariance: np.ndarray
    rates: np.ndarray
    settled: np.ndarray
    softening: np.ndarray


def close(model, params, sc, step, n_iterations=N_ITERATIONS):
    """Iterate mean, covariance and slopes until they agree.

    Parameters
    ----------
    model : FIC
    params : dict of str to ndarray
        Searched parameters, (n_candidates, n_rois) or (n_candidates,).
    sc : ndarray of shape (n_rois, n_rois) or (n_candidates, n_rois, n_rois)
        Scaled structural connectivity, symmetric.
    step : float
        Integration step of the simulation that is described, in seconds.
    n_iterations : int, default=4
        0: theory linear at the fixed point.

    Returns
    -------
    Closure

    Notes
    -----
    Plain linear-noise theory takes slopes at the fixed point. The transfer functions
    are convex there, so that fluctuations raise both the mean rate and the mean
    slope, which slows the network and feeds the fluctuations: near the edge of
    stability, where good candidates live, its covariances are too small, and it does
    not see that noise can make a network unstable whose fixed point is stable. Here
    mean and slopes are averages over the Gaussian distribution that they imply.
    """
    equations = Equations(model, params, sc)
    mean = equations.fixed_point()
    n = len(mean) - 1
    values, slopes = regress(equations, mean, np.zeros((n + 1, *mean.shape)))
    network = LinearNetwork.from_slopes(slopes, equations.network, equations.sigma)
    rates = values[n]
    settled = network.stable(step).astype(int)
    without_noise = network.decay[:, 0].copy()
    # Work on the stable ones alone; they get fewer from one iteration to the next.
    alive = np.flatnonzero(settled)
    covariance = np.zeros((n + 1, *mean.shape))
    result = network, mean, covariance, rates
    for _ in range(n_iterations):
        if len(alive) == 0:
            break
        part = network.select(alive)
        covariance[:, :, alive] = variable_covariance(part, step)
        values, slopes = regress(
            equations.select(alive), mean[:, alive], covariance[:, :, alive]
        )
        part = LinearNetwork.from_slopes(
            slopes, equations.network[alive], equations.sigma[alive]
        )
        stable = part.stable(step)
        alive, part = alive[stable], part.select(stable)
        move = shift(part, values[:n, stable])
        mean[:, alive] += move
        rates[alive] = values[n, stable] + (np.moveaxis(part.output, -1, 0) * move).sum(
            axis=0
        )
        network.update(alive, part)
        settled[alive] += 1
    softening = network.decay[:, 0] / without_noise
    return Closure(*result, settled, softening)
