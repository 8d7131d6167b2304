"""The space a search explores: coefficients of regional parameters on brain maps."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

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
    model : FIC
        Model with its ranges.
    maps : array-like of shape (n_rois, n_maps)
        Heterogeneity maps, for instance T1w/T2w ratio and principal gradient of
        resting-state FC. No column: regions share one value (homogeneous).
    map_signs : tuple of {-1, 0, 1} of length n_maps, default=None
        Required sign of the correlation of w_EI with each map; 0 or None leaves it
        free. Published for (T1w/T2w, RSFC gradient): (-1, 1).
    min_w_EI_sd : float, default=0.0
        Smallest standard deviation of w_EI over regions. Published: 0 for groups,
        0.3 for individuals.

    References
    ----------
    Kong et al. 2021, https://doi.org/10.1038/s41467-021-26704-y (parameterisation);
    Zeng et al. 2026, Nature Methods (box and constraints).
    """

    def __init__(self, model, maps, map_signs=None, min_w_EI_sd=0.0):
        self.model = model
        self.maps = check_maps(maps)
        self.n_rois, n_maps = self.maps.shape
        self.map_signs = _check_signs(map_signs, n_maps)
        self.min_w_EI_sd = _check_sd(min_w_EI_sd, n_maps)
        self._mean, self._sd = self.maps.mean(axis=0), self.maps.std(axis=0)
        self._design = np.column_stack([np.ones(self.n_rois), self.maps])

        self.slices, self.names = {}, []
        for name in model.searched:
            start = len(self.names)
            if name in model.regional:
                self.names += [f"{name}_{k}" for k in range(n_maps + 1)]
            else:
                self.names.append(name)
            self.slices[name] = slice(start, len(self.names))
        self.n_dim = len(self.names)

    def theta(self, x):
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

    def x(self, theta):
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

    def expand(self, theta):
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

    def feasible(self, theta):
        """Tell which candidates keep every region in the box and the constraints.

        Parameters
        ----------
        theta : array-like of shape (n_candidates, n_dim)

        Returns
        -------
        ndarray of bool, shape (n_candidates,)
        """
        params = self.expand(theta)
        ok = np.ones(len(np.atleast_2d(theta)), dtype=bool)
        for name, values in params.items():
            low, high = getattr(self.model, name)
            inside = (values >= low) & (values <= high)
            ok &= inside if inside.ndim == 1 else inside.all(axis=1)
        if "w_EI" in params:
            centred = params["w_EI"] - params["w_EI"].mean(axis=1, keepdims=True)
            covariance = centred @ (self.maps - self._mean)
            ok &= (covariance * self.map_signs >= 0).all(axis=1)
            if self.min_w_EI_sd > 0:
                ok &= centred.std(axis=1) >= self.min_w_EI_sd
        return ok

    def start(self, rng):
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
                theta[part] = np.linalg.lstsq(self._design, draw, rcond=None)[0]
            else:
                theta[part] = rng.uniform(low, high)
        return self.x(theta)


def check_maps(maps, n_rois=None):
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
    """
    if maps is None:
        if n_rois is None:
            raise TypeError(
                "maps must be an array, got None; for regions that are all alike give "
                "np.empty((n_rois, 0))."
            )
        return np.empty((n_rois, 0))
    try:
        maps = np.array(maps, dtype=np.float64, order="C")  # one rounding for all
    except (TypeError, ValueError) as error:
        raise TypeError(
            "maps must be a numeric array of shape (n_rois, n_maps)."
        ) from error
    if maps.ndim == 1:
        maps = maps[:, None]
    if maps.ndim != 2:
        raise ValueError(f"maps must have shape (n_rois, n_maps), got {maps.shape}.")
    if n_rois is not None and len(maps) != n_rois:
        raise ValueError(
            f"maps must have one row for each of the {n_rois} regions, "
            f"got shape {maps.shape}."
        )
    if not np.isfinite(maps).all():
        raise ValueError("maps must be finite, got NaN or infinity.")
    centred = maps - maps.mean(axis=0)
    scaled = centred / np.maximum(np.linalg.norm(centred, axis=0), 1e-300)
    if maps.shape[1] and np.linalg.matrix_rank(scaled, tol=1e-6) < maps.shape[1]:
        raise ValueError(
            "maps must vary over regions and not be linear combinations of each "
            "other; remove the constant or redundant ones."
        )
    return maps


def check_candidates(model, params, sc, n_candidates=None):
    """Check the parameters of candidates, and the connectome, against each other.

    Parameters
    ----------
    model : FIC
    params : dict of str to array-like
        Searched parameters, and maybe those that are solved: regional ones
        (n_candidates, n_rois) or, the same in all regions, (n_candidates,); global
        ones (n_candidates,).
    sc : array-like of shape (n_rois, n_rois) or (n_candidates, n_rois, n_rois)
        Scaled structural connectivity.
    n_candidates : int, default=None
        None: as many as there are values of a global parameter.

    Returns
    -------
    params : dict of str to ndarray
        float64, regional ones (n_candidates, n_rois), global ones (n_candidates,).
    sc : ndarray
        float64.
    """
    sc = _check_coupling(sc)
    n_rois = sc.shape[-1]
    missing = [name for name in model.searched if name not in params]
    unknown = [name for name in params if name not in (*model.searched, *model.inputs)]
    if missing or unknown:
        raise ValueError(
            f"params must hold {', '.join(model.searched)}; missing: "
            f"{', '.join(missing) or 'none'}, unknown: {', '.join(unknown) or 'none'}."
        )
    shared = [name for name in model.searched if name not in model.regional]
    checked = {}
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
    if sc.ndim == 3 and len(sc) != n_candidates:
        raise ValueError(
            f"sc must be one connectome, or one for each of {n_candidates} candidates, "
            f"got shape {sc.shape}."
        )
    return checked, sc


def _check_coupling(sc):
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


def _check_signs(map_signs, n_maps):
    if map_signs is None:
        return np.zeros(n_maps)
    signs = np.asarray(map_signs)
    if signs.shape != (n_maps,) or not np.isin(signs, (-1, 0, 1)).all():
        raise ValueError(
            f"map_signs must hold -1, 0 or 1 for each of the {n_maps} maps, "
            f"got {map_signs!r}."
        )
    return signs.astype(np.float64)


def _check_sd(min_w_EI_sd, n_maps):
    if not min_w_EI_sd >= 0:
        raise ValueError(f"min_w_EI_sd must not be negative, got {min_w_EI_sd!r}.")
    if min_w_EI_sd > 0 and n_maps == 0:
        raise ValueError(
            f"min_w_EI_sd={min_w_EI_sd!r} cannot be met without maps, which leave "
            "w_EI the same everywhere; give maps or set it to 0."
        )
    return float(min_w_EI_sd)
