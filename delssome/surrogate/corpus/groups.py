"""Groups of a corpus: a connectome, what was measured with it, maps, a scan."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from delssome.connectome import group_average, matrix_to_edges, prepare_sc
from delssome.datasets import make_cohort
from delssome.evaluation import Target
from delssome.files import BadFileError, read_arrays
from delssome.models import FIC, Model, check_maps
from delssome.simulation import Acquisition
from delssome.surrogate.shard import LARGEST

__all__ = ["Group", "synthetic_group", "varied_group", "window_group"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Group:
    """One context of the corpus: a connectome, what was measured with it, and maps.

    Attributes
    ----------
    target : Target
    maps : ndarray of shape (n_rois, n_maps)
    acquisition : Acquisition
    model : Model, default=FIC()
        Whose candidates are labelled.

    Examples
    --------
    >>> from delssome import Acquisition
    >>> from delssome.surrogate import synthetic_group
    >>> scan = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)
    >>> group = synthetic_group(0, n_rois=8, n_subjects=2, acquisition=scan)
    >>> group.target.sc.shape, group.maps.shape, group.model.name
    ((8, 8), (8, 2), 'FIC')
    """

    target: Target
    maps: Array
    acquisition: Acquisition
    model: Model = field(default_factory=FIC)


def synthetic_group(
    seed: int,
    n_rois: int = 68,
    n_subjects: int = 6,
    acquisition: Acquisition | None = None,
    model: Model | None = None,
) -> Group:
    """Make a group from a synthetic cohort of its own.

    Parameters
    ----------
    seed : int
    n_rois : int, default=68
    n_subjects : int, default=6
        Subjects that are averaged.
    acquisition : Acquisition, default=None
    model : Model, default=None
        Whose candidates are labelled: the cohort's scans are FIC's. None: ``FIC()``.

    Returns
    -------
    Group

    Examples
    --------
    >>> from delssome import Acquisition
    >>> from delssome.surrogate import synthetic_group
    >>> scan = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)
    >>> synthetic_group(0, n_rois=8, n_subjects=2, acquisition=scan).target.fc.shape
    (28,)
    """
    scan = acquisition or Acquisition()
    cohort = make_cohort(n_subjects, n_rois, acquisition=scan, random_state=seed)
    return _average(cohort.X, cohort.maps, scan, model)


def window_group(
    file: Path | str,
    start: int,
    stop: int,
    acquisition: Acquisition | None = None,
    model: Model | None = None,
) -> Group:
    """Average some subjects of a study of your own.

    Parameters
    ----------
    file : path
        An npz file with ``X``, packed subjects, and ``maps``, (n_rois, n_maps).
    start, stop : int
        Rows of X.
    acquisition : Acquisition, default=None
        The scan behind X.
    model : Model, default=None
        Whose candidates are labelled. None: ``FIC()``.

    Returns
    -------
    Group

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> import numpy as np
    >>> from delssome import Acquisition
    >>> from delssome.datasets import make_cohort
    >>> from delssome.surrogate import window_group
    >>> scan = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)
    >>> study = make_cohort(n_subjects=3, n_rois=8, acquisition=scan, random_state=0)
    >>> file = Path(mkdtemp(), "study.npz")
    >>> np.savez(file, X=study.X, maps=study.maps)
    >>> window_group(file, start=0, stop=2, acquisition=scan).target.fc.shape
    (28,)
    """
    kind = "NumPy archive of X and maps"
    remedy = "write it again with numpy.savez(file, X=X, maps=maps)"
    data = read_arrays(Path(file), kind, remedy, LARGEST, sealed=False)
    if not {"X", "maps"} <= data.keys():
        raise BadFileError(f"{file} has {', '.join(data)}: no {kind}; {remedy}.")
    X, maps = data["X"][start:stop], data["maps"]
    if len(X) < stop - start:
        raise ValueError(f"{file} holds no rows {start} to {stop} of X.")
    return _average(X, maps, acquisition or Acquisition(), model)


def _average(
    X: Array, maps: ArrayLike, scan: Acquisition, model: Model | None
) -> Group:
    average = group_average(X)
    sc = prepare_sc(average.sc)
    target = Target(sc, matrix_to_edges(average.fc), average.fcd_cdf)
    return Group(target, check_maps(maps, len(sc)), scan, model or FIC())


def varied_group(seed: int, **given: Any) -> Group:
    """Make a synthetic group that its connectome explains less well, as in real data.

    Weak tracts are missing, more in some regions than in others, weights are more or
    less unequal, maps have long tails, which put single regions at the edge of
    stability, and the goals are an FC more uneven than the cohort's, stronger or weaker
    over all, and windows more alike: no candidate reaches them, and they draw searches
    to that edge.

    Parameters
    ----------
    seed : int
    **given
        As of :func:`synthetic_group`.

    Returns
    -------
    Group

    Examples
    --------
    >>> from delssome import Acquisition
    >>> from delssome.surrogate import varied_group
    >>> scan = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)
    >>> varied_group(0, n_rois=8, n_subjects=2, acquisition=scan).target.fc.shape
    (28,)
    """
    group = synthetic_group(seed, **given)
    rng = np.random.default_rng([seed, 1])
    sc, fc, cdf = group.target
    seen = rng.normal(0.0, rng.uniform(0.0, 0.6), len(sc))
    weights = (sc / sc.max()) * np.exp(seen[:, None] + seen)
    share, power = rng.uniform(0.2, 1.0), np.exp(rng.uniform(np.log(0.7), np.log(3.0)))
    limit = np.quantile(weights[weights > 0], 1.0 - share)
    strongest = weights >= weights.max(axis=0)
    weights[(weights < limit) & ~strongest & ~strongest.T] = 0.0
    values = np.linspace(-1.0, 1.0, len(cdf) + 1)[1:]
    nearer = 1.0 - (1.0 - values) / rng.uniform(0.45, 1.0)
    pushed = np.interp(nearer, values, cdf, left=0.0)
    uneven = (fc - fc.mean()) * rng.uniform(1.0, 2.0)
    sc = prepare_sc(weights**power, transform=None)
    maps = (group.maps - group.maps.mean(axis=0)) / group.maps.std(axis=0)
    skew, tails = rng.uniform(-1.0, 1.0, 2), rng.uniform(0.3, 1.2, 2)
    maps = np.sinh(tails * maps + skew)
    strength = np.exp(rng.uniform(np.log(0.3), np.log(2.0)))
    fc = np.clip(strength * fc.mean() + uneven, -0.9, 0.95)
    return Group(Target(sc, fc, pushed), maps, group.acquisition, group.model)
