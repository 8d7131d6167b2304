"""Candidates of a model: checked, expanded and solved once."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from delssome.models.base import Array, Model, Solution

__all__ = ["Candidates", "check_candidates"]

# Differences from symmetry that rounding explains.
ROUNDING = 1e-9


class Candidates:
    """Points of a model's parameter space, with the connectome that they live on.

    Parameters
    ----------
    model : Model
    params : dict of str to array-like
        Searched parameters, and maybe those that are solved for: regional ones
        (n_candidates, n_rois) or, the same in all regions, (n_candidates,); global
        ones (n_candidates,).
    sc : array-like of shape (n_rois, n_rois) or (n_candidates, n_rois, n_rois)
        Scaled structural connectivity (maximum 0.02): one for all, or one for each.
    n_candidates : int, default=None
        None: as many as there are values of a global parameter.

    Attributes
    ----------
    model, sc
        As given, `sc` in float64.
    params : dict of str to ndarray
        float64, regional ones (n_candidates, n_rois), global ones (n_candidates,).

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.models import FIC, Candidates
    >>> sc = 0.02 * (1 - np.eye(3))
    >>> candidates = Candidates(
    ...     FIC(), {"w_EE": [3.0], "w_EI": [2.0], "G": [1.0], "sigma": [0.005]}, sc
    ... )
    >>> candidates.solved["w_IE"].round(2)
    array([[1.47, 1.47, 1.47]])
    """

    model: Model
    params: dict[str, Array]
    sc: Array

    def __init__(
        self,
        model: Model,
        params: Mapping[str, ArrayLike],
        sc: ArrayLike,
        n_candidates: int | None = None,
    ) -> None:
        self.model = model
        self.sc = _check_coupling(sc)
        self.params = _check_params(model, params, self.sc.shape[-1], n_candidates)
        if self.sc.ndim == 3 and len(self.sc) != len(self):
            raise ValueError(
                f"sc must be one connectome, or one for each of {len(self)} "
                f"candidates, got shape {self.sc.shape}."
            )

    def __len__(self) -> int:
        return len(self.params["G"])

    @property
    def n_rois(self) -> int:
        """Number of regions."""
        return int(self.sc.shape[-1])

    @cached_property
    def _solution(self) -> Solution:
        if all(name in self.params for name in self.model.inputs):
            given = set(self.params) - set(self.model.searched)
            if given:  # solved for already, maybe elsewhere
                return Solution(self.params)
        return self.model.solve(self.params, self.sc)

    @property
    def solved(self) -> Mapping[str, Array]:
        """Searched parameters and those that follow from them."""
        return self._solution.params

    @cached_property
    def states(self) -> tuple[Array, ...]:
        """Steady state, (n_candidates, n_rois) each; NaN where there is none."""
        known = self._solution.states
        return self.model.steady_state(self.solved, self.sc) if known is None else known

    @property
    def rests(self) -> NDArray[np.bool_]:
        """Which candidates come to rest."""
        found = np.isfinite(np.stack(self.states)).all(axis=(0, 2))
        return np.asarray(found)

    @property
    def inputs(self) -> list[Array]:
        """Parameters of the equations, (n_candidates, n_rois) each."""
        return [self.regional(self.solved[name]) for name in self.model.inputs]

    @property
    def sigma(self) -> Array:
        """Noise amplitude of every region, (n_candidates, n_rois)."""
        return self.regional(self.solved["sigma"])

    @cached_property
    def network(self) -> Array:
        """Global coupling times connectivity, (n_candidates, n_rois, n_rois)."""
        return self.params["G"][:, None, None] * self.sc

    @property
    def symmetric(self) -> bool:
        """Whether connections are the same in both directions, for all candidates."""
        away = np.abs(self.sc - np.swapaxes(self.sc, -1, -2)).max()
        return bool(away <= ROUNDING)

    def check_symmetric(self, reader: str) -> None:
        """Refuse a directed connectome, which `reader` cannot describe."""
        if not self.symmetric:
            raise ValueError(
                f"sc must be symmetric for {reader}; average it with its transpose, or "
                "simulate (surrogate=None)."
            )

    def regional(self, values: Array) -> Array:
        """Spread a value of each candidate over its regions."""
        return np.broadcast_to(values.reshape(len(self), -1), (len(self), self.n_rois))

    def select(self, which: slice | NDArray[Any]) -> Self:
        """Take candidates by their indices, with what is known of them already."""
        part = object.__new__(type(self))
        part.model = self.model
        part.sc = self.sc if self.sc.ndim == 2 else self.sc[which]
        part.params = {name: values[which] for name, values in self.params.items()}
        known = vars(self)
        if "_solution" in known:
            params, states = self._solution
            vars(part)["_solution"] = Solution(
                {name: values[which] for name, values in params.items()},
                None if states is None else tuple(x[which] for x in states),
            )
        if "states" in known:
            vars(part)["states"] = tuple(x[which] for x in self.states)
        if "network" in known:
            vars(part)["network"] = self.network[which]
        return part

    def batches(self, size: int) -> list[Self]:
        """Split into batches of a size, what follows from parameters solved once."""
        self.states  # noqa: B018
        return [self.select(slice(k, k + size)) for k in range(0, len(self), size)]


def check_candidates(candidates: object) -> None:
    """Refuse what is not Candidates."""
    if not isinstance(candidates, Candidates):
        raise TypeError(
            "candidates must be Candidates, as ParameterSpace.candidates(theta, sc) or "
            f"Candidates(model, params, sc) give them, got {type(candidates).__name__}."
        )


def _check_params(
    model: Model,
    params: Mapping[str, ArrayLike],
    n_rois: int,
    n_candidates: int | None,
) -> dict[str, Array]:
    missing = [name for name in model.searched if name not in params]
    unknown = [name for name in params if name not in (*model.searched, *model.inputs)]
    if missing or unknown:
        raise ValueError(
            f"params must hold {', '.join(model.searched)}; missing: "
            f"{', '.join(missing) or 'none'}, unknown: {', '.join(unknown) or 'none'}."
        )
    shared = [name for name in model.searched if name not in model.regional]
    checked: dict[str, Array] = {}
    for name in (*shared, *params):
        try:
            values = np.asarray(params[name], dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise TypeError(f"params[{name!r}] must be numbers ({error}).") from error
        if n_candidates is None:
            n_candidates = values.size
        sizes = [n_candidates] + [n_candidates * n_rois] * (name not in shared)
        if values.size not in sizes or values.size == 0:
            raise ValueError(
                f"params[{name!r}] must have shape ({n_candidates},)"
                f"{'' if name in shared else f' or ({n_candidates}, {n_rois})'} for "
                f"{n_candidates} candidates and a connectome of {n_rois} regions, got "
                f"{values.shape}."
            )
        if not np.isfinite(values).all():
            raise ValueError(f"params[{name!r}] must be finite, got NaN or infinity.")
        if name in shared:
            checked[name] = values.reshape(n_candidates)
        else:
            values = values.reshape(n_candidates, -1)
            checked[name] = np.broadcast_to(values, (n_candidates, n_rois))
    return {name: checked[name] for name in params}


def _check_coupling(sc: ArrayLike) -> Array:
    try:
        sc = np.asarray(sc, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"sc must be a numeric array ({error}).") from error
    if sc.ndim not in (2, 3) or sc.shape[-1] != sc.shape[-2] or sc.size == 0:
        raise ValueError(
            "sc must have shape (n_rois, n_rois) or (n_candidates, n_rois, n_rois), "
            f"got {sc.shape}."
        )
    # Not NaN either.
    if not (sc.min() >= 0.0 and sc.max() <= 1.0):
        raise ValueError(
            "sc must be scaled for the model, with entries from 0 to 1 (published: "
            f"0.02 at most), got {sc.min():.4g} to {sc.max():.4g}; use "
            "delssome.connectome.prepare_sc."
        )
    return sc
