"""What a scan of finite length adds to FC: its covariance over edges."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any

import numpy as np
from numpy.typing import NDArray

from delssome.models import Candidates
from delssome.simulation import Acquisition
from delssome.theory.spectra import Spectra

__all__ = ["choose_edges", "fc_covariance", "fisher_z", "noise_of_fc", "noise_of_z"]

Array = NDArray[Any]

# Edges that are looked at, at most: their noise is so alike that half of 2278 know
# what all do within some per cent.
MOST_EDGES = 2500
# What errors of second order add to every direction, in mean squared variances of an
# edge. It was 0.3 to 0.5 in the weakest modes of simulated scans of three TRs and
# lengths, filtered or not; only without a global signal are there modes so weak that it
# is felt.
SECOND_ORDER = 0.4


def fc_covariance(candidates: Candidates, acquisition: Acquisition) -> Array:
    r"""Give the covariance over edges of the FC of one scan, in closed form.

    Parameters
    ----------
    candidates : Candidates
        One, on a symmetric connectome, of a model that theory describes, with a stable
        state.
    acquisition : Acquisition
        TR, frames, and step of the simulation that is described.

    Returns
    -------
    ndarray of shape (n_edges, n_edges)
        Upper triangle of FC, row by row. That of the mean of several scans of the same
        parameters is this divided by their number.

    Raises
    ------
    ValueError
        If there is more than one candidate, or it has no stable state.

    Notes
    -----
    Over n frames of a stationary Gaussian signal, covariances scatter by

    .. math::

        \mathrm{Cov}(\hat C_{ij}, \hat C_{kl}) = n^{-2} \sum_f
            S_{ik}(f) S^*_{jl}(f) + S_{il}(f) S^*_{jk}(f)

    over the Fourier frequencies of the scan, where S is the cross-spectrum of BOLD
    with its aliases (Bartlett 1946; Brillinger 1981, section 7.6). The delta method
    takes it to correlations. Memory: the result, 42 MB with 68 regions and 3.2 GB with
    200, and beside it some arrays of ``n_rois ** 3`` numbers, 64 MB with 200.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.models import FIC, Candidates
    >>> from delssome.simulation import Acquisition
    >>> from delssome.theory import fc_covariance
    >>> candidate = Candidates(
    ...     FIC(), {"w_EE": [3.0], "w_EI": [2.0], "G": [1.0], "sigma": [0.005]},
    ...     0.02 * (1 - np.eye(3)),
    ... )
    >>> noise = fc_covariance(candidate, Acquisition())
    >>> noise.shape, bool((np.linalg.eigvalsh(noise) > 0).all())
    ((3, 3), True)
    """
    spectra = Spectra.of(candidates, acquisition)
    return noise_of_fc(spectra, np.triu_indices(candidates.n_rois, k=1))


def noise_of_fc(spectra: Spectra, edges: tuple[Array, Array]) -> Array:
    """Covariance of the correlations of one scan, of some edges.

    Parameters
    ----------
    spectra : Spectra
    edges : tuple of two ndarrays of int, shape (n_edges,)
        Rows and columns, in order of the rows.

    Returns
    -------
    ndarray of shape (n_edges, n_edges)

    Notes
    -----
    ``d r_ij = d C_ij - r_ij (d C_ii + d C_jj) / 2``, of signals of unit variance. Of
    scans without a global signal, C is that of what is left: estimated slopes of
    regions on the signal err, but that counts to second order only. What is of second
    order counts in the weakest modes there, and is added to all (`SECOND_ORDER`).
    """
    rows, columns = edges
    r = spectra.fc[rows, columns]
    # Real and imaginary parts side by side, for a sum over both signs of frequency:
    # Cov(C_ij, C_kl) is the sum over parts P of P_ik P_jl + P_il P_jk.
    parts = np.concatenate([spectra.cross.real, spectra.cross.imag])
    scale = np.sqrt(np.tile(spectra.weights, 2) / spectra.n_frames)
    parts = parts * scale[:, None, None]
    own = 2.0 * np.einsum("fij,fij->ij", parts, parts)
    with_own = -0.5 * r * (own[:, rows] + own[:, columns])
    for part in parts:
        with_own += 2.0 * part[:, rows] * part[:, columns]
    covariance = np.empty((len(r), len(r)))
    for i in np.unique(rows):
        # The edges of one region: (k, j, l) is the sum over parts of P_ik P_jl.
        here = rows == i
        others = columns[here]
        products = np.tensordot(parts[:, i], parts[:, others], axes=(0, 0))
        block = (products[rows, :, columns] + products[columns, :, rows]).T
        alone = 2.0 * np.einsum("kjk->jk", products)
        block -= 0.5 * r * (alone[:, rows] + alone[:, columns])
        block -= 0.5 * r[here, None] * (with_own[i] + with_own[others])
        covariance[here] = block
    if spectra.global_signal:
        variance = np.diag(covariance)
        covariance += SECOND_ORDER * (variance**2).mean() * np.eye(len(r))
    return covariance


def noise_of_z(spectra: Spectra, edges: tuple[Array, Array]) -> tuple[Array, Array]:
    """Covariance of one scan on Fisher's scale, and that scale's slopes.

    Parameters
    ----------
    spectra, edges
        As of :func:`noise_of_fc`.

    Returns
    -------
    covariance : ndarray of shape (n_edges, n_edges)
    slope : ndarray of shape (n_edges,)
        Change of z with r.

    Notes
    -----
    Without the global signal, regions weighted by their deviations d sum to nothing,
    so that FC is singular and ``sum d_i d_j r_ij`` over all edges cannot vary to first
    order. That direction is given all the noise there is, as it knows nothing.
    """
    slope = 1.0 / (1.0 - spectra.fc[edges] ** 2)
    noise = slope[:, None] * noise_of_fc(spectra, edges) * slope
    n_rois = len(spectra.sd)
    if spectra.global_signal and len(slope) == n_rois * (n_rois - 1) // 2:
        fixed = spectra.sd[edges[0]] * spectra.sd[edges[1]] / slope
        fixed /= np.linalg.norm(fixed)
        noise += np.trace(noise) * fixed[:, None] * fixed
    return noise, slope


def choose_edges(
    n_rois: int, most: int = MOST_EDGES
) -> tuple[tuple[Array, Array], Array]:
    """Choose edges to look at, evenly at random, the same for all of a size.

    Returns
    -------
    edges : tuple of two ndarrays of int
        Rows and columns.
    which : ndarray of int
        Places in the upper triangle.
    """
    rows, columns = np.triu_indices(n_rois, k=1)
    which = np.arange(len(rows))
    if len(rows) > most:
        rng = np.random.default_rng(0)
        which = np.sort(rng.choice(len(rows), most, replace=False))
    return (rows[which], columns[which]), which


def fisher_z(r: Array) -> Array:
    """Inverse hyperbolic tangent, of 1 as well."""
    largest = 1.0 - 1e-7
    return np.arctanh(np.clip(r, -largest, largest))
