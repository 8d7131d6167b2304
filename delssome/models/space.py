"""The space a search explores: coefficients of regional parameters on brain maps."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from numpy.typing import ArrayLike, NDArray

from delssome.connectome.checks import as_floats
from delssome.models.base import Array, Model
from delssome.models.candidates import Candidates

__all__ = ["ParameterSpace", "check_maps"]

# One unit of a search coordinate is the whole range of a parameter for intercepts
# and a quarter of it per standard deviation of a map for slopes, so that one step
# size serves all coordinates and no map's unit matters.
SLOPE_UNIT = 0.25


class ParameterSpace:
    """Feasible box of the coefficients that describe all regions of a model.

    Every regional parameter is linear in the maps, c0 + c1 * map1 + c2 * map2 ...;
    global parameters have one value. A vector `theta` holds the coefficients, in
    the order of `names`. A search moves in scaled coordinates `x` instead.

    Parameters
    ----------
    model : Model
        With its ranges and constraints.
    maps : array-like of shape (n_rois, n_maps)
        Heterogeneity maps, for instance T1w/T2w ratio and principal gradient of
        resting-state FC. No column: regions share one value (homogeneous).
    departs : bool, default=False
        Whether regions also depart from the maps, each on its own: as many more
        coefficients as there are regions, for every regional parameter.

    References
    ----------
    Kong et al. 2021, https://doi.org/10.1038/s41467-021-26704-y (parameterisation);
    Zeng et al. 2026, Nature Methods (box and constraints).

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.models import FIC, ParameterSpace
    >>> myelin = np.array([1.2, 1.5, 1.1, 1.9])
    >>> space = ParameterSpace(FIC(), myelin[:, None])
    >>> space.names
    ['w_EE_0', 'w_EE_1', 'w_EI_0', 'w_EI_1', 'G', 'sigma_0', 'sigma_1']
    >>> theta = [3.0, 0.5, 2.0, 0.0, 1.0, 0.005, 0.0]
    >>> space.expand(theta)["w_EE"], space.feasible(theta)
    (array([[3.6 , 3.75, 3.55, 3.95]]), array([ True]))
    """

    def __init__(self, model: Model, maps: ArrayLike, departs: bool = False) -> None:
        self.model, self.departs = model, departs
        self.maps = check_maps(maps)
        self.n_rois, n_maps = self.maps.shape
        self._mean, self._sd = self.maps.mean(axis=0), self.maps.std(axis=0)
        self._by_maps = np.column_stack([np.ones(self.n_rois), self.maps])
        self._design = self._by_maps
        own = [f"at_{k}" for k in range(self.n_rois)] if departs else []
        if departs:  # one unit of a coordinate is the whole range
            self._mean = np.append(self._mean, np.zeros(self.n_rois))
            self._sd = np.append(self._sd, np.full(self.n_rois, SLOPE_UNIT))
            self._design = np.hstack([self._design, np.eye(self.n_rois)])

        self.slices: dict[str, slice] = {}
        self.names: list[str] = []
        for name in model.searched:
            start = len(self.names)
            if name in model.regional:
                self.names += [f"{name}_{k}" for k in (*range(n_maps + 1), *own)]
            else:
                self.names.append(name)
            self.slices[name] = slice(start, len(self.names))
        self.n_dim = len(self.names)
        # Constraints that do not fit these maps are refused here.
        model.constrain(self.expand(self.theta(np.full(self.n_dim, 0.5))), self.maps)

    @property
    def following(self) -> "ParameterSpace":
        """The same without departures."""
        return ParameterSpace(self.model, self.maps)

    def theta(self, x: ArrayLike) -> Array:
        """Coefficients on the raw maps from search coordinates, (..., n_dim)."""
        x = np.asarray(x, dtype=np.float64)
        theta = np.empty_like(x)
        for name, part in self.slices.items():
            low, high = getattr(self.model, name)
            u = x[..., part]
            slopes = (high - low) * SLOPE_UNIT * u[..., 1:] / self._sd[: u.shape[-1]]
            theta[..., part.start + 1 : part.stop] = slopes
            centre = slopes @ self._mean[: slopes.shape[-1]]
            theta[..., part.start] = low + (high - low) * u[..., 0] - centre
        return theta

    def x(self, theta: ArrayLike) -> Array:
        """Search coordinates from coefficients, the inverse of `theta`."""
        theta = np.asarray(theta, dtype=np.float64)
        x = np.empty_like(theta)
        for name, part in self.slices.items():
            low, high = getattr(self.model, name)
            slopes = theta[..., part.start + 1 : part.stop]
            n = slopes.shape[-1]
            x[..., part.start + 1 : part.stop] = (
                slopes * self._sd[:n] / (SLOPE_UNIT * (high - low))
            )
            centred = theta[..., part.start] + slopes @ self._mean[:n]
            x[..., part.start] = (centred - low) / (high - low)
        return x

    def expand(self, theta: ArrayLike) -> dict[str, Array]:
        """Regional parameters from coefficients.

        Parameters
        ----------
        theta : array-like of shape (n_candidates, n_dim)

        Returns
        -------
        dict of str to ndarray
            (n_candidates, n_rois) for regional, (n_candidates,) for global ones.
        """
        theta = np.atleast_2d(np.asarray(theta, dtype=np.float64))
        if theta.shape[1] != self.n_dim:
            raise ValueError(
                f"theta must have {self.n_dim} columns ({', '.join(self.names)}), "
                f"got shape {theta.shape}."
            )
        return {
            name: theta[:, part] @ self._design.T
            if name in self.model.regional
            else theta[:, part.start]
            for name, part in self.slices.items()
        }

    def candidates(self, theta: ArrayLike, sc: ArrayLike) -> Candidates:
        """Candidates from coefficients, on a connectome.

        Parameters
        ----------
        theta : array-like of shape (n_candidates, n_dim)
        sc : array-like of shape (n_rois, n_rois) or (n_candidates, n_rois, n_rois)
            Scaled structural connectivity.

        Returns
        -------
        Candidates
        """
        return Candidates(self.model, self.expand(theta), sc)

    def departing(self, params: dict[str, Array]) -> Array:
        """Coefficients of regional parameters of any kind, the inverse of `expand`.

        Parameters
        ----------
        params : dict of str to ndarray
            (n_candidates, n_rois) for regional, (n_candidates,) for global parameters.

        Returns
        -------
        ndarray of shape (n_candidates, n_dim)
            Maps explain as much as they can, departures the rest; of a space that
            departs.
        """
        theta = np.empty((len(params["G"]), self.n_dim))
        for name, part in self.slices.items():
            if name not in self.model.regional:
                theta[:, part.start] = params[name]
                continue
            found = np.linalg.lstsq(self._by_maps, params[name].T, rcond=None)[0]
            theta[:, part] = np.hstack(
                [found.T, params[name] - (self._by_maps @ found).T]
            )
        return theta

    def shares(self, params: dict[str, Array]) -> Array:
        """Regional and global parameters as shares of their ranges, side by side.

        Parameters
        ----------
        params : dict of str to ndarray
            (n_candidates, n_rois) for regional, (n_candidates,) for global parameters.

        Returns
        -------
        ndarray of shape (n_candidates, n_shares)
            In the order of `slices`.
        """
        found = []
        for name in self.slices:
            low, high = getattr(self.model, name)
            values = (params[name] - low) / (high - low)
            found.append(values if values.ndim == 2 else values[:, None])
        return np.hstack(found)

    def at_shares(self, shares: Array) -> dict[str, Array]:
        """Regional and global parameters from shares, the inverse of `shares`."""
        params, k = {}, 0
        for name in self.slices:
            low, high = getattr(self.model, name)
            n = self.n_rois if name in self.model.regional else 1
            values = low + (high - low) * shares[:, k : k + n]
            params[name] = values if name in self.model.regional else values[:, 0]
            k += n
        return params

    def feasible(self, theta: ArrayLike) -> NDArray[np.bool_]:
        """Tell which candidates keep every region in the box and the constraints.

        Parameters
        ----------
        theta : array-like of shape (n_candidates, n_dim)

        Returns
        -------
        ndarray of bool, shape (n_candidates,)
        """
        params = self.expand(theta)
        within = within_ranges(self.model, params)
        return within & self.model.constrain(params, self.maps)

    def start(self, rng: np.random.Generator) -> Array:
        """Draw where a search starts (published): random maps, projected.

        Parameters
        ----------
        rng : numpy.random.Generator

        Returns
        -------
        ndarray of shape (n_dim,)
            Search coordinates; they need not be feasible themselves.
        """
        theta = np.empty(self.n_dim)
        for name, part in self.slices.items():
            low, high = getattr(self.model, name)
            if name in self.model.regional:
                draw = rng.uniform(low, high, self.n_rois)
                found = np.linalg.lstsq(self._by_maps, draw, rcond=None)[0]
                theta[part] = np.append(
                    found, np.zeros(part.stop - part.start - len(found))
                )
            else:
                theta[part] = rng.uniform(low, high)
        return self.x(theta)


def within_ranges(model: Model, params: dict[str, Array]) -> NDArray[np.bool_]:
    """Tell which candidates keep every region within the ranges of a model.

    Parameters
    ----------
    model : Model
    params : dict of str to ndarray
        (n_candidates, n_rois) for regional, (n_candidates,) for global parameters.

    Returns
    -------
    ndarray of bool, shape (n_candidates,)
    """
    ok = np.ones(len(params["G"]), dtype=bool)
    for name, values in params.items():
        low, high = getattr(model, name)
        inside = (values >= low) & (values <= high)
        ok &= inside if inside.ndim == 1 else inside.all(axis=1)
    return ok


def check_maps(maps: ArrayLike | None, n_rois: int | None = None) -> Array:
    """Check heterogeneity maps and give them as a (n_rois, n_maps) float array.

    Parameters
    ----------
    maps : array-like of shape (n_rois, n_maps) or (n_rois,), or None
        None needs `n_rois` and gives no map at all.
    n_rois : int, default=None
        Number of regions that the maps must have.

    Returns
    -------
    ndarray of shape (n_rois, n_maps)

    Examples
    --------
    >>> from delssome.models import check_maps
    >>> myelin = [1.2, 1.5, 1.1, 1.9]
    >>> check_maps(myelin, n_rois=4).shape
    (4, 1)
    """
    if maps is None:
        if n_rois is None:
            raise TypeError(
                "maps must be an array, got None; for regions that are all alike give "
                "np.empty((n_rois, 0))."
            )
        return np.empty((n_rois, 0))
    maps = np.ascontiguousarray(as_floats(maps, "maps"))  # one rounding for all
    if maps.ndim == 1:
        maps = maps[:, None]
    if maps.ndim != 2 or len(maps) == 0:
        raise ValueError(f"maps must have shape (n_rois, n_maps), got {maps.shape}.")
    if n_rois is not None and len(maps) != n_rois:
        raise ValueError(
            f"maps must have one row for each of the {n_rois} regions, "
            f"got shape {maps.shape}."
        )
    if not np.isfinite(maps).all():
        raise ValueError("maps must be finite, got NaN or infinity.")
    steps = np.diff(maps, axis=0)
    for k in range(maps.shape[1]):
        if (steps[:, k] == 0).all():
            raise ValueError(
                "maps must vary over regions, but "
                f"column {k + 1} is {maps[0, k]:.4g} everywhere; leave it out."
            )
        if (steps[:, k] == 1).all():
            raise ValueError(
                f"column {k + 1} of maps counts the regions, from {maps[0, k]:.0f} to "
                f"{maps[-1, k]:.0f}: an index or label, no map; leave it out."
            )
    centred = maps - maps.mean(axis=0)
    scaled = centred / np.maximum(np.linalg.norm(centred, axis=0), 1e-300)
    if maps.shape[1] and np.linalg.matrix_rank(scaled, tol=1e-6) < maps.shape[1]:
        raise ValueError(
            "maps must not be linear combinations of each other; remove the redundant "
            "ones."
        )
    return maps
