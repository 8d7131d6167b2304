"""A network with the structure of the theory: local corrections between inverses."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from delssome.surrogate import compiled
from delssome.theory.linearisation import Equations, jacobian
from delssome.theory.network import reduce_regions

__all__ = [
    "Circuit",
    "CircuitNet",
    "circuits",
    "scan_features",
    "upper_triangle",
]

N_LOCAL, N_MODE, N_FC, N_SCAN, N_ERRORS = 11, 3, 43, 3, 3
N_NUMBERS = 30
# Modes of decay a and b share power as the integral of 1 / ((a + iw) (b - iw)) over the
# band of BOLD. A rate (1/s) added to the diagonal stands for the slow end of the band:
# with f = 1 / (a + BAND) and the numbers of MIX for scans of any TR and length, it is
# nearly u_a u_b + v_a v_b, v = MIX[1] BAND f**2 and u = f + MIX[0] BAND f**2.
BAND, MIX = 0.17, (-0.88, 1.55)
# The same for the slow part of the band, as a share of what is learned for the whole,
# and for its fast part (1/s).
SLOWER, FASTER = 0.4, 0.25
# The scan that features are relative to, in seconds: window, duration and TR.
USUAL_SCAN = (60.0, 864.0, 0.72)
USUAL_N_ROIS = 68


class Circuit(NamedTuple):
    """Stable candidates as linear networks at their fixed point, single precision.

    The system of a candidate is ``decay`` on the diagonal less ``reach_i sc_ij
    reach_j`` (1/s), symmetric and positive definite.

    Attributes
    ----------
    local : tensor of shape (n, n_rois, 11)
        What is known of a region, of the order of one.
    mode : tensor of shape (n, 3)
        What is known of the slowest mode, likewise.
    sc : tensor of shape (1 or n, n_rois, n_rois)
        Structural connectivity.
    reach : tensor of shape (n, n_rois)
        Strength with which a region sends and receives (s**-0.5).
    decay : tensor of shape (n, n_rois)
        Rate at which a region falls back without coupling (1/s).
    power : tensor of shape (n, n_rois)
        Power of its noise (1/s).
    """

    local: torch.Tensor
    mode: torch.Tensor
    sc: torch.Tensor
    reach: torch.Tensor
    decay: torch.Tensor
    power: torch.Tensor

    def system(self, slow=0.0):
        """Build the systems, (n, n_rois, n_rois), with something added to decay."""
        coupling = -self.sc * (self.reach[:, :, None] * self.reach[:, None, :])
        return coupling.diagonal_scatter(self.decay + slow, dim1=-2, dim2=-1)

    def select(self, which):
        """Take candidates by their indices."""
        return Circuit(
            *(
                x if name == "sc" and len(x) == 1 else x[which]
                for name, x in self._asdict().items()
            )
        )


def circuits(model, params, sc, step):
    """Linearise candidates at their fixed point, as far as it is cheap.

    Parameters
    ----------
    model : FIC
    params : dict of str to ndarray
        Searched parameters, (n_candidates, n_rois) or (n_candidates,).
    sc : ndarray of shape (n_rois, n_rois) or (n_candidates, n_rois, n_rois)
    step : float
        Integration step, in seconds.

    Returns
    -------
    circuit : Circuit
        Of the candidates with a stable fixed point.
    instability : ndarray of shape (n_candidates,)
        0 for these, for others a bound on the rate (1/s) at which the network leaves
        its fixed point (Gershgorin).
    """
    sc = np.asarray(sc)
    equations = Equations(model, params, sc)
    slopes = jacobian(equations, equations.fixed_point())
    regions = reduce_regions(slopes, equations.sigma)
    sc = np.ascontiguousarray(sc, dtype=np.float32).reshape(-1, *sc.shape[-2:])
    reach = (np.sqrt(params["G"])[:, None] * regions.scale).astype(np.float32)
    decay = regions.decay.astype(np.float32)
    power = (regions.power * regions.scale**2).astype(np.float32)
    n, n_rois = decay.shape
    smallest = np.empty((n, 1), dtype=np.float32)
    sums = np.empty((n, n_rois), dtype=np.float32)
    variance, own, together, share = found = np.empty((4, n, n_rois), dtype=np.float32)
    mode = np.empty((n, 2), dtype=np.float32)
    compiled.announce()
    compiled.at_frequency_zero(sc, reach, decay, power, smallest, sums, found, mode)
    ranges = [
        2.0 * (params[name] - low) / (high - low) - 1.0
        for name, (low, high) in (("w_EE", model.w_EE), ("w_EI", model.w_EI))
    ]
    with np.errstate(invalid="ignore", divide="ignore"):  # of unstable candidates
        local = [
            decay / 10.0,
            0.5 * np.log(power) + 6.0,
            *ranges,
            np.log(equations.sigma) + 5.5,
            (decay - sums) / 5.0 - 1.0,
            np.log(np.maximum(2.0 - regions.fastest * step, 1e-3)),
            np.log(variance) / 4 + 3,
            np.log(own) / 2,
            np.log(np.abs(together) + 1e-3) / 2,
            np.log(n_rois * share + 1e-2) / 2,
        ]
        mode = [*np.log(mode.T), np.log(np.square(n_rois * share).mean(axis=-1))]
    local = np.stack(local, axis=-1, dtype=np.float32)
    circuit = Circuit(
        *map(torch.from_numpy, (local, np.stack(mode, -1), sc, reach, decay, power))
    )
    stable = (smallest[:, 0] > 0) & np.isfinite(local).all(axis=(1, 2))
    # Off the diagonal of the system, every entry is negative or 0.
    bound = np.nan_to_num(-sums.min(axis=1), nan=1e3).clip(1e-6, 1e3)
    if not stable.all():
        circuit = circuit.select(torch.from_numpy(stable))
    return circuit, np.where(stable, 0.0, bound)


def scan_features(acquisition):
    """Window, duration and TR of a scan, on a logarithmic scale."""
    tr = acquisition.tr
    seconds = (acquisition.fcd_window * tr, acquisition.n_frames * tr, tr)
    return torch.tensor(np.log(np.divide(seconds, USUAL_SCAN)), dtype=torch.float32)


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


class _Inverse(torch.autograd.Function):
    """Inverse of positive definite matrices, with a derivative that costs two products.

    Those that are not positive definite give what their incomplete factor gives.
    """

    @staticmethod
    def forward(ctx, matrix):
        factor, _ = torch.linalg.cholesky_ex(matrix)
        inverse = torch.cholesky_inverse(factor)
        ctx.save_for_backward(inverse)
        return inverse

    @staticmethod
    def backward(ctx, gradient):
        (inverse,) = ctx.saved_tensors
        return -(inverse @ gradient @ inverse)


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

    def __init__(self, width=48, n_components=8, n_points=400):
        super().__init__()
        self.correct = _perceptron(2 * N_LOCAL + N_MODE + N_SCAN, 2, width, 2)
        nn.init.zeros_(self.correct[-1].weight)
        nn.init.zeros_(self.correct[-1].bias)
        self.mix = nn.Parameter(torch.tensor(MIX))
        n_features = 3 * (N_LOCAL + 3) + N_MODE + N_FC + N_SCAN
        self.fcd = _perceptron(n_features, 3 * n_components, 2 * width, 2)
        self.noise = _perceptron(n_features, 1, width)
        self.escape = _perceptron(n_features, 1, width, 2)
        self.error = _perceptron(n_features, N_ERRORS, width)
        self.register_buffer("centre", torch.zeros(n_features))
        self.register_buffer("spread", torch.ones(n_features))
        self.register_buffer("points", torch.linspace(-1, 1, n_points + 1)[1:])

    def forward(self, circuit, scan):
        """Predict the statistics of candidates.

        Parameters
        ----------
        circuit : Circuit
        scan : tensor of shape (3,)

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

    def correct_regions(self, circuit, scan):
        """Give what is added to decay (1/s), and the power of the noise."""
        x = circuit.local
        scan = scan.expand(len(x), -1)
        shared = torch.cat([x.mean(dim=1), circuit.mode, scan], dim=-1)
        # The first layer in two parts: what is the same for all regions, once.
        first, *others = self.correct
        own, around = first.weight[:, :N_LOCAL], first.weight[:, N_LOCAL:]
        hidden = functional.linear(shared, around, first.bias)[:, None]
        hidden = functional.linear(x, own) + hidden
        for layer in others:
            hidden = layer(hidden)
        shift, gain = hidden.unbind(-1)
        slow = BAND * shift.clamp(-4, 3).exp()
        return slow, circuit.power * gain.clamp(-2, 2).exp()

    def expected_fc(self, circuit, scan):
        """Give FC (n, n_rois, n_rois), as training differentiates it."""
        slow, power = self.correct_regions(circuit, scan)
        response = _Inverse.apply(circuit.system(slow))
        second = (response * slow[:, None]) @ response
        along, across = self.mix
        parts = [response + along * second, across * second]
        half = torch.cat([part * power.sqrt()[:, None] for part in parts], dim=-1)
        half = half / torch.linalg.vecdot(half, half).sqrt()[..., None]
        return half @ half.transpose(1, 2)

    @torch.no_grad()
    def describe(self, circuit, scan):
        """Give FC, upper triangle, and what the heads read, (n, n_features)."""
        slow, power = self.correct_regions(circuit, scan)
        edges, sd, share, numbers = _describe(circuit, slow, power, self.mix)
        n_rois = sd.shape[1]
        found = [
            sd.log() / 2 + 3,
            (slow / BAND).log() / 2,
            (n_rois * share + 1e-2).log() / 2,
        ]
        x = torch.cat([circuit.local, torch.stack(found, dim=-1)], dim=-1)
        weighted = (share[:, None] @ x)[:, 0]
        scan = scan.expand(len(x), -1)
        # Faster than amax.
        largest = x.max(dim=1).values
        pooled = [x.mean(1), largest, weighted, circuit.mode, numbers, scan]
        return edges, torch.cat(pooled, dim=-1)

    def scaled(self, features):
        """Standardise features as in training."""
        return (features - self.centre) / self.spread

    def distribution(self, features):
        """FCD distribution: a mixture of logistic distributions, cut off at 1."""
        weight, centre, slope = self.fcd(features).chunk(3, dim=-1)
        steep = 8 * slope.exp()[..., None]
        offset = steep * (-0.5 - 0.5 * centre[..., None])
        cumulative = torch.addcmul(offset, steep, self.points).sigmoid_()
        cdf = (weight.softmax(-1)[:, None] @ cumulative)[:, 0]
        return cdf / cdf[:, -1:]

    def log_noise(self, features):
        """Logarithm of the variance over edges that a single scan adds to FC."""
        return self.noise(features)[:, 0] - 4

    def log_odds(self, features):
        """Log odds of an escape."""
        return self.escape(features)[:, 0]

    def log_error(self, features):
        """Logarithm of the absolute errors to expect in the costs."""
        return self.error(features) - 3


