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

__all__ = ["Circuit", "CircuitNet", "circuits", "scan_features"]

N_LOCAL, N_SCAN = 7, 3
# A decay rate (1/s) added to the diagonal stands for the slow end of the BOLD band: it
# makes the inverse at frequency zero nearly that of the whole band.
BAND = 0.17
# The scan that features are relative to, in seconds: window, duration and TR.
USUAL_SCAN = (60.0, 864.0, 0.72)
USUAL_N_ROIS = 68


class Circuit(NamedTuple):
    """Candidates as linear networks at their fixed point, single precision.

    Attributes
    ----------
    local : tensor of shape (n, n_rois, 7)
        What a region knows of itself, of the order of one.
    decay : tensor of shape (n, n_rois)
        Rate at which it falls without coupling (1/s).
    system : tensor of shape (n, n_rois, n_rois)
        Decay on the diagonal less the coupling between regions (1/s), symmetric.
    power : tensor of shape (n, n_rois)
        Power of its noise (1/s).
    """

    local: torch.Tensor
    decay: torch.Tensor
    system: torch.Tensor
    power: torch.Tensor

    def select(self, which):
        """Take candidates by their indices."""
        return Circuit(*(x[which] for x in self))


def circuits(model, params, sc, step):
    """Linearise candidates, as far as it is cheap.

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
    Circuit
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
    input_strength = -system.sum(dim=-1).numpy()
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
        input_strength / 5.0 - 1.0,
        np.log(np.maximum(2.0 - regions.fastest * step, 1e-3)),
    ]
    return Circuit(
        torch.from_numpy(np.stack(local, axis=-1).astype(np.float32)),
        decay,
        system,
        torch.from_numpy(power.astype(np.float32)),
    )


def scan_features(acquisition):
    """Window, duration and TR of a scan, on a logarithmic scale."""
    tr = acquisition.tr
    seconds = (acquisition.fcd_window * tr, acquisition.n_frames * tr, tr)
    return torch.tensor(np.log(np.divide(seconds, USUAL_SCAN)), dtype=torch.float32)


def factorised(system):
    """Cholesky factors of symmetric matrices, and which of them have one."""
    factor, info = torch.linalg.cholesky_ex(system)
    return factor, info == 0


class CircuitNet(nn.Module):
    """Predict FC, FCD distribution and escape of candidates on any parcellation.

    A candidate is a symmetric matrix of decay and coupling between regions and the
    power of the noise in each: what linear theory has before it finds modes. Its
    inverse, applied to the noise on both sides, is nearly the covariance of BOLD. Small
    networks, the same for every region, correct the diagonal: for the slow end of the
    BOLD band and, from the variances of a first inverse, for what noise does to the
    slopes. No layer is as wide as the number of regions.

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
        n_region = N_LOCAL + 3
        self.correct = _perceptron(2 * n_region + N_SCAN, 2, width, 2)
        self.regions = _perceptron(n_region + 2, width // 2, width)
        n_global = 2 * (n_region + 2 + width // 2) + 8 + N_SCAN
        self.fcd = _perceptron(n_global, 3 * n_components, 2 * width, 2)
        self.noise = _perceptron(n_global, 1, width)
        self.escape = _perceptron(n_global, 1, width, 2)
        self.register_buffer("points", torch.linspace(-1, 1, n_points + 1)[1:])
        nn.init.zeros_(self.correct[-1].weight)
        nn.init.zeros_(self.correct[-1].bias)

    def forward(self, circuit, factor, scan):
        """Predict the statistics of candidates with a stable linear network.

        Parameters
        ----------
        circuit : Circuit
        factor : tensor of shape (n, n_rois, n_rois)
            Cholesky factor of the uncorrected system.
        scan : tensor of shape (3,)

        Returns
        -------
        fc : tensor of shape (n, n_edges)
            Upper triangle.
        cdf : tensor of shape (n, n_points)
        log_noise : tensor of shape (n,)
            Logarithm of the variance over edges that a single scan adds to FC.
        escape : tensor of shape (n,)
            Log odds that a simulation leaves the plausible range of rates.
        """
        inverse = _inverse(factor)
        variance = (inverse.square() @ circuit.power[..., None])[..., 0]
        found = [
            variance.log() / 4 + 3,
            inverse.diagonal(dim1=-2, dim2=-1).log() / 2,
            (inverse.sum(-1).abs() + 1e-3).log() / 2,
        ]
        x = torch.cat([circuit.local, torch.stack(found, dim=-1)], dim=-1)
        mean = x.mean(dim=1, keepdim=True).expand_as(x)
        around = scan.expand(*x.shape[:2], N_SCAN)
        shift, gain = self.correct(torch.cat([x, mean, around], dim=-1)).unbind(-1)
        decay = circuit.decay + BAND * shift.clamp(-4, 3).exp()
        factor, _ = factorised(circuit.system.diagonal_scatter(decay, dim1=-2, dim2=-1))
        power = circuit.power * gain.clamp(-2, 2).exp()
        half = _inverse(factor) * power.sqrt()[:, None]
        sd = half.norm(dim=-1)
        half = half / sd[..., None]
        fc = half @ half.transpose(1, 2)
        upper = torch.from_numpy(upper_triangle(fc.shape[-1])).to(fc.device)
        edges = fc.flatten(1).index_select(1, upper)

        x = torch.cat([x, (sd.log() / 2 + 3)[..., None], shift[..., None] / 2], dim=-1)
        x = torch.cat([x, self.regions(x)], dim=-1)
        scan = scan.expand(len(x), N_SCAN)
        pooled = torch.cat([x.mean(1), x.amax(1), _moments(fc, edges), scan], dim=-1)
        return (
            edges,
            self._distribution(self.fcd(pooled)),
            self.noise(pooled)[:, 0] - 4,
            self.escape(pooled)[:, 0],
        )

    def _distribution(self, components):
        """Mixture of logistic distributions, cut off at 1."""
        weight, centre, slope = components.chunk(3, dim=-1)
        steep = 8 * slope.exp()[..., None]
        offset = steep * (-0.5 - 0.5 * centre[..., None])
        cumulative = torch.addcmul(offset, steep, self.points).sigmoid_()
        cdf = (weight.softmax(-1)[:, None] @ cumulative)[:, 0]
        return cdf / cdf[:, -1:]


def _perceptron(n_in, n_out, width, n_hidden=1):
    layers = [nn.Linear(n_in, width), nn.GELU()]
    for _ in range(n_hidden - 1):
        layers += [nn.Linear(width, width), nn.GELU()]
    return nn.Sequential(*layers, nn.Linear(width, n_out))


def _inverse(factor):
    """Inverse of a matrix from its Cholesky factor."""
    unit = torch.eye(factor.shape[-1], dtype=factor.dtype, device=factor.device)
    root = torch.linalg.solve_triangular(factor, unit.expand_as(factor), upper=False)
    return root.transpose(1, 2) @ root


@cache
def upper_triangle(n_rois):
    """Positions of the strict upper triangle in a matrix laid out in a row."""
    rows, columns = np.triu_indices(n_rois, k=1)
    return rows * n_rois + columns


def _moments(fc, edges):
    """Describe FC: mean and moments of edges, how they concentrate, how many."""
    n = fc.shape[-1]
    mean = edges.mean(1)
    centred = edges - mean[:, None]
    square = centred.square()
    third = (square * centred).mean(1)
    rows = fc.mean(-1)
    mean_square = (2 * edges.square().sum(1) + n) / n**2
    return torch.stack(
        [
            mean,
            (square.mean(1) + 1e-6).sqrt(),
            (third.abs() + 1e-6).pow(1 / 3) * third.sign(),
            (square.square().mean(1) + 1e-6).pow(1 / 4),
            rows.std(-1),
            mean_square.sqrt(),
            (rows.square().mean(-1) / mean.abs().clamp_min(1e-3)).clamp_max(5),
            torch.full_like(mean, np.log(n / USUAL_N_ROIS)),
        ],
        dim=-1,
    )
