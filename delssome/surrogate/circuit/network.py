"""A network with the structure of the theory: local corrections between inverses.

Written once for NumPy, by which it predicts on a CPU and needs no torch, and for torch,
which trains and differentiates it and takes it to a GPU (:mod:`.module`).
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from delssome.surrogate.circuit.circuits import N_LOCAL, Circuit
from delssome.surrogate.circuit.features import BAND, describe_fc, is_regressed

__all__ = ["ArrayNet", "Network", "Prediction"]

Array = NDArray[Any]
T = TypeVar("T", bound=Any)  # an array or a tensor


class Prediction(NamedTuple, Generic[T]):
    """What the network says of candidates.

    Attributes
    ----------
    fc : (n, n_edges)
        Upper triangle.
    cdf : (n, n_points)
        FCD distribution.
    log_noise : (n,)
        Logarithm of the variance over edges that a single scan adds to FC.
    escape : (n,)
        Log odds that a simulation leaves the plausible range of rates.
    log_error : (n, 3)
        Logarithm of the error to expect in the three costs.
    """

    fc: T
    cdf: T
    log_noise: T
    escape: T
    log_error: T


class Network(Generic[T]):
    """Predict FC, FCD distribution and escape of candidates on any parcellation.

    A candidate is a symmetric matrix of decay and coupling between regions and the
    power of the noise in each: what linear theory has before it finds modes. Its
    inverse, applied to the noise on both sides, is nearly the covariance of BOLD. A
    small network, the same for every region, corrects the diagonal: for the slow end
    of the BOLD band and, from the variances of a first inverse, for what noise does to
    the slopes. Small networks for the other statistics read what the distribution of
    FCD depends on: how the variance over edges of FC, its pattern, compares with that
    of correlations in short windows. That noise is computed for normal signals whose
    covariance is FC and, since slow signals leave a window fewer independent samples,
    for two that see the slow and the fast part of the band. No layer is as wide as the
    number of regions.

    Attributes
    ----------
    xp : module
        NumPy or torch, of whose kind all else is.
    mix : (2,)
        How inverses stand for a band, before a scan is known.
    centre, spread : (n_features,)
        By which features are standardised.
    points : (n_points,)
        Points of the FCD distribution on [-1, 1].
    """

    xp: Any
    mix: T
    centre: T
    spread: T
    points: T

    def layers(self, name: str) -> list[tuple[T, T]]:
        """Give weights and biases of a perceptron, layer by layer."""
        raise NotImplementedError

    def forward(self, circuit: Circuit[T], scan: T) -> Prediction[T]:
        """Predict the statistics of candidates.

        Parameters
        ----------
        circuit : Circuit
        scan : (7,)

        Returns
        -------
        Prediction
        """
        edges, features = self.describe(circuit, scan)
        features = self.scaled(features)
        return Prediction(
            edges,
            self.distribution(features),
            self.log_noise(features),
            self.log_odds(features),
            self.log_error(features),
        )

    def correct_regions(self, circuit: Circuit[T], scan: T) -> tuple[T, T]:
        """Give what is added to decay (1/s), and the power of the noise."""
        xp, x = self.xp, circuit.local
        n, n_rois, _ = x.shape
        shared = xp.concatenate([x.mean(1), circuit.mode, self._repeated(scan, n)], -1)
        # The first layer in two parts: what is the same for all regions, once.
        (weight, bias), *others = self.layers("correct")
        own, around = weight[:, :N_LOCAL], weight[:, N_LOCAL:]
        width, rows = len(bias), n * n_rois
        hidden = (x.reshape(rows, N_LOCAL) @ own.T).reshape(n, n_rois, width)
        hidden = (hidden + (shared @ around.T + bias)[:, None]).reshape(rows, width)
        for weight, bias in others:
            hidden = self._silu(hidden) @ weight.T + bias
        shift, gain = (hidden[:, k].reshape(n, n_rois) for k in range(2))
        slow = BAND * xp.exp(shift.clip(-4, 3))
        return slow, circuit.power * xp.exp(gain.clip(-2, 2))

    def mix_of(self, scan: T) -> T:
        """Give the two numbers by which inverses stand for a scan's band."""
        return self.mix + self._perceptron("mix_of_band", scan)

    def describe(self, circuit: Circuit[T], scan: T) -> tuple[T, T]:
        """Give FC, upper triangle, and what the heads read, (n, n_features)."""
        slow, power = self.correct_regions(circuit, scan)
        given = slow, power, self.mix_of(scan), is_regressed(scan)
        edges, *found = describe_fc(circuit, *given)
        return edges, self.features(circuit, scan, slow, *found)

    def features(
        self, circuit: Circuit[T], scan: T, slow: T, sd: T, share: T, described: T
    ) -> T:
        """Pool what is known of regions and of FC, (n, n_features)."""
        xp, n_rois = self.xp, sd.shape[1]
        found = [
            xp.log(sd) / 2 + 3,
            xp.log(slow / BAND) / 2,
            xp.log(n_rois * share + 1e-2) / 2,
        ]
        x = xp.concatenate([circuit.local, xp.stack(found, -1)], -1)
        weighted = (share[:, None] @ x)[:, 0]
        pooled = [x.mean(1), xp.amax(x, 1), xp.amin(x, 1), weighted]
        known = [circuit.mode, described, self._repeated(scan, len(x))]
        return xp.concatenate([*pooled, *known], -1)

    def scaled(self, features: T) -> T:
        """Standardise features as in training."""
        return (features - self.centre) / self.spread

    def distribution(self, features: T) -> T:
        """FCD distribution: a mixture of logistic distributions, cut off at 1."""
        xp = self.xp
        found = self._perceptron("fcd", features)
        n = found.shape[1] // 3
        weight, centre, slope = found[:, :n], found[:, n : 2 * n], found[:, 2 * n :]
        steep = 8 * xp.exp(slope)[..., None]
        offset = steep * (-0.5 - 0.5 * centre[..., None])
        cumulative = self._sigmoid(offset + steep * self.points)
        weight = xp.exp(weight - xp.amax(weight, 1)[:, None])
        cdf = (weight[:, None] @ cumulative)[:, 0]
        return cdf / cdf[:, -1:]

    def log_noise(self, features: T) -> T:
        """Logarithm of the variance over edges that a single scan adds to FC."""
        return self._perceptron("noise", features)[:, 0] - 4

    def log_odds(self, features: T) -> T:
        """Log odds of an escape."""
        return self._perceptron("escape", features)[:, 0]

    def log_error(self, features: T) -> T:
        """Logarithm of the absolute errors to expect in the costs."""
        return self._perceptron("error", features) - 3

    def _perceptron(self, name: str, x: T) -> T:
        *hidden, (last, bias) = self.layers(name)
        for weight, own in hidden:
            x = self._silu(x @ weight.T + own)
        return x @ last.T + bias

    def _repeated(self, scan: T, n: int) -> T:
        return self.xp.broadcast_to(scan, (n, len(scan)))

    def _silu(self, x: T) -> T:
        raise NotImplementedError

    def _sigmoid(self, x: T) -> T:
        raise NotImplementedError


