"""How candidates are simulated: repeats, backend, device, precision."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass
from numbers import Integral

from delssome.simulation.backends import check_backend, check_name
from delssome.utils import Component

__all__ = ["Simulator"]


@dataclass(frozen=True, kw_only=True)
class Simulator(Component):
    """Settings of simulation, wherever an estimator or evaluator simulates.

    Parameters
    ----------
    n_repeats : int, default=3
        Simulations with independent noise per candidate. Published: 3.
    n_search_repeats : int, default=None
        The same in a search by simulation. None: `n_repeats`.
    backend : {"auto", "fused", "torch"}, default="auto"
        "fused" is compiled for the CPU, in float32; "torch" runs on any device and
        in both precisions. "auto" takes the fused one where it can. The two draw
        different noise from the same seed.
    device : str, default="cpu"
        Where to simulate: "cpu", "cuda".
    dtype : {"float32", "float64"}, default="float32"
        Precision of the states. In torch, the two draw different noise.

    Examples
    --------
    >>> from delssome import MeanFieldFitter, Simulator
    >>> fitter = MeanFieldFitter(simulator=Simulator(n_repeats=5))
    >>> fitter.simulator.uses
    'fused'
    >>> Simulator(dtype="float64").uses
    'torch'
    """

    n_repeats: int = 3
    n_search_repeats: int | None = None
    backend: str = "auto"
    device: str = "cpu"
    dtype: str = "float32"

    def __post_init__(self) -> None:
        """Check what can be checked without the device."""
        self._check_number("n_repeats", Integral, 1, 1000)
        self._check_number("n_search_repeats", Integral, 1, 1000)
        check_name(self.backend)
        if self.dtype not in ("float32", "float64"):
            raise ValueError(
                f"dtype must be 'float32' or 'float64', got {self.dtype!r}."
            )

    @property
    def uses(self) -> str:
        """Backend that runs, "fused" or "torch"; an error says why there is none."""
        return check_backend(self.backend, self.device, self.dtype)
