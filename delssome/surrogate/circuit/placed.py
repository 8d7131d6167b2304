"""The network where it predicts: in NumPy, or on a GPU in torch."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from delssome.surrogate.circuit.circuits import Circuit
from delssome.surrogate.circuit.network import ArrayNet, Prediction

if TYPE_CHECKING:  # torch takes a second, and most use is without it
    from delssome.surrogate.circuit.module import CircuitNet

__all__ = ["Placed"]

Array = NDArray[Any]


class Placed:
    """Weights as arrays and, from when it is asked for on, as a module of torch.

    Pickled it is arrays: what unpickles it needs no torch, and no GPU.

    Parameters
    ----------
    weights : dict of str to ndarray
    width : int
        Of the network.
    """

    def __init__(self, weights: Mapping[str, Array], width: int) -> None:
        self._weights, self.width = dict(weights), width
        self._module: CircuitNet | None = None

    @classmethod
    def of(cls, module: "CircuitNet", width: int) -> "Placed":
        """Make it of a module."""
        placed = cls(module.arrays, width)
        placed._module = module
        return placed

    @property
    def module(self) -> "CircuitNet":
        """The network in torch, always the same object."""
        from delssome.surrogate.circuit.module import CircuitNet

        if self._module is None:
            self._module = CircuitNet.of(self._weights, self.width)
        return self._module

    @property
    def weights(self) -> Mapping[str, Array]:
        """Weights by their names in a file: of the module, if there is one."""
        return self._weights if self._module is None else self._module.arrays

    def predict(self, circuit: Circuit[Array], scan: Array) -> Prediction[Array]:
        """Predict in NumPy unless the module is on a GPU."""
        if self._module is None or self._module.mix.device.type == "cpu":
            return ArrayNet(self.weights).forward(circuit, scan)
        import torch

        device = self._module.mix.device
        given = circuit.tensors(device), torch.from_numpy(scan).to(device)
        with torch.inference_mode():
            found = self._module(*given)
        return Prediction(*(np.asarray(x.cpu()) for x in found))

    def __getstate__(self) -> dict[str, Any]:
        """Give what is pickled."""
        weights = dict(self.weights)
        return {"_weights": weights, "width": self.width, "_module": None}