class ArrayNet(Network[Array]):
    """The network in NumPy, single precision.

    Parameters
    ----------
    state : dict of str to ndarray
        Weights, as they are written.
    """

    xp = np

    def __init__(self, state: Mapping[str, Array]) -> None:
        self._layers: dict[str, list[tuple[Array, Array]]] = {}
        names = {tuple(name.split(".")[:2]) for name in state if "." in name}
        for part, k in sorted(names, key=lambda name: int(name[1])):
            pair = state[f"{part}.{k}.weight"], state[f"{part}.{k}.bias"]
            self._layers.setdefault(part, []).append(pair)
        self.mix, self.points = state["mix"], state["points"]
        self.centre, self.spread = state["centre"], state["spread"]

    def layers(self, name: str) -> list[tuple[Array, Array]]:
        """Give weights and biases of a perceptron, layer by layer."""
        return self._layers[name]

    def _silu(self, x: Array) -> Array:
        return _over_one_and_exp(x, x)

    def _sigmoid(self, x: Array) -> Array:
        return _over_one_and_exp(np.float32(1), x)


def _over_one_and_exp(above: Any, x: Array) -> Array:
    """Divide by ``1 + exp(-x)``, in place of the denominator."""
    below = np.negative(x)
    with np.errstate(over="ignore"):
        np.exp(below, out=below)
    below += 1
    return np.divide(above, below, out=below)
