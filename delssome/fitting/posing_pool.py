"""Settings and data of a pool, checked before anything long starts."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from delssome.connectome import (
    matrix_to_edges,
    n_rois_from_width,
    order_of,
    prepare_sc,
    unpack_subjects,
)
from delssome.evaluation import Evaluator
from delssome.fitting.covariates import Covariates
from delssome.fitting.expecting import Expecting, Scans
from delssome.fitting.pool import Pool
from delssome.fitting.pool_design import Coordinates, Design, Direction
from delssome.fitting.usable import check_data
from delssome.models import FIC, Model, ParameterSpace, check_maps
from delssome.simulation import Acquisition, check_step
from delssome.surrogate import CircuitSurrogate
from delssome.theory import check_assumptions
from delssome.utils import instance_or_default

if TYPE_CHECKING:
    from delssome.fitting.pooled import PooledPosterior

__all__ = ["pose_pool"]

Array = NDArray[Any]


def pose_pool(
    estimator: PooledPosterior, X: Array, covariates: Any, people: Any
) -> Pool:
    """Check settings and data before anything long starts.

    Parameters
    ----------
    estimator : PooledPosterior
    X : ndarray of shape (n_scans, n_features)
    covariates, people
        As of `fit`.

    Returns
    -------
    Pool
    """
    model = FIC() if estimator.model is None else estimator.model
    model = instance_or_default("model", model, Model)
    scan = instance_or_default("acquisition", estimator.acquisition, Acquisition)
    scan = check_step(model, scan)
    check_assumptions(model)
    n_bins = estimator.n_fcd_bins
    n_rois = n_rois_from_width(X.shape[1], n_bins)
    if len(X) < 2:
        raise ValueError(f"X must hold two scans or more to pool, got {len(X)}.")
    space = ParameterSpace(model, check_maps(estimator.maps, n_rois))
    # Draws are the same in whatever order scans come, to the last bit.
    order = order_of(X)
    known = Covariates.of(_rows(covariates, order), estimator.formula, len(X))
    affected = _parameters("affects", estimator.affects, model)
    directions, moved = _moved(estimator, space, known.names, affected)
    labels = np.arange(len(X)) if people is None else np.asarray(people)
    if labels.shape != (len(X),):
        raise ValueError(
            f"people must have a label for each of the {len(X)} scans of X, got shape "
            f"{labels.shape}."
        )
    people, person = _numbered(labels[order])
    store = None if estimator.store is None else Path(estimator.store)
    check_data(X, n_bins)
    subjects = unpack_subjects(X[order], n_bins)
    own = prepare_sc(subjects.sc, transform=estimator.sc_transform)
    coordinates = Coordinates(space, directions)
    expecting = Expecting(space, scan, n_jobs=estimator.n_jobs)
    if store is not None:
        store.mkdir(parents=True, exist_ok=True)
    return Pool(
        expecting=expecting,
        scans=Scans(own, matrix_to_edges(subjects.fc)),
        coordinates=coordinates,
        design=Design(
            known.from_none(list(estimator.along or ())), moved, coordinates.n_dim
        ),
        people=people,
        person=person,
        scattering=_parameters("scatter", estimator.scatter, model),
        network=_network(model, scan),
        n_draws=estimator.n_draws,
        interval=estimator.interval,
        store=store,
        verbose=estimator.verbose,
    )


def _rows(given: Any, order: list[int]) -> Any:
    """Bring rows into an order; what has another number of them is left as it is."""
    if not hasattr(given, "__len__") or len(given) != len(order):
        return given
    if hasattr(given, "iloc"):
        return given.iloc[order]
    return given[order] if hasattr(given, "columns") else np.asarray(given)[order]


def _numbered(labels: Array) -> tuple[Array, NDArray[np.intp]]:
    """Give people in the order of their first scans, and whose each scan is."""
    who, first, person = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return who[order], np.argsort(order)[person.reshape(-1)]


def _moved(
    estimator: PooledPosterior,
    space: ParameterSpace,
    names: Sequence[str],
    affected: list[str],
) -> tuple[list[Direction], list[list[int]]]:
    """Give further coordinates, and those that each covariate moves."""
    along = {} if estimator.along is None else dict(estimator.along)
    unknown = sorted(set(along) - set(names))
    if unknown:
        raise ValueError(
            f"along names {', '.join(unknown)}, which is no covariate: there are "
            f"{', '.join(names) or 'none'}."
        )
    directions: list[Direction] = []
    moved = []
    for name in names:
        if name not in along:
            slices = [space.slices[one] for one in affected]
            moved.append([k for s in slices for k in range(s.start, s.stop)])
            continue
        own = []
        for parameter, pattern in along[name].items():
            _parameters(f"along[{name!r}]", [parameter], space.model)
            if parameter not in space.model.regional:
                raise ValueError(
                    f"along[{name!r}] moves {parameter} over regions, but it is the "
                    "same in all of them."
                )
            values = np.asarray(pattern, dtype=np.float64)
            if values.shape != (space.n_rois,) or not np.isfinite(values).all():
                raise ValueError(
                    f"along[{name!r}][{parameter!r}] must hold a finite number for "
                    f"each of the {space.n_rois} regions, got shape {values.shape}."
                )
            size = np.sqrt((values**2).mean())
            if size == 0:
                raise ValueError(f"along[{name!r}][{parameter!r}] is 0 everywhere.")
            own.append(space.n_dim + len(directions))
            directions.append(Direction(parameter, values / size))
        moved.append(own)
    return directions, moved


def _parameters(setting: str, given: Any, model: Model) -> list[str]:
    """Check names of parameters; all that are searched if there are none."""
    if given is None:
        return list(model.searched)
    if isinstance(given, str):
        raise TypeError(
            f"{setting} must be a sequence of names of parameters, such as "
            f"[{given!r}], got a str."
        )
    names = list(given)
    unknown = [str(name) for name in names if name not in model.searched]
    if unknown:
        raise ValueError(
            f"{setting} names {', '.join(unknown)}, but {model.name} has "
            f"{', '.join(model.searched)}."
        )
    return names


def _network(model: Model, scan: Acquisition) -> Evaluator | None:
    """Give the shipped network, to find where to start, if it serves the model."""
    network = CircuitSurrogate.load(acquisition=scan, model=model)
    return None if network.strange(model) else network
