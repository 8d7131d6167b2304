"""What the network computes of circuits, in plain torch, on any device.

The compiled algebra of :mod:`.algebra` gives the same, in single precision and several
times faster on a CPU; it is tested against this. Training differentiates this.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any, NamedTuple

import numpy as np
import torch

from delssome.surrogate.circuit.circuits import Response

__all__ = [
    "Covariance",
    "Description",
    "at_frequency_zero",
    "describe",
    "fc_and_deviations",
    "inverse",
    "noise_of_windows",
    "system",
    "upper_triangle",
]

Tensor = torch.Tensor


class Description(NamedTuple):
    """FC of circuits, and what describes it.

    Attributes
    ----------
    edges : tensor of shape (n, n_edges)
        FC, upper triangle.
    sd, share : tensor of shape (n, n_rois)
        Standard deviations, and shares of regions in the first mode of FC.
    numbers : tensor of shape (n, 30)
        Mean, variance, third and fourth moment over edges; mean square of the row
        sums; the largest eigenvalue; decay of its mode; traces of FC and of its square
        with the system; then, for FC and two other views of its signals, seven numbers
        each, as of :func:`noise_of_windows`.
    """

    edges: Tensor
    sd: Tensor
    share: Tensor
    numbers: Tensor


class Covariance(NamedTuple):
    """What the band of BOLD sees of circuits.

    Attributes
    ----------
    fc : tensor of shape (n, n_rois, n_rois)
    sd : tensor of shape (n, n_rois)
        Standard deviations.
    slopes : tensor of shape (n, n_rois), or None
        Of regions on the sum over regions, where that was regressed out.
    """

    fc: Tensor
    sd: Tensor
    slopes: Tensor | None


class _Inverse(torch.autograd.Function):
    """Inverse of positive definite matrices, with a derivative that costs two products.

    Those that are not positive definite give what their incomplete factor gives.
    """

    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> Tensor:
        factor, _ = torch.linalg.cholesky_ex(matrix)
        inverse = torch.cholesky_inverse(factor)
        ctx.save_for_backward(inverse)
        return inverse

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (inverse,) = ctx.saved_tensors
        return -(inverse @ gradients[0] @ inverse)


def inverse(matrix: Tensor) -> Tensor:
    """Invert symmetric, positive definite matrices."""
    inverted: Tensor = _Inverse.apply(matrix)
    return inverted


def system(sc: Tensor, reach: Tensor, decay: Tensor) -> Tensor:
    """Build systems: decay on the diagonal, less ``reach_i sc_ij reach_j``."""
    coupling = -sc * (reach[:, :, None] * reach[:, None, :])
    return coupling.diagonal_scatter(decay, dim1=-2, dim2=-1)


def at_frequency_zero(
    sc: Tensor, reach: Tensor, decay: Tensor, power: Tensor
) -> Response[Tensor]:
    """Describe the response of circuits to slow inputs.

    Parameters
    ----------
    sc : tensor of shape (1 or n, n_rois, n_rois)
    reach, decay, power : tensor of shape (n, n_rois)
        As of :class:`.Circuit`.

    Returns
    -------
    Response
    """
    matrix = system(sc, reach, decay)
    factor, failed = torch.linalg.cholesky_ex(matrix)
    pivots = factor.diagonal(dim1=-2, dim2=-1).square().amin(dim=-1)
    response = torch.cholesky_inverse(factor)
    together = response.sum(dim=-1)
    slowest = _scaled_to_one(_times(response, together))
    carried = _times(response, slowest)
    times = torch.linalg.vecdot(slowest, carried), carried.norm(dim=-1)
    return Response(
        smallest=torch.where(failed == 0, pivots, 0.0),
        sums=matrix.sum(dim=-1),
        variance=_times(response.square(), power),
        own=response.diagonal(dim1=-2, dim2=-1),
        together=together,
        share=slowest.square(),
        mode=torch.stack(times, dim=-1),
    )


def fc_and_deviations(
    sc: Tensor,
    reach: Tensor,
    decay: Tensor,
    slow: Tensor,
    power: Tensor,
    mix: Tensor,
    regressed: bool,
) -> Covariance:
    """Give FC over the band of BOLD, and standard deviations.

    Parameters
    ----------
    sc, reach, decay, power
        As of :func:`at_frequency_zero`.
    slow : tensor of shape (n, n_rois)
        Added to decay: makes the inverse K nearly that of the whole band.
    mix : tensor of shape (2,)
        With ``V = K slow K`` and ``U = K + mix[0] V``, covariances are ``U power U +
        mix[1]**2 V power V``.
    regressed : bool
        Whether the sum over regions is regressed out.

    Returns
    -------
    Covariance
    """
    response = inverse(system(sc, reach, decay + slow))
    second = (response * slow[:, None]) @ response
    along, across = mix
    parts = [response + along * second, across * second]
    # Covariances are the product of this with its transpose.
    half = torch.cat([part * power.sqrt()[:, None] for part in parts], dim=-1)
    slopes = None
    if regressed:  # the sum over regions is what 1' half drives
        total = half.sum(dim=1)
        slopes = _times(half, total) / total.square().sum(dim=-1, keepdim=True)
        half = half - slopes[..., None] * total[:, None]
    sd = torch.linalg.vecdot(half, half).sqrt()
    half = half / sd[..., None]
    return Covariance(half @ half.transpose(1, 2), sd, slopes)


def describe(
    sc: Tensor,
    reach: Tensor,
    decay: Tensor,
    slow: Tensor,
    power: Tensor,
    mix: Tensor,
    rates: tuple[float, float],
    regressed: bool,
) -> Description:
    """Give FC of circuits and describe it.

    Parameters
    ----------
    sc, reach, decay, slow, power, mix
        As of :func:`fc_and_deviations`.
    rates : tuple of float
        Share of `slow`, and a rate (1/s), with which two other inverses see the slow
        and the fast part of the band.
    regressed : bool
        As of :func:`fc_and_deviations`.

    Returns
    -------
    Description
    """
    fc, sd, slopes = fc_and_deviations(sc, reach, decay, slow, power, mix, regressed)
    edges = upper_triangle(fc)
    mean = edges.mean(dim=-1)
    gap = edges - mean[:, None]
    strength = fc.sum(dim=-1)
    first = _scaled_to_one(_times(fc, _scaled_to_one(_times(fc, strength))))
    moving = _scaled_to_one(first * sd)  # as covariances have it
    matrix = system(sc, reach, decay)
    numbers = [
        mean,
        *(gap.pow(power).mean(dim=-1) for power in (2, 3, 4)),
        strength.square().mean(dim=-1),
        torch.linalg.vecdot(first, _times(fc, first)),
        torch.linalg.vecdot(moving, _times(matrix, moving)),
        _trace_of_product(matrix, fc),
        _trace_of_product(matrix, fc @ fc),
        *noise_of_windows(fc, fc),
    ]
    scale = sd[:, :, None] * sd[:, None, :]
    for added in (rates[0] * slow, rates[1]):
        response = inverse(system(sc, reach, decay + added))
        view = (response * power[:, None]) @ response
        if slopes is not None:
            view = _regress(view, slopes)
        view = view / scale
        numbers += noise_of_windows(fc, view)
    return Description(edges, sd, first.square(), torch.stack(numbers, dim=-1))


def noise_of_windows(fc: Tensor, view: Tensor) -> list[Tensor]:
    """Describe the noise of windowed FC whose signals have a given covariance.

    Parameters
    ----------
    fc, view : tensor of shape (n, n_rois, n_rois)

    Returns
    -------
    list of seven tensors of shape (n,)
        Mean variance over edges; variance along the pattern of FC; traces of the first
        four powers of the covariance; variance of the mean over edges.

    Notes
    -----
    Edge ij of FC in a window scatters by ``dC_ij - r_ij (dC_ii + dC_jj) / 2``, and
    covariances of windowed covariances are ``X_ik X_jl + X_il X_jk`` for normal
    signals of covariance X.
    """
    n_rois = fc.shape[-1]
    n_edges = n_rois * (n_rois - 1) / 2
    own = view.diagonal(dim1=-2, dim2=-1)
    squares, both = view.square(), own[:, :, None] + own[:, None, :]
    half = (own.square()[:, :, None] + own.square()[:, None, :]) / 2
    # An edge of a region with itself has r = 1 and no variance.
    noise = own[:, :, None] * own[:, None, :] + squares
    noise = noise + fc.square() * (half + squares) - 2 * fc * view * both

    # What edges weigh in the pattern, as changes of covariances: FC less its mean; on
    # the diagonal what normalisation takes back.
    gap = fc - upper_triangle(fc).mean(dim=-1)[:, None, None]
    gap = gap.diagonal_scatter(torch.zeros_like(own), dim1=-2, dim2=-1)
    pattern = gap.diagonal_scatter(-(gap * fc).sum(dim=-1), dim1=-2, dim2=-1)
    moved = pattern @ view

    strength, total = fc.sum(dim=-1), view.sum(dim=-1)
    of_mean = (
        torch.linalg.vecdot(strength, _times(squares, strength))
        - 2 * torch.linalg.vecdot(strength, total.square())
        + total.sum(dim=-1).square()
    )
    square = view @ view
    return [
        noise.sum(dim=(-2, -1)) / (2 * n_edges),
        _trace_of_product(moved, moved.transpose(1, 2)),
        own.sum(dim=-1),
        squares.sum(dim=(-2, -1)),
        _trace_of_product(square, view),
        _trace_of_product(square, square),
        of_mean / (2 * n_edges**2),
    ]


def upper_triangle(matrices: Tensor) -> Tensor:
    """Strict upper triangles in rows."""
    rows, columns = np.triu_indices(matrices.shape[-1], k=1)
    return matrices[:, rows, columns]


def _regress(covariance: Tensor, slopes: Tensor) -> Tensor:
    """Take the sum over regions out of covariances, by given slopes on it."""
    rows = covariance.sum(dim=-1)
    both = slopes[:, :, None] * rows[:, None, :]
    total = rows.sum(dim=-1)[:, None, None]
    both = both + both.transpose(1, 2)
    return covariance - both + total * slopes[:, :, None] * slopes[:, None, :]


def _times(matrix: Tensor, vector: Tensor) -> Tensor:
    return (matrix @ vector[..., None])[..., 0]


def _scaled_to_one(vector: Tensor) -> Tensor:
    return vector / vector.norm(dim=-1, keepdim=True)


def _trace_of_product(left: Tensor, right: Tensor) -> Tensor:
    """Trace of a matrix times the transpose of another."""
    return (left * right).sum(dim=(-2, -1))
