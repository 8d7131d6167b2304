"""What a pool of scans carries from one round of chains to the next."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from numpy.typing import NDArray

__all__ = ["Place", "Seen", "State"]

Array = NDArray[Any]


class Seen(NamedTuple):
    """What theory said of candidates on the connectome of the group.

    Attributes
    ----------
    x : ndarray of shape (n, n_dim)
    z : ndarray of shape (n, n_edges)
    decay : ndarray of shape (n,)
    """

    x: Array
    z: Array
    decay: Array


class Place(NamedTuple):
    """What is taken at one point for all.

    Attributes
    ----------
    root : ndarray of shape (n_edges, n_edges)
        Of the covariance of Fisher's z of one scan, lower triangular.
    added : ndarray of shape (n_scans, n_edges)
        What own connectomes add to z.
    n_replaced : int
        Scans on whose own connectome there is no stable state.
    """

    root: Array
    added: Array
    n_replaced: int


class State(NamedTuple):
    """Where a round of chains has come to.

    Attributes
    ----------
    points : ndarray of shape (n_chains, n_own + n_kinds + 1)
    draws : ndarray of shape (n_draws, n_own + n_kinds + 1)
    seen : Seen
    place : Place
    model_error : float
    """

    points: Array
    draws: Array
    seen: Seen
    place: Place
    model_error: float

    def arrays(self) -> dict[str, Any]:
        """Give all of it as arrays by name, for a file."""
        return {
            "points": self.points,
            "draws": self.draws,
            "model_error": self.model_error,
            **{f"seen_{name}": x for name, x in self.seen._asdict().items()},
            **{f"place_{name}": x for name, x in self.place._asdict().items()},
        }

    @classmethod
    def of(cls, arrays: Mapping[str, Array]) -> Self:
        """Make what `arrays` gave."""
        return cls(
            arrays["points"],
            arrays["draws"],
            Seen(*(arrays[f"seen_{name}"] for name in Seen._fields)),
            Place(
                arrays["place_root"],
                arrays["place_added"],
                int(arrays["place_n_replaced"]),
            ),
            float(arrays["model_error"]),
        )
