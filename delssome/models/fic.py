"""The feedback inhibition control (FIC) model: equations, constants, fixed point."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from numbers import Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from delssome.models.base import Array, Model, Params, Solution, plain_tuple, transfer
from delssome.models.steady import newton

__all__ = ["FIC", "FixedPoint"]

# Constants of Deco et al. 2014 as used by Zhang et al. 2024 and Zeng et al. 2026.
I_0 = 0.382  # external input (nA)
W_E, W_I = 1.0, 0.7  # share of I_0 that reaches each population
J = 0.15  # NMDA conductance (nA)
A_E, B_E, D_E = 310.0, 125.0, 0.16  # transfer function, excitatory (1/nC, Hz, s)
A_I, B_I, D_I = 615.0, 177.0, 0.087  # transfer function, inhibitory
TAU_E, TAU_I = 0.1, 0.01  # synaptic time constants (s)
GAMMA = 0.641  # kinetic parameter of NMDA gating

LARGEST_W_EI = 5.0  # published range; solutions up to there start from a table


def derivatives(
    S_E: Any,
    S_I: Any,
    coupling: Any,
    w_EE: Any,
    w_EI: Any,
    w_IE: Any,
    expm1: Callable[[Any], Any],
) -> tuple[Any, Any, Any]:
    """Give dS_E/dt and dS_I/dt (1/s) without noise, and the excitatory rate (Hz).

    Every backend runs this one function: NumPy, torch and compiled code hand in
    their own `expm1`. `coupling` is G * sum_j C_ij S_E,j.
    """
    I_E = W_E * I_0 + w_EE * J * S_E + J * coupling - w_IE * S_I
    I_I = W_I * I_0 + w_EI * J * S_E - S_I
    r_E = transfer(I_E, A_E, B_E, D_E, expm1)
    r_I = transfer(I_I, A_I, B_I, D_I, expm1)
    dS_E = -S_E / TAU_E + (1.0 - S_E) * GAMMA * r_E
    dS_I = -S_I / TAU_I + r_I
    return dS_E, dS_I, r_E


class FixedPoint(NamedTuple):
    """Where feedback inhibition holds every region (gating: 1; currents: nA).

    Examples
    --------
    >>> from delssome.models import FIC
    >>> point = FIC().fixed_point(w_EI=[1.0, 2.0, 3.0])  # of three regions
    >>> round(point.S_E, 2), point.S_I.round(2)
    (0.16, array([0.04, 0.05, 0.07]))
    """

    S_E: float
    I_E: float
    I_I: Array
    S_I: Array


@dataclass(frozen=True)
class FIC(Model):
    r"""Feedback inhibition control model with regional heterogeneity.

    Parameters
    ----------
    target_rate : float, default=3.0
        Excitatory firing rate at which feedback inhibition holds every region,
        in Hz.
    rate_tolerance : float, default=0.1
        A simulation is within range if the mean rate of every region lies within
        ``target_rate * (1 - rate_tolerance)`` and ``target_rate * (1 +
        rate_tolerance)``: 2.7 to 3.3 Hz by default. ``inf`` accepts any rate.
    w_EE, w_EI, G, sigma : tuple of float (low, high)
        Ranges of the searched parameters, for every region: recurrent excitation,
        excitation of the inhibitory population, global coupling, and noise
        amplitude. Without unit, except sigma in s**-0.5.
    map_signs : tuple of {-1, 0, 1}, default=None
        Required sign of the correlation of w_EI with each map of a fit; 0 leaves it
        free. None: no constraint; then the E/I map can come out upside down at the
        same cost. Published for (T1w/T2w, RSFC gradient): (-1, 1).
    min_w_EI_sd : float, default=0.0
        Smallest standard deviation of w_EI over regions. Published: 0 for groups,
        0.3 for individuals.

    Notes
    -----
    With :math:`r = H_X(I) = u / (1 - e^{-d_X u})`, :math:`u = a_X I - b_X`:

    .. math::

        I_E &= W_E I_0 + w_{EE} J S_E + G J \sum_j C_{ij} S_{E,j} - w_{IE} S_I \\
        I_I &= W_I I_0 + w_{EI} J S_E - S_I \\
        \dot S_E &= -S_E / \tau_E + (1 - S_E) \gamma H_E(I_E) + \sigma \nu_E \\
        \dot S_I &= -S_I / \tau_I + H_I(I_I) + \sigma \nu_I

    w_IE is not searched: it is solved so that every region has a fixed point at
    `target_rate`. That point need not be stable. What is read out is the E/I ratio,
    <S_E>/<S_I>.

    References
    ----------
    Deco et al. 2014, J Neurosci, https://doi.org/10.1523/JNEUROSCI.5068-13.2014.
    Demirtas et al. 2019, Neuron, https://doi.org/10.1016/j.neuron.2019.01.017
    (solution for w_IE). Zhang et al. 2024, PNAS,
    https://doi.org/10.1073/pnas.2318641121 (parameterisation and ranges); Zeng et al.
    2026, Nature Methods (constraints).

    Examples
    --------
    >>> from delssome.models import FIC
    >>> point = FIC().fixed_point(w_EI=2.0)
    >>> print(f"S_E={point.S_E:.4f} S_I={point.S_I:.4f}")
    S_E=0.1613 S_I=0.0536
    """

    target_rate: float = 3.0
    rate_tolerance: float = 0.1
    w_EE: tuple[float, float] = (1.0, 10.0)
    w_EI: tuple[float, float] = (0.0, 5.0)
    G: tuple[float, float] = (0.0, 3.0)
    sigma: tuple[float, float] = (0.0005, 0.01)
    map_signs: tuple[int, ...] | None = None
    min_w_EI_sd: float = 0.0

    name: ClassVar[str] = "FIC"
    # The order of the published vector.
    searched: ClassVar[tuple[str, ...]] = ("w_EE", "w_EI", "G", "sigma")
    regional: ClassVar[tuple[str, ...]] = ("w_EE", "w_EI", "sigma")
    states: ClassVar[tuple[str, ...]] = ("S_E", "S_I")
    inputs: ClassVar[tuple[str, ...]] = ("w_EE", "w_EI", "w_IE")
    outputs: ClassVar[tuple[str, ...]] = ("r_E",)
    rate: ClassVar[str | None] = "r_E"
    readout_name: ClassVar[str] = "E/I ratio"
    readout_key: ClassVar[str] = "ei_ratio"
    averages_alike: ClassVar[bool] = True
    # The inhibitory population relaxes at 200 to 380 per second (w_EI from 0 to 5):
    # beyond 2 / 380 s explicit steps start to diverge where w_EI is largest. The
    # published 6 ms are accepted; they diverge where w_EI is above about 4.
    largest_step: ClassVar[float] = 0.006
    derivatives: ClassVar[Any] = staticmethod(derivatives)

    def __post_init__(self) -> None:
        """Check all settings."""
        self._check_number("target_rate", Real, 0.01, 1000)
        self._check_number("rate_tolerance", Real, 1e-9)
        self._check_number("min_w_EI_sd", Real, 0.0)
        super().__post_init__()
        for name in ("w_EE", "w_EI"):
            if not getattr(self, name)[0] >= 0:
                raise ValueError(
                    f"The range of {name} must be (low, high) with 0 <= low < high, "
                    f"got {getattr(self, name)!r}."
                )
        if self.map_signs is None:
            return
        signs = plain_tuple(self.map_signs, Real, float)
        if signs is None or not set(signs) <= {-1, 0, 1}:
            raise ValueError(
                "map_signs must hold -1, 0 or 1 for each of the maps, "
                f"got {self.map_signs!r}."
            )
        self._settle("map_signs", plain_tuple(self.map_signs, Real, int))

    @property
    def rate_range(self) -> tuple[float, float]:
        """Lowest and highest plausible mean firing rate (Hz)."""
        margin = self.target_rate * self.rate_tolerance
        return self.target_rate - margin, self.target_rate + margin

    @property
    def initial_state(self) -> tuple[float, float]:
        """S_E and S_I at the start of a simulation (published values)."""
        return self._S_E, 0.1433408985

    @property
    def _S_E(self) -> float:
        gain = TAU_E * GAMMA * self.target_rate
        return gain / (1.0 + gain)

    def readout(self, averages: Params) -> Array:
        """Give the E/I ratio, <S_E>/<S_I>."""
        return averages["S_E"] / averages["S_I"]

    def constrain(self, params: Params, maps: Array) -> NDArray[np.bool_]:
        """Tell which candidates obey the signs of maps and the spread of w_EI."""
        n_maps = maps.shape[1]
        signs = np.zeros(n_maps) if self.map_signs is None else self.map_signs
        if len(signs) != n_maps:
            raise ValueError(
                f"map_signs must hold -1, 0 or 1 for each of the {n_maps} maps, "
                f"got {self.map_signs!r}."
            )
        if self.min_w_EI_sd > 0 and n_maps == 0:
            raise ValueError(
                f"min_w_EI_sd={self.min_w_EI_sd!r} cannot be met without maps, which "
                "leave w_EI the same everywhere; give maps or set it to 0."
            )
        centred = params["w_EI"] - params["w_EI"].mean(axis=1, keepdims=True)
        covariance = centred @ (maps - maps.mean(axis=0))
        ok: NDArray[np.bool_] = (covariance * signs >= 0).all(axis=1)
        if self.min_w_EI_sd > 0:
            ok &= centred.std(axis=1) >= self.min_w_EI_sd
        return ok

    def tilts(self, maps: Array) -> dict[str, Array]:
        """Give the directions in which signs of maps keep w_EI."""
        signs = np.zeros(maps.shape[1]) if self.map_signs is None else self.map_signs
        centred = ((maps - maps.mean(axis=0)) * signs).T
        return {"w_EI": centred[np.asarray(signs) != 0] / len(maps)}

    def solve(self, params: Params, sc: Array) -> Solution:
        """Solve for the w_IE (nA) that holds every region at `target_rate`."""
        point = self.fixed_point(params["w_EI"])
        strength = params["G"][..., None] * sc.sum(axis=-1)
        I_other = W_E * I_0 + J * point.S_E * (params["w_EE"] + strength)
        w_IE = (I_other - point.I_E) / point.S_I
        states = np.full_like(point.S_I, point.S_E), point.S_I
        return Solution({**params, "w_IE": w_IE}, states)

    def fixed_point(self, w_EI: ArrayLike) -> FixedPoint:
        """Solve for the state in which every region fires at `target_rate`.

        Parameters
        ----------
        w_EI : array-like of any shape
            Excitation of the inhibitory population.

        Returns
        -------
        FixedPoint
            S_E and I_E are scalars; I_I and S_I have the shape of `w_EI`.
        """
        w_EI = np.asarray(w_EI, dtype=np.float64)
        S_E = self._S_E
        I_E = newton(
            lambda I_E: transfer(I_E, A_E, B_E, D_E, np.expm1) - self.target_rate,
            start=(B_E + 2.0 / D_E) / A_E,
        )
        I_I = _inhibitory_current(w_EI, S_E, _near(w_EI, S_E))
        S_I = TAU_I * transfer(I_I, A_I, B_I, D_I, np.expm1)
        return FixedPoint(float(S_E), float(I_E), I_I, S_I)


def _inhibitory_current(w_EI: Array, S_E: float, start: Array | None = None) -> Array:
    """Solve for I_I, from its drive if nothing better is known."""
    # The balance falls and is concave in I_I, so that Newton's method cannot leave it
    # once it is to the right of the root, where the drive is.
    drive = W_I * I_0 + J * w_EI * S_E
    return newton(
        lambda I_I: drive - TAU_I * transfer(I_I, A_I, B_I, D_I, np.expm1) - I_I,
        start=drive if start is None else start,
    )


@lru_cache(maxsize=16)
def _table(S_E: float) -> tuple[Array, Array]:
    """I_I on a grid of w_EI: where the solution for any w_EI may start."""
    w_EI = np.linspace(0.0, LARGEST_W_EI, 2049)
    return w_EI, _inhibitory_current(w_EI, S_E)


def _near(w_EI: Array, S_E: float) -> Array:
    """Give I_I to some 1e-9 by interpolation, or its drive off the grid."""
    # Every element decides for itself: none may depend on its company.
    drive = W_I * I_0 + J * w_EI * S_E
    inside = (w_EI >= 0.0) & (w_EI <= LARGEST_W_EI)
    return np.where(inside, np.interp(w_EI, *_table(S_E)), drive)
