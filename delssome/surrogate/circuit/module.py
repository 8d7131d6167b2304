"""The network as a module of torch: to be trained, differentiated, or on a GPU."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from delssome.surrogate.circuit import plain
from delssome.surrogate.circuit.circuits import N_LOCAL, N_MODE, Circuit
from delssome.surrogate.circuit.features import MIX, N_FC, N_SCAN, is_regressed
from delssome.surrogate.circuit.network import ArrayNet, Network
from delssome.surrogate.torch_state import own_generator

__all__ = ["CircuitNet"]

N_ERRORS = 3


class CircuitNet(Network[torch.Tensor], nn.Module):
    """The network of :class:`~delssome.surrogate.circuit.network.Network`, in torch.

    Parameters
    ----------
    width : int, default=48
    n_components : int, default=8
        Logistic components of the FCD distribution.
    n_points : int, default=400
        Points of that distribution on [-1, 1].
    """

    xp = torch
    mix: nn.Parameter

    def __init__(
        self, width: int = 48, n_components: int = 8, n_points: int = 400
    ) -> None:
        super().__init__()
        self.correct = _perceptron(2 * N_LOCAL + N_MODE + N_SCAN, 2, width, 2)
        _start_at_zero(self.correct)
        self.mix = nn.Parameter(torch.tensor(MIX))
        self.mix_of_band = _perceptron(N_SCAN, len(MIX), width // 4)
        _start_at_zero(self.mix_of_band)
        n_features = 4 * (N_LOCAL + 3) + N_MODE + N_FC + N_SCAN
        self.fcd = _perceptron(n_features, 3 * n_components, 2 * width, 2)
        self.noise = _perceptron(n_features, 1, width)
        self.escape = _perceptron(n_features, 1, 2 * width, 3)
        self.error = _perceptron(n_features, N_ERRORS, width)
        self.register_buffer("centre", torch.zeros(n_features))
        self.register_buffer("spread", torch.ones(n_features))
        self.register_buffer("points", torch.linspace(-1, 1, n_points + 1)[1:])

    @classmethod
    def of(cls, state: Mapping[str, NDArray[np.float32]], width: int) -> Self:
        """Make it of weights."""
        with own_generator():  # initial weights are drawn for nothing
            net = cls(width)
        net.load_state_dict({k: torch.from_numpy(x.copy()) for k, x in state.items()})
        return net.eval()

    @property
    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Weights by name; of those on a CPU the same memory."""
        state = self.state_dict()
        return {name: x.detach().cpu().numpy() for name, x in state.items()}

    def in_numpy(self) -> ArrayNet:
        """Give the same network in NumPy."""
        return ArrayNet(self.arrays)

    def layers(self, name: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Give weights and biases of a perceptron, layer by layer."""
        linear = [x for x in getattr(self, name) if isinstance(x, nn.Linear)]
        return [(layer.weight, layer.bias) for layer in linear]

    def expected_fc(self, circuit: Circuit, scan: torch.Tensor) -> torch.Tensor:
        """Give FC (n, n_rois, n_rois), as training differentiates it."""
        slow, power = self.correct_regions(circuit, scan)
        given = circuit.sc, circuit.reach, circuit.decay, slow, power
        found = plain.fc_and_deviations(*given, self.mix_of(scan), is_regressed(scan))
        return found.fc

    def _silu(self, x: torch.Tensor) -> torch.Tensor:
        return functional.silu(x)

    def _sigmoid(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(x)


def _start_at_zero(layers: nn.Sequential) -> None:
    """Let a perceptron say 0 before it is trained."""
    last = layers[-1]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)


def _perceptron(n_in: int, n_out: int, width: int, n_hidden: int = 1) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Linear(n_in, width), nn.SiLU()]
    for _ in range(n_hidden - 1):
        layers += [nn.Linear(width, width), nn.SiLU()]
    return nn.Sequential(*layers, nn.Linear(width, n_out))
