"""The Hopf model: a noisy Stuart-Landau oscillator in every region."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from delssome.models.base import Array, Model, Params, Solution

__all__ = ["Hopf"]


def derivatives(
    x: Any,
    y: Any,
    coupling_x: Any,
    coupling_y: Any,
    a: Any,
    omega: Any,
    strength: Any,
    expm1: Callable[[Any], Any],
) -> tuple[Any, Any, Any]:
    """Give dx/dt and dy/dt (1/s) without noise, and the squared amplitude.

    `strength` is G * sum_j C_ij: regions are drawn to each other's states, by
    G * sum_j C_ij (x_j - x_i).
    """
    power = x * x + y * y
    growth = a - power - strength
    dx = growth * x - omega * y + coupling_x
    dy = growth * y + omega * x + coupling_y
    return dx, dy, power


@dataclass(frozen=True)
class Hopf(Model):
    r"""Oscillators near their Hopf bifurcation, the published third model.

    Parameters
    ----------
    a, omega, G, sigma : tuple of float (low, high)
        Ranges of the searched parameters: distance from the bifurcation (1/s; negative:
        damped), angular frequency (rad/s), global coupling, noise amplitude (s**-0.5).
        Published box of Zeng et al. 2026.

    Notes
    -----
    .. math::

        \dot x_i &= (a_i - x_i^2 - y_i^2) x_i - \omega_i y_i
            + G \sum_j C_{ij} (x_j - x_i) + \sigma_i \nu_i \\
        \dot y_i &= (a_i - x_i^2 - y_i^2) y_i + \omega_i x_i
            + G \sum_j C_{ij} (y_j - y_i) + \sigma_i \eta_i

    What is seen is x itself, sampled at every TR, not the haemodynamics that it would
    drive. What is read out is the root of the mean of :math:`x^2 + y^2`. Explicit steps
    dt let an oscillation grow at :math:`\omega^2 dt / 2` besides, 0.08 per second at
    the largest frequency and the published step of 1 ms: theory counts that in.

    References
    ----------
    Deco et al. 2017, Scientific Reports, https://doi.org/10.1038/s41598-017-03073-5.

    Examples
    --------
    Oscillations from 0.01 to 0.1 Hz only, as of BOLD that was filtered:

    >>> import numpy as np
    >>> from delssome import Hopf, MeanFieldFitter
    >>> hopf = Hopf(omega=(2 * np.pi * 0.01, 2 * np.pi * 0.1))
    >>> fitter = MeanFieldFitter(model=hopf)  # .fit(X)
    >>> hopf.readout_name
    'Amplitude'
    """

    a: tuple[float, float] = (-1.0, 0.0)
    omega: tuple[float, float] = (0.0, 12.56)
    G: tuple[float, float] = (0.0, 3.0)
    sigma: tuple[float, float] = (0.0005, 0.01)

    name: ClassVar[str] = "Hopf"
    searched: ClassVar[tuple[str, ...]] = ("a", "omega", "G", "sigma")
    regional: ClassVar[tuple[str, ...]] = ("a", "omega", "sigma")
    states: ClassVar[tuple[str, ...]] = ("x", "y")
    couples: ClassVar[tuple[str, ...]] = ("x", "y")
    inputs: ClassVar[tuple[str, ...]] = ("a", "omega", "strength")
    outputs: ClassVar[tuple[str, ...]] = ("power",)
    haemodynamics: ClassVar[bool] = False
    readout_name: ClassVar[str] = "Amplitude"
    readout_key: ClassVar[str] = "amplitude"
    initial_state: ClassVar[tuple[float, ...]] = (0.0, 0.0)
    largest_step: ClassVar[float] = 0.001  # published
    derivatives: ClassVar[Any] = staticmethod(derivatives)

    def readout(self, averages: Params) -> Array:
        """Give the amplitude, the root of the mean square."""
        return np.sqrt(averages["power"])

    def solve(self, params: Params, sc: Array) -> Solution:
        """Give what regions lose to others, 1/s; they rest at 0."""
        strength = params["G"][:, None] * sc.sum(axis=-1)
        rest = np.zeros_like(strength)
        return Solution({**params, "strength": strength}, (rest, rest.copy()))
