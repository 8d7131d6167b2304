"""The mean-field model (MFM) of one excitatory population a region."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from delssome.models.base import Array, Model, Params, transfer

__all__ = ["MFM"]

# Constants of Deco et al. 2013 as used by Kong et al. 2021 and Zeng et al. 2026.
A, B, D = 270.0, 108.0, 0.154  # transfer function (1/nC, Hz, s)
J, GAMMA, TAU_S = 0.2609, 0.641, 0.1  # coupling (nA), gating, its time constant (s)


def derivatives(
    S: Any,
    coupling: Any,
    w: Any,
    I: Any,  # noqa: E741
    expm1: Callable[[Any], Any],
) -> tuple[Any, Any]:
    """Give dS/dt (1/s) without noise, and the firing rate (Hz)."""
    r = transfer(w * J * S + J * coupling + I, A, B, D, expm1)
    return -S / TAU_S + (1.0 - S) * GAMMA * r, r


@dataclass(frozen=True)
class MFM(Model):
    r"""Mean-field model with regional recurrent strength and input.

    Parameters
    ----------
    w, I, G, sigma : tuple of float (low, high)
        Ranges of the searched parameters: recurrent strength, external input (nA),
        global coupling, noise amplitude (s**-0.5). Published box of Zeng et al. 2026.

    Notes
    -----
    .. math::

        x_i &= w_i J S_i + G J \sum_j C_{ij} S_j + I_i \\
        \dot S_i &= -S_i / \tau_S + (1 - S_i) \gamma H(x_i) + \sigma_i \nu_i

    with the transfer function H of :class:`FIC` and constants of its own. No firing
    rate is implausible, and there is no inhibition, hence no E/I ratio: the mean
    firing rate is read out.

    References
    ----------
    Deco et al. 2013, J Neurosci, https://doi.org/10.1523/JNEUROSCI.1091-13.2013.
    Kong et al. 2021, Nature Communications,
    https://doi.org/10.1038/s41467-021-26704-y.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.models import MFM, Candidates
    >>> params = {"w": [0.5], "I": [0.3], "G": [3.0], "sigma": [0.005]}
    >>> candidates = Candidates(MFM(), params, 0.02 * (1 - np.eye(3)))
    >>> candidates.states[0].round(2)  # S at rest
    array([[0.03, 0.03, 0.03]])
    """

    w: tuple[float, float] = (0.0, 1.0)
    I: tuple[float, float] = (0.0, 0.5)  # noqa: E741
    G: tuple[float, float] = (1.0, 10.0)
    sigma: tuple[float, float] = (0.0005, 0.01)

    name: ClassVar[str] = "MFM"
    searched: ClassVar[tuple[str, ...]] = ("w", "I", "G", "sigma")
    regional: ClassVar[tuple[str, ...]] = ("w", "I", "sigma")
    states: ClassVar[tuple[str, ...]] = ("S",)
    inputs: ClassVar[tuple[str, ...]] = ("w", "I")
    outputs: ClassVar[tuple[str, ...]] = ("r",)
    readout_name: ClassVar[str] = "Firing rate (Hz)"
    readout_key: ClassVar[str] = "firing_rate"
    initial_state: ClassVar[tuple[float, ...]] = (0.001,)
    largest_step: ClassVar[float] = 0.006  # published
    derivatives: ClassVar[Any] = staticmethod(derivatives)

    def readout(self, averages: Params) -> Array:
        """Give the mean firing rate (Hz)."""
        return averages["r"]