def _perceptron(n_in, n_out, width, n_hidden=1):
    layers = [nn.Linear(n_in, width), nn.SiLU()]
    for _ in range(n_hidden - 1):
        layers += [nn.Linear(width, width), nn.SiLU()]
    return nn.Sequential(*layers, nn.Linear(width, n_out))


def upper_triangle(matrices):
    """Strict upper triangles in rows."""
    rows, columns = np.triu_indices(matrices.shape[-1], k=1)
    return matrices[:, rows, columns]


def _describe(circuit, slow, power, mix):
    """Give FC, SD of regions, their shares in its first mode, and what describes it."""
    n, n_rois = slow.shape
    shapes = [(n, n_rois * (n_rois - 1) // 2), (n, n_rois), (n, n_rois), (n, N_NUMBERS)]
    edges, sd, share, numbers = (np.empty(shape, dtype=np.float32) for shape in shapes)
    compiled.describe(
        *(x.numpy() for x in (circuit.sc, circuit.reach, circuit.decay, slow, power)),
        mix.numpy(),
        np.float32([SLOWER, FASTER]),
        *(edges, sd, share, numbers),
    )
    described = _scale(numbers.astype(np.float64), share, n_rois)
    return *map(torch.from_numpy, (edges, sd, share)), torch.from_numpy(described)


def _scale(numbers, share, n_rois):
    """Bring the numbers that describe FC to the order of one, (n, n_described)."""
    mean, pattern, third, fourth, rows, largest, decay, trace, trace2 = numbers[:, :9].T
    rows, largest = rows / n_rois**2, largest / n_rois
    row_mean = (1.0 + (n_rois - 1) * mean) / n_rois
    square = numbers[:, 12] / n_rois**2
    described = [
        mean,
        np.sqrt(pattern + 1e-6),
        np.cbrt(third),
        (fourth + 1e-6) ** 0.25,
        np.sqrt(np.maximum(rows - row_mean**2, 0.0) + 1e-6),
        np.minimum(rows / np.maximum(np.abs(mean), 1e-3), 5.0),
        largest,
        np.log(np.maximum(square - largest**2, 1e-6)) / 4,
        n_rois * np.square(share).sum(axis=1) - 1.0,
        np.log(np.maximum(decay, 0.0) + 1e-2) / 2,
        np.log(np.maximum(trace / n_rois, 1e-2)),
        np.log(np.maximum(trace2 / numbers[:, 12], 1e-2)),
        np.full_like(mean, np.log(n_rois / USUAL_N_ROIS)),
    ]
    whole = pattern * n_rois * (n_rois - 1)
    for k in range(9, N_NUMBERS, 7):
        noise, along, *traces, of_mean = numbers[:, k : k + 7].T
        rest = np.maximum(noise - of_mean, 1e-4)
        ratios = [
            noise,
            pattern / noise,
            along / whole,
            along * (n_rois / whole) ** 2,
            *(trace / n_rois**power for power, trace in enumerate(traces, 1)),
            of_mean,
            pattern / rest,
        ]
        described += [np.log(np.abs(ratio) + 1e-9) for ratio in ratios]
    return np.stack(described, axis=-1, dtype=np.float32)
