"""A network with the structure of the theory: local corrections, two inverses."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from delssome.theory.linearisation import Equations, jacobian
from delssome.theory.network import reduce_regions

__all__ = [
    "Circuit",
    "CircuitNet",
    "circuits",
    "scan_features",
    "upper_triangle",
]

N_LOCAL, N_MODE, N_FC, N_SCAN, N_ERRORS = 11, 3, 19, 3, 3
# A decay rate (1/s) added to the diagonal stands for the slow end of the BOLD band: it
# makes the inverse at frequency zero nearly that of the whole band.
BAND = 0.17
# The scan that features are relative to, in seconds: window, duration and TR.
USUAL_SCAN = (60.0, 864.0, 0.72)
USUAL_N_ROIS = 68


class Circuit(NamedTuple):
    """Stable candidates as linear networks at their fixed point, single precision.

    Attributes
    ----------
    local : tensor of shape (n, n_rois, 11)
        What is known of a region, of the order of one.
    mode : tensor of shape (n, 3)
        What is known of the slowest mode, likewise.
    decay : tensor of shape (n, n_rois)
        Rate at which a region falls back without coupling (1/s).
    system : tensor of shape (n, n_rois, n_rois)
        Decay on the diagonal less the coupling between regions (1/s), symmetric.
    power : tensor of shape (n, n_rois)
        Power of its noise (1/s).
    """

    local: torch.Tensor
    mode: torch.Tensor
    decay: torch.Tensor
    system: torch.Tensor
    power: torch.Tensor

    def select(self, which):
        """Take candidates by their indices."""
        return Circuit(*(x[which] for x in self))


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
    decay = torch.from_numpy(regions.decay.astype(np.float32))
    scale = torch.from_numpy(regions.scale.astype(np.float32))
    coupled = torch.from_numpy(-params["G"].astype(np.float32))[:, None] * scale
    system = torch.from_numpy(sc.astype(np.float32)) * coupled[:, :, None]
    system *= scale[:, None, :]
    input_strength = -system.sum(dim=-1)
    system.diagonal(dim1=-2, dim2=-1).copy_(decay)
    power = regions.power * regions.scale**2
    ranges = [
        2.0 * (params[name] - low) / (high - low) - 1.0
        for name, (low, high) in (("w_EE", model.w_EE), ("w_EI", model.w_EI))
    ]
    local = [
        regions.decay / 10.0,
        0.5 * np.log(power) + 6.0,
        *ranges,
        np.log(equations.sigma) + 5.5,
        input_strength.numpy() / 5.0 - 1.0,
        np.log(np.maximum(2.0 - regions.fastest * step, 1e-3)),
    ]
    local = torch.from_numpy(np.stack(local, axis=-1).astype(np.float32))
    power = torch.from_numpy(power.astype(np.float32))
    factor, failed = torch.linalg.cholesky_ex(system)
    stable = (failed == 0) & torch.isfinite(local).all(-1).all(-1)
    # Off the diagonal of the system, every entry is negative or 0.
    surplus = -system.sum(dim=-1).amin(dim=-1)
    bound = torch.nan_to_num(surplus, nan=1e3).clamp(1e-6, 1e3)
    instability = torch.where(stable, 0.0, bound).numpy()
    if not stable.all():
        local, decay, system = local[stable], decay[stable], system[stable]
        power, factor = power[stable], factor[stable]
    found, mode = _at_frequency_zero(torch.cholesky_inverse(factor), power)
    local = torch.cat([local, found], dim=-1)
    return Circuit(local, mode, decay, system, power), instability


def _at_frequency_zero(inverse, power):
    """Describe regions and the slowest mode by the inverse of the system."""
    variance = _times(inverse.square(), power)
    together = inverse.sum(-1)
    slowest = _unit(_times(inverse, together))
    carried = _times(inverse, slowest)
    n_rois = slowest.shape[-1]
    share = n_rois * slowest.square()
    local = [
        variance.log() / 4 + 3,
        inverse.diagonal(dim1=-2, dim2=-1).log() / 2,
        (together.abs() + 1e-3).log() / 2,
        (share + 1e-2).log() / 2,
    ]
    mode = [
        (carried * slowest).sum(-1).log(),
        carried.norm(dim=-1).log(),
        share.square().mean(-1).log(),
    ]
    return torch.stack(local, dim=-1), torch.stack(mode, dim=-1)


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
    of correlations in short windows, through traces of powers of FC, and how fast its
    modes decay. No layer is as wide as the number of regions.

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

    def expected_fc(self, circuit, scan):
        """Give FC (n, n_rois, n_rois), and SD and correction of decay of regions."""
        x = circuit.local
        n, n_rois = x.shape[:2]
        shared = torch.cat([x.mean(dim=1), circuit.mode, scan.expand(n, -1)], dim=-1)
        around = shared[:, None].expand(-1, n_rois, -1)
        shift, gain = self.correct(torch.cat([x, around], dim=-1)).unbind(-1)
        decay = circuit.decay + BAND * shift.clamp(-4, 3).exp()
        power = circuit.power * gain.clamp(-2, 2).exp()
        inverse = _Inverse.apply(
            circuit.system.diagonal_scatter(decay, dim1=-2, dim2=-1)
        )
        half = inverse * power.sqrt()[:, None]
        sd = torch.linalg.vecdot(half, half).sqrt()
        half = half / sd[..., None]
        return half @ half.transpose(1, 2), sd, shift

    def describe(self, circuit, scan):
        """Give FC, upper triangle, and what the heads read, (n, n_features)."""
        fc, sd, shift = self.expected_fc(circuit, scan)
        n, n_rois = sd.shape
        edges = upper_triangle(fc)
        described, first = _describe(fc, edges, sd, circuit.system)
        found = [sd.log() / 2 + 3, shift / 2, (n_rois * first + 1e-2).log() / 2]
        x = torch.cat([circuit.local, torch.stack(found, dim=-1)], dim=-1)
        weighted = (first[:, None] @ x)[:, 0]
        scan = scan.expand(n, -1)
        pooled = [x.mean(1), x.amax(1), weighted, circuit.mode, described, scan]
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
    layers = [nn.Linear(n_in, width), nn.GELU()]
    for _ in range(n_hidden - 1):
        layers += [nn.Linear(width, width), nn.GELU()]
    return nn.Sequential(*layers, nn.Linear(width, n_out))


def upper_triangle(matrices):
    """Strict upper triangles in rows."""
    positions = torch.from_numpy(_upper_positions(matrices.shape[-1]))
    return matrices.flatten(1).index_select(1, positions)


@cache
def _upper_positions(n_rois):
    rows, columns = np.triu_indices(n_rois, k=1)
    return rows * n_rois + columns


def _describe(fc, edges, sd, system):
    """Describe FC: its edges, powers, first mode, speed, and its number of regions.

    Also give the share of each region in the first mode.
    """
    n = fc.shape[-1]
    mean = edges.mean(1)
    centred = edges - mean[:, None]
    square = centred.square()
    pattern = square.mean(1) + 1e-6
    third = (square * centred).mean(1)
    fourth = square.square().mean(1) + 1e-6
    window_noise = (1 - edges.square()).square().mean(1)

    strength = fc.sum(-1)
    passed = _times(fc, strength)
    first = _unit(_times(fc, _unit(passed)))
    largest = (_times(fc, first) * first).sum(-1) / n
    share = first.square()
    moving = _unit(first * sd)
    first_decay = (_times(system, moving) * moving).sum(-1)

    fc2 = fc @ fc
    fc, fc2, system = fc.flatten(1), fc2.flatten(1), system.flatten(1)
    dot = torch.linalg.vecdot
    trace2, trace3, trace4 = dot(fc, fc), dot(fc2, fc), dot(fc2, fc2)
    # How window noise moves FC along its own pattern: the trace of (pattern fc)^2,
    # where the pattern is FC less its mean, without the diagonal.
    rest = 1 - mean
    along = trace4 + rest**2 * trace2 - 2 * rest * trace3
    along = along + (mean * strength.sum(-1)) ** 2
    along = along - 2 * mean * dot(passed, strength)
    along = along + 2 * rest * mean * dot(strength, strength)
    others = (trace2 / n**2 - largest.square()).clamp_min(1e-6)
    rows = strength / n
    described = [
        mean,
        pattern.sqrt(),
        (third.abs() + 1e-6).pow(1 / 3) * third.sign(),
        fourth.pow(1 / 4),
        (rows.square().mean(-1) - rows.mean(-1).square() + 1e-6).sqrt(),
        (trace2 / n**2).sqrt(),
        (rows.square().mean(-1) / mean.abs().clamp_min(1e-3)).clamp_max(5),
        largest,
        others.log() / 4,
        n * share.square().sum(-1) - 1,
        (first_decay + 1e-2).log() / 2,
        (pattern / window_noise).log(),
        window_noise.log(),
        (along / n**2).clamp_min(1e-9).log(),
        (trace3 / n**3).log(),
        (trace4 / n**4).log(),
        (dot(system, fc) / n).clamp_min(1e-2).log(),
        (dot(system, fc2) / trace2).clamp_min(1e-2).log(),
        torch.full_like(mean, np.log(n / USUAL_N_ROIS)),
    ]
    return torch.stack(described, dim=-1), share


def _times(matrices, vectors):
    return (matrices @ vectors[..., None])[..., 0]


def _unit(vectors):
    return vectors / vectors.norm(dim=-1, keepdim=True)
