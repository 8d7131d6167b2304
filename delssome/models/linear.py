"""The linear model: an Ornstein-Uhlenbeck process in every region."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from delssome.models.base import Array, Model, Params, Solution

__all__ = ["Linear"]


def derivatives(
    x: Any, coupling: Any, k: Any, expm1: Callable[[Any], Any]
) -> tuple[Any, Any]:
    """Give dx/dt (1/s) without noise, and the square of x."""
    return coupling - k * x, x * x


@dataclass(frozen=True)
class Linear(Model):
    r"""Multivariate Ornstein-Uhlenbeck process, the smallest model.

    Parameters
    ----------
    k, G, sigma : tuple of float (low, high)
        Ranges of the searched parameters: rate at which a region alone falls back
        (1/s), global coupling (1/s), noise amplitude (s**-0.5).

    Notes
    -----
    .. math::

        \dot x_i = -k_i x_i + G \sum_j C_{ij} x_j + \sigma_i \nu_i

    A network rests where G times the largest eigenvalue of C stays below k. What other
    models are near their fixed point, it is everywhere, so that theory describes it
    without error. What is read out is the root of the mean of :math:`x^2`.

    References
    ----------
    Gilson et al. 2016, PLOS Computational Biology,
    https://doi.org/10.1371/journal.pcbi.1004762.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.models import Candidates, Linear
    >>> from delssome.theory import effective_parameters
    >>> sc = 0.02 * (1 - np.eye(3))
    >>> params = {"k": [1.0, 1.0], "G": [10.0, 20.0], "sigma": [0.005, 0.005]}
    >>> candidates = Candidates(Linear(), params, sc)
    >>> effective_parameters(candidates).spectral_radius  # below 1: they rest
    array([0.4, 0.8])
    """

    k: tuple[float, float] = (0.5, 10.0)
    G: tuple[float, float] = (0.0, 20.0)
    sigma: tuple[float, float] = (0.0005, 0.01)

    name: ClassVar[str] = "Linear"
    searched: ClassVar[tuple[str, ...]] = ("k", "G", "sigma")
    regional: ClassVar[tuple[str, ...]] = ("k", "sigma")
    states: ClassVar[tuple[str, ...]] = ("x",)
    inputs: ClassVar[tuple[str, ...]] = ("k",)
    outputs: ClassVar[tuple[str, ...]] = ("power",)
    readout_name: ClassVar[str] = "Amplitude"
    readout_key: ClassVar[str] = "amplitude"
    initial_state: ClassVar[tuple[float, ...]] = (0.0,)
    largest_step: ClassVar[float] = 0.006
    derivatives: ClassVar[Any] = staticmethod(derivatives)

    def readout(self, averages: Params) -> Array:
        """Give the amplitude, the root of the mean square."""
        return np.sqrt(averages["power"])

    def solve(self, params: Params, sc: Array) -> Solution:
        """Nothing follows, and regions rest at 0."""
        return Solution(params, (np.zeros((len(params["G"]), sc.shape[-1])),))
