"""A network with the structure of the theory: local corrections between inverses."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from delssome.surrogate.circuit import plain
from delssome.surrogate.circuit.circuits import N_LOCAL, N_MODE, Circuit, circuits
from delssome.surrogate.circuit.features import (
    BAND,
    MIX,
    N_FC,
    N_SCAN,
    describe_fc,
    is_regressed,
    scan_features,
)

__all__ = ["Circuit", "CircuitNet", "Prediction", "circuits", "scan_features"]

N_ERRORS = 3


class Prediction(NamedTuple):
    """What the network says of candidates.

    Attributes
    ----------
    fc : tensor of shape (n, n_edges)
        Upper triangle.
    cdf : tensor of shape (n, n_points)
        FCD distribution.
    log_noise : tensor of shape (n,)
        Logarithm of the variance over edges that a single scan adds to FC.
    escape : tensor of shape (n,)
        Log odds that a simulation leaves the plausible range of rates.
    log_error : tensor of shape (n, 3)
        Logarithm of the error to expect in the three costs.
    """

    fc: torch.Tensor
    cdf: torch.Tensor
    log_noise: torch.Tensor
    escape: torch.Tensor
    log_error: torch.Tensor


class CircuitNet(nn.Module):
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

    Parameters
    ----------
    width : int, default=48
    n_components : int, default=8
        Logistic components of the FCD distribution.
    n_points : int, default=400
        Points of that distribution on [-1, 1].
    """

    centre: torch.Tensor
    spread: torch.Tensor
    points: torch.Tensor

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

    def forward(self, circuit: Circuit, scan: torch.Tensor) -> Prediction:
        """Predict the statistics of candidates.

        Parameters
        ----------
        circuit : Circuit
        scan : tensor of shape (7,)

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

    def correct_regions(
        self, circuit: Circuit, scan: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Give what is added to decay (1/s), and the power of the noise."""
        x = circuit.local
        scan = scan.expand(len(x), -1)
        shared = torch.cat([x.mean(dim=1), circuit.mode, scan], dim=-1)
        # The first layer in two parts: what is the same for all regions, once.
        first, *others = self.correct
        assert isinstance(first, nn.Linear)
        own, around = first.weight[:, :N_LOCAL], first.weight[:, N_LOCAL:]
        hidden = functional.linear(shared, around, first.bias)[:, None]
        hidden = functional.linear(x, own) + hidden
        for layer in others:
            hidden = layer(hidden)
        shift, gain = hidden.unbind(-1)
        slow = BAND * shift.clamp(-4, 3).exp()
        return slow, circuit.power * gain.clamp(-2, 2).exp()

    def expected_fc(self, circuit: Circuit, scan: torch.Tensor) -> torch.Tensor:
        """Give FC (n, n_rois, n_rois), as training differentiates it."""
        slow, power = self.correct_regions(circuit, scan)
        given = circuit.sc, circuit.reach, circuit.decay, slow, power
        found = plain.fc_and_deviations(*given, self.mix_of(scan), is_regressed(scan))
        return found.fc

    def mix_of(self, scan: torch.Tensor) -> torch.Tensor:
        """Give the two numbers by which inverses stand for a scan's band."""
        mixed: torch.Tensor = self.mix + self.mix_of_band(scan)
        return mixed

    @torch.no_grad()
    def describe(
        self, circuit: Circuit, scan: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Give FC, upper triangle, and what the heads read, (n, n_features)."""
        slow, power = self.correct_regions(circuit, scan)
        given = slow, power, self.mix_of(scan), is_regressed(scan)
        edges, *found = describe_fc(circuit, *given)
        return edges, self.features(circuit, scan, slow, *found)

    def features(
        self,
        circuit: Circuit,
        scan: torch.Tensor,
        slow: torch.Tensor,
        sd: torch.Tensor,
        share: torch.Tensor,
        described: torch.Tensor,
    ) -> torch.Tensor:
        """Pool what is known of regions and of FC, (n, n_features)."""
        n_rois = sd.shape[1]
        found = [
            sd.log() / 2 + 3,
            (slow / BAND).log() / 2,
            (n_rois * share + 1e-2).log() / 2,
        ]
        x = torch.cat([circuit.local, torch.stack(found, dim=-1)], dim=-1)
        weighted = (share[:, None] @ x)[:, 0]
        scan = scan.expand(len(x), -1)
        # Faster than amax and amin.
        extremes = x.max(dim=1).values, x.min(dim=1).values
        pooled = [x.mean(1), *extremes, weighted, circuit.mode, described, scan]
        return torch.cat(pooled, dim=-1)

    def scaled(self, features: torch.Tensor) -> torch.Tensor:
        """Standardise features as in training."""
        return (features - self.centre) / self.spread

    def distribution(self, features: torch.Tensor) -> torch.Tensor:
        """FCD distribution: a mixture of logistic distributions, cut off at 1."""
        weight, centre, slope = self.fcd(features).chunk(3, dim=-1)
        steep = 8 * slope.exp()[..., None]
        offset = steep * (-0.5 - 0.5 * centre[..., None])
        cumulative = torch.addcmul(offset, steep, self.points).sigmoid_()
        cdf = (weight.softmax(-1)[:, None] @ cumulative)[:, 0]
        return cdf / cdf[:, -1:]

    def log_noise(self, features: torch.Tensor) -> torch.Tensor:
        """Logarithm of the variance over edges that a single scan adds to FC."""
        return self.noise(features)[:, 0] - 4

    def log_odds(self, features: torch.Tensor) -> torch.Tensor:
        """Log odds of an escape."""
        return self.escape(features)[:, 0]

    def log_error(self, features: torch.Tensor) -> torch.Tensor:
        """Logarithm of the absolute errors to expect in the costs."""
        return self.error(features) - 3


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
