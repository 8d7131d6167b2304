"""Self-consistent Gaussian closure: where noise and nonlinearity settle together."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delssome.models import Candidates
from delssome.theory.forms import form_of
from delssome.theory.linearisation import Equations, averages_at_rest, regress

__all__ = ["BATCH", "Closure", "close", "expected_readout"]

Array = NDArray[Any]

N_ITERATIONS = 4
# Candidates handled at once: arrays of a few MiB.
BATCH = 16


@dataclass(frozen=True)
class Closure:
    """Gaussian description of candidates.

    Attributes
    ----------
    network : LinearNetwork or GeneralNetwork
        Linear network with slopes averaged over the noise. Of the candidates that
        did not settle, the last stable one or, if there was none, that of the fixed
        point.
    mean : ndarray of shape (n_variables, n_candidates, n_rois)
        Mean states and coupling.
    covariance : ndarray of shape (n_variables, n_variables, n_candidates, n_rois)
    outputs : ndarray of shape (n_outputs, n_candidates, n_rois)
        Mean outputs.
    settled : ndarray of int, shape (n_candidates,)
        Iterations that ended in a stable network: `N_ITERATIONS` + 1 if all, 0 if
        the fixed point is unstable or there is none.
    softening : ndarray of shape (n_candidates,)
        Decay rate of the slowest mode over what it is without noise: 1 far from the
        edge of stability, towards 0 where noise is about to make the network unstable.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.models import FIC, Candidates
    >>> from delssome.theory import close
    >>> params = {"w_EE": [3.0], "w_EI": [2.0], "G": [1.0], "sigma": [0.005]}
    >>> candidates = Candidates(FIC(), params, 0.02 * (1 - np.eye(3)))
    >>> closure = close(candidates, step=0.006)
    >>> closure.settled, closure.outputs.round(1)  # all iterations; 3 Hz
    (array([5]), array([[[3., 3., 3.]]]))
    """

    network: Any
    mean: Array
    covariance: Array
    outputs: Array
    settled: NDArray[np.int_]
    softening: Array


def close(
    candidates: Candidates, step: float, n_iterations: int = N_ITERATIONS
) -> Closure:
    """Iterate mean, covariance and slopes until they agree.

    Parameters
    ----------
    candidates : Candidates
        Of a model that theory describes.
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

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.models import FIC, Candidates
    >>> from delssome.theory import close
    >>> params = {"w_EE": [3.0], "w_EI": [2.0], "G": [1.0], "sigma": [0.005]}
    >>> candidates = Candidates(FIC(), params, 0.02 * (1 - np.eye(3)))
    >>> close(candidates, step=0.006).softening < 1  # noise slows the network
    array([ True])
    """
    equations, form = Equations(candidates), form_of(candidates)
    mean = equations.fixed_point()
    n = len(candidates.model.states)
    nothing = np.zeros((len(mean), *mean.shape))
    values, slopes = regress(equations, mean, nothing)
    network = form(equations, slopes)
    outputs = values[n:].copy()
    settled = (network.stable(step) & candidates.rests).astype(int)
    without_noise = network.decay[:, 0].copy()
    # Work on the stable ones alone; they get fewer from one iteration to the next.
    alive = np.flatnonzero(settled)
    changed = np.ones(len(alive), dtype=bool)
    covariance = nothing
    result = network, mean, covariance, outputs
    for _ in range(n_iterations):
        if len(alive) == 0:
            break
        part = network.select(alive)
        if changed.any():
            spread = part.select(changed).variable_covariance(step)
            covariance[:, :, alive[changed]] = spread
        equations = Equations(candidates.select(alive))
        values, slopes = regress(equations, mean[:, alive], covariance[:, :, alive])
        part, changed = part.renew(slopes)
        stable = part.stable(step)
        alive, changed, part = alive[stable], changed[stable], part.select(stable)
        move = part.shift(values[:n, stable])
        mean[:, alive] += move
        change = (np.moveaxis(part.output, (-2, -1), (0, 1)) * move).sum(axis=1)
        outputs[:, alive] = values[n:, stable] + change
        network.update(alive, part)
        settled[alive] += 1
    softening = network.decay[:, 0] / without_noise
    return Closure(*result, settled, softening)


def expected_readout(candidates: Candidates, step: float) -> Array:
    """Give what a model reads out, (n_candidates, n_rois).

    At rest, of which averages over noise are a fraction of a per cent off; of models
    that read out nothing there, as amplitudes of oscillations, over the noise.

    Parameters
    ----------
    candidates : Candidates
    step : float
        Integration step of the simulation that is described, in seconds.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.models import FIC, Candidates
    >>> from delssome.theory import expected_readout
    >>> params = {"w_EE": [3.0], "w_EI": [[1.5, 2.0, 2.5]]}
    >>> params |= {"G": [1.0], "sigma": [0.005]}
    >>> candidates = Candidates(FIC(), params, 0.02 * (1 - np.eye(3)))
    >>> expected_readout(candidates, step=0.006).round(1)  # E/I falls with w_EI
    array([[3.5, 3. , 2.6]])
    """
    model = candidates.model
    at_rest = model.readout(averages_at_rest(candidates))
    if at_rest.any():  # NaN, of what comes to no rest, too
        return at_rest
    found = []
    for part in candidates.batches(BATCH):
        closure = close(part, step)
        names = (*model.states, *model.outputs)
        values = (*closure.mean[: len(model.states)], *closure.outputs)
        found.append(model.readout(dict(zip(names, values, strict=True))))
    return np.concatenate(found)
