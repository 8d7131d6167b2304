"""The Wilson-Cowan model: excitatory and inhibitory populations with sigmoid gains."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from delssome.models.base import Model

__all__ = ["WilsonCowan"]

# Constants of Wilson and Cowan 1972, Fig. 11: weights, slopes and thresholds.
C_EI, C_IE, C_II = 12.0, 15.0, 3.0
A_E, THETA_E = 1.3, 4.0
A_I, THETA_I = 2.0, 3.7
# Without input a population is silent: its gain is less what it is at 0.
SILENT_E = 1.0 / (1.0 + math.exp(A_E * THETA_E))
SILENT_I = 1.0 / (1.0 + math.exp(A_I * THETA_I))
# Time constants (s). With these, every network of the box comes to rest.
TAU_E, TAU_I = 0.02, 0.01


def gain(u: Any, expm1: Callable[[Any], Any]) -> Any:
    """Give the logistic function."""
    return 1.0 / (2.0 + expm1(-u))


def derivatives(
    E: Any,
    I: Any,  # noqa: E741
    coupling: Any,
    c_EE: Any,
    P: Any,
    expm1: Callable[[Any], Any],
) -> tuple[Any, Any]:
    """Give dE/dt and dI/dt (1/s) without noise."""
    active_E = gain(A_E * (c_EE * E - C_EI * I + coupling + P - THETA_E), expm1)
    active_I = gain(A_I * (C_IE * E - C_II * I - THETA_I), expm1)
    dE = (-E + (1.0 - E) * (active_E - SILENT_E)) / TAU_E
    dI = (-I + (1.0 - I) * (active_I - SILENT_I)) / TAU_I
    return dE, dI


@dataclass(frozen=True)
class WilsonCowan(Model):
    r"""Wilson-Cowan model with regional recurrent excitation and input.

    Parameters
    ----------
    c_EE, P, G, sigma : tuple of float (low, high)
        Ranges of the searched parameters: recurrent excitation, external input to the
        excitatory population, global coupling, noise amplitude (s**-0.5).

    Notes
    -----
    .. math::

        \tau_E \dot E_i &= -E_i + (1 - E_i) S_E(c_{EE,i} E_i - c_{EI} I_i
            + G \sum_j C_{ij} E_j + P_i) + \tau_E \sigma_i \nu_i \\
        \tau_I \dot I_i &= -I_i + (1 - I_i) S_I(c_{IE} E_i - c_{II} I_i)
            + \tau_I \sigma_i \eta_i

    with :math:`S(u) = 1 / (1 + e^{-a (u - \theta)}) - 1 / (1 + e^{a \theta})`. What is
    read out is the mean activity of the excitatory population. It has no plausible
    range. Time constants are 20 and 10 ms.

    References
    ----------
    Wilson and Cowan 1972, Biophysical Journal,
    https://doi.org/10.1016/S0006-3495(72)86068-5 (equations; constants of Fig. 11).

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.models import Candidates, WilsonCowan
    >>> params = {"c_EE": [12.0], "P": [1.0], "G": [1.0], "sigma": [0.005]}
    >>> candidates = Candidates(WilsonCowan(), params, 0.02 * (1 - np.eye(3)))
    >>> candidates.states[0].round(2)  # E at rest
    array([[0.02, 0.02, 0.02]])
    """

    c_EE: tuple[float, float] = (10.0, 16.0)
    P: tuple[float, float] = (0.0, 2.0)
    G: tuple[float, float] = (0.0, 20.0)
    sigma: tuple[float, float] = (0.001, 0.1)

    name: ClassVar[str] = "Wilson-Cowan"
    searched: ClassVar[tuple[str, ...]] = ("c_EE", "P", "G", "sigma")
    regional: ClassVar[tuple[str, ...]] = ("c_EE", "P", "sigma")
    states: ClassVar[tuple[str, ...]] = ("E", "I")
    inputs: ClassVar[tuple[str, ...]] = ("c_EE", "P")
    readout_name: ClassVar[str] = "Excitatory activity"
    readout_key: ClassVar[str] = "excitatory_activity"
    initial_state: ClassVar[tuple[float, ...]] = (0.1, 0.1)
    largest_step: ClassVar[float] = 0.001
    derivatives: ClassVar[Any] = staticmethod(derivatives)
