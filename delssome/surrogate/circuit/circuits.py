"""Candidates as linear circuits at their fixed point, and what is known of a region."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from delssome.models import Candidates
from delssome.simd.cache import announce
from delssome.surrogate.circuit import algebra
from delssome.surrogate.circuit.regions import N_BENDS, describe_alone

if TYPE_CHECKING:
    import torch

__all__ = [
    "N_LOCAL",
    "N_MODE",
    "Circuit",
    "Response",
    "circuits",
    "describe_regions",
    "spread",
]

Array = NDArray[Any]
T = TypeVar("T", bound=Any)  # an array or a tensor

N_LOCAL, N_MODE = 8 + N_BENDS, 3


@dataclass(frozen=True)
class Circuit(Generic[T]):
    """Stable candidates as linear networks at their fixed point, single precision.

    The system of a candidate is ``decay`` on the diagonal less ``reach_i sc_ij
    reach_j`` (1/s), symmetric and positive definite.

    Attributes
    ----------
    local : (n, n_rois, 21)
        What is known of a region, of the order of one.
    mode : (n, 3)
        What is known of the slowest mode, likewise.
    sc : (1 or n, n_rois, n_rois)
        Structural connectivity.
    reach : (n, n_rois)
        Strength with which a region sends and receives (s**-0.5).
    decay : (n, n_rois)
        Rate at which a region falls back without coupling (1/s).
    power : (n, n_rois)
        Power of its noise (1/s).
    """

    local: T
    mode: T
    sc: T
    reach: T
    decay: T
    power: T

    def __len__(self) -> int:
        return len(self.decay)

    def select(self, which: Any) -> "Circuit[T]":
        """Take candidates by their indices."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        shared = len(self.sc) == 1
        return Circuit(
            **{
                name: x if name == "sc" and shared else x[which]
                for name, x in given.items()
            }
        )

    def tensors(self, device: "torch.device | str" = "cpu") -> "Circuit[torch.Tensor]":
        """Give the same in torch."""
        import torch

        given = (getattr(self, field.name) for field in fields(self))
        return Circuit(*(torch.from_numpy(x).to(device) for x in given))


class Response(NamedTuple, Generic[T]):
    """How circuits respond to slow inputs, by the inverse of their system.

    Attributes
    ----------
    smallest : (n,)
        The smallest pivot of elimination, above 0 where the system is stable; what
        else is said of others means nothing.
    sums : (n, n_rois)
        Row sums of the system.
    variance, own, together, share : (n, n_rois)
        Variances of regions, diagonal of the inverse, its row sums, and the share of
        regions in the slowest mode (squares, sum 1).
    mode : (n, 2)
        Two estimates of the slowest mode's time (s).
    """

    smallest: T
    sums: T
    variance: T
    own: T
    together: T
    share: T
    mode: T


def circuits(candidates: Candidates, step: float) -> tuple[Circuit[Array], Array]:
    """Linearise candidates at their fixed point, as far as it is cheap.

    Parameters
    ----------
    candidates : Candidates
        On a symmetric connectome, of a model of which one state couples regions.
    step : float
        Integration step, in seconds.

    Returns
    -------
    circuit : Circuit of ndarrays
        Of the candidates with a stable fixed point.
    instability : ndarray of shape (n_candidates,)
        0 for these, for others a bound on the rate (1/s) at which the network leaves
        its fixed point (Gershgorin).
    """
    regions, n_rois = describe_alone(candidates), candidates.n_rois
    given = (
        np.ascontiguousarray(candidates.sc, dtype=np.float32).reshape(
            -1, n_rois, n_rois
        ),
        regions.reach.astype(np.float32),
        regions.decay.astype(np.float32),
        regions.power.astype(np.float32),
    )
    found = _at_frequency_zero(*given)
    with np.errstate(invalid="ignore", divide="ignore"):  # of unstable candidates
        slack = 2.0 - regions.fastest * step
        local, mode = describe_regions(np, regions.bends, slack, found, *given[2:])
    local, mode = local.astype(np.float32), mode.astype(np.float32)
    stable = (found.smallest > 0) & np.isfinite(local).all(axis=(1, 2))
    stable &= candidates.rests
    # Off the diagonal of the system, every entry is negative or 0.
    bound = np.nan_to_num(-found.sums.min(axis=1), nan=1e3).clip(1e-6, 1e3)
    circuit = Circuit(local, mode, *given)
    if not stable.all():
        circuit = circuit.select(np.flatnonzero(stable))
    return circuit, np.where(stable, 0.0, bound)


def _at_frequency_zero(
    sc: Array, reach: Array, decay: Array, power: Array
) -> Response[Array]:
    """Describe the response to slow inputs."""
    n, n_rois = decay.shape
    shapes = [(n, 1), (n, n_rois), (4, n, n_rois), (n, 2)]
    found = [np.empty(shape, dtype=np.float32) for shape in shapes]
    announce(algebra.describe, "the linear algebra of the network")
    algebra.at_frequency_zero(sc, reach, decay, power, *found)
    smallest, sums, regions, mode = found
    variance, own, together, share = regions
    return Response(smallest[:, 0], sums, variance, own, together, share, mode)


def describe_regions(
    xp: Any,
    bends: T,
    slack: T,
    found: Response[T],
    decay: T,
    power: T,
) -> tuple[T, T]:
    """Give what is known of regions, and of the slowest mode, of the order of one.

    Parameters
    ----------
    xp : module
        NumPy or torch, of whose kind all else is.
    bends : (n, n_rois, 13)
        As of :class:`.Described`.
    slack : (n, n_rois)
        2, less the fastest rate of a region in steps.
    found : Response
    decay, power : (n, n_rois)

    Returns
    -------
    local : (n, n_rois, 21)
    mode : (n, 3)
    """
    n_rois = decay.shape[1]
    local = [
        decay / 10.0,
        0.5 * xp.log(power) + 6.0,
        *(bends[..., k] for k in range(N_BENDS)),
        (decay - found.sums) / 5.0 - 1.0,
        xp.log(slack.clip(min=1e-3)),
        xp.log(found.variance) / 4 + 3,
        xp.log(found.own) / 2,
        xp.log(xp.abs(found.together) + 1e-3) / 2,
        xp.log(n_rois * found.share + 1e-2) / 2,
    ]
    spread = xp.log(xp.square(n_rois * found.share).mean(-1))
    first, second = found.mode[:, 0], found.mode[:, 1]
    return xp.stack(local, -1), xp.stack([xp.log(first), xp.log(second), spread], -1)


def spread(values: Array, stable: NDArray[np.bool_], fill: float = np.nan) -> Array:
    """Give rows to the stable candidates, and something else to the others."""
    if stable.all():
        return values
    spread = np.full((len(stable), *values.shape[1:]), fill, dtype=values.dtype)
    spread[stable] = values
    return spread
