"""Balloon-Windkessel model: from synaptic activity to BOLD."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import math
from collections.abc import Callable
from typing import Any

__all__ = ["REST", "bold_signal", "derivatives"]

# Constants of Stephan et al. 2007 as used by Zeng et al. 2026.
KAPPA = 0.65  # decay of the vasodilatory signal (1/s)
GAMMA_H = 0.41  # autoregulation (1/s)
TAU_H = 0.98  # transit time (s)
ALPHA = 0.33  # stiffness of the vessels
RHO = 0.34  # resting oxygen extraction
V_0 = 0.02  # resting blood volume fraction
B_0, TE = 3.0, 0.0331  # field strength (T), echo time (s)
R_0, EPSILON = 110.0, 0.47  # intravascular relaxation slope (Hz), signal ratio
K_1 = 4.3 * 28.265 * B_0 * TE * RHO
K_2 = EPSILON * R_0 * TE * RHO
K_3 = 1.0 - EPSILON
LOG_1_RHO = math.log(1.0 - RHO)

REST = (0.0, 1.0, 1.0, 1.0)  # z, f, v, q


def derivatives(
    x: Any, z: Any, f: Any, v: Any, q: Any, exp: Callable, log: Callable
) -> tuple[Any, Any, Any, Any]:
    """Give the time derivatives (1/s) of z, f, v and q under neural activity x.

    z is the vasodilatory signal, f the blood flow, v the blood volume and q the
    deoxyhaemoglobin content, the last three relative to rest.
    """
    outflow = exp(log(v) / ALPHA)
    dz = x - KAPPA * z - GAMMA_H * (f - 1.0)
    dv = (f - outflow) / TAU_H
    extraction = (1.0 - exp(LOG_1_RHO / f)) / RHO
    dq = (f * extraction - q * outflow / v) / TAU_H
    return dz, z, dv, dq


def bold_signal(v: Any, q: Any) -> Any:
    """Give the BOLD signal change (per cent, times 1/rho as published)."""
    return (100.0 / RHO * V_0) * (
        K_1 * (1.0 - q) + K_2 * (1.0 - q / v) + K_3 * (1.0 - v)
    )
