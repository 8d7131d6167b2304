"""Integrate a model and what is seen of it, on the backend that fits."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from delssome.models import Candidates, Model, check_candidates, check_model
from delssome.simulation.acquisition import Acquisition
from delssome.simulation.backends import load_backend
from delssome.simulation.simulator import Simulator

__all__ = ["Simulation", "check_step", "simulate"]


class Simulation(NamedTuple):
    """What a batch of simulations leaves behind.

    Attributes
    ----------
    bold : ndarray of shape (n_candidates, n_repeats, n_frames, n_rois)
        BOLD signal, float32 or float64 as simulated, and as the pipeline of the
        acquisition leaves it: what data are compared with. Of a model without
        haemodynamics, the observed state.
    averages : dict of str to ndarray of shape (n_candidates, n_repeats, n_rois)
        Time averages over burn-in and scan of the model's states and outputs (of FIC:
        S_E, S_I, and r_E in Hz), float64.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.models import FIC, Candidates
    >>> from delssome.simulation import Acquisition, simulate
    >>> params = {"w_EE": [3.0], "w_EI": [2.0], "G": [1.0], "sigma": [0.005]}
    >>> candidates = Candidates(FIC(), params, 0.02 * (1 - np.eye(3)))
    >>> scan = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)
    >>> simulation = simulate(candidates, scan, seeds=[[0]])
    >>> list(simulation.averages), simulation.averages["r_E"].round().ravel()
    (['S_E', 'S_I', 'r_E'], array([3., 3., 3.]))
    """

    bold: NDArray[Any]
    averages: dict[str, NDArray[np.float64]]


def check_step(model: Model, acquisition: Acquisition) -> Acquisition:
    """Give a scan with the integration step of a model, or say why that cannot be.

    Parameters
    ----------
    model : Model
    acquisition : Acquisition

    Returns
    -------
    Acquisition
        As of :meth:`Acquisition.for_model`.

    Examples
    --------
    >>> from delssome.models import FIC, Hopf
    >>> from delssome.simulation import Acquisition, check_step
    >>> scan = Acquisition(tr=0.72)
    >>> check_step(FIC(), scan).step, check_step(Hopf(), scan).step
    (0.006, 0.001)
    """
    check_model(model)
    if not isinstance(acquisition, Acquisition):
        raise TypeError(
            f"acquisition must be an Acquisition, got {type(acquisition).__name__}."
        )
    return acquisition.for_model(model)


def simulate(
    candidates: Candidates,
    acquisition: Acquisition,
    seeds: ArrayLike,
    *,
    backend: str = "auto",
    device: str = "cpu",
    dtype: str = "float32",
    noise: bool = True,
    processed: bool = True,
) -> Simulation:
    """Simulate candidates x repeats of a model side by side.

    Parameters
    ----------
    candidates : Candidates
        Parameters on their connectome.
    acquisition : Acquisition
        Scan and integration settings.
    seeds : array-like of int, shape (n_candidates, n_repeats)
        Seed of every simulation, non-negative and below 2**63. The noise of a
        simulation depends on its own seed alone, never on what else is in the batch.
    backend, device, dtype
        As of :class:`Simulator`.
    noise : bool, default=True
        False integrates without noise.
    processed : bool, default=True
        False gives BOLD as the scanner sees it, before the pipeline of the acquisition
        (band, global signal, censoring).

    Returns
    -------
    Simulation
        NumPy arrays. A simulation that diverged holds NaN.

    Notes
    -----
    Order of a step as published: derivatives at the old state, neural update with
    noise, haemodynamics driven by the new neural state. Frames are taken after
    every full TR. Noise is independent for every state.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.models import FIC, Candidates
    >>> from delssome.simulation import Acquisition, simulate
    >>> candidates = Candidates(
    ...     FIC(),
    ...     {"w_EE": [3.0], "w_EI": [2.0], "G": [1.0], "sigma": [0.005]},
    ...     0.02 * (1 - np.eye(3)),
    ... )
    >>> scan = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)
    >>> simulate(candidates, scan, [[0, 1]]).bold.shape
    (1, 2, 40, 3)
    """
    check_candidates(candidates)
    settings = Simulator(backend=backend, device=device, dtype=dtype)
    used, model = settings.uses, candidates.model
    acquisition = check_step(model, acquisition)
    seeds = np.atleast_2d(np.asarray(seeds))
    if seeds.ndim != 2 or seeds.size == 0 or seeds.dtype.kind not in "iu":
        raise ValueError(
            "seeds must be integers of shape (n_candidates, n_repeats), got shape "
            f"{seeds.shape} of {seeds.dtype}."
        )
    n_candidates, n_repeats = seeds.shape
    if n_candidates != len(candidates):
        raise ValueError(
            f"seeds must have a row for each of {len(candidates)} candidates, got "
            f"shape {seeds.shape}."
        )

    def repeated(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.repeat(values, n_repeats, axis=0)

    sc = candidates.sc
    if sc.ndim == 3:
        sc = repeated(sc)
    amplitude = repeated(candidates.sigma) * np.sqrt(acquisition.step) * bool(noise)
    options = {} if used == "fused" else {"device": device, "dtype": dtype}
    bold, averages = load_backend(used).integrate(
        model,
        [repeated(values) for values in candidates.inputs],
        repeated(candidates.regional(candidates.params["G"])),
        amplitude,
        sc,
        acquisition,
        seeds.ravel(),
        **options,
    )
    if processed:
        bold = acquisition.process(bold)
    shape = (n_candidates, n_repeats)
    names = (*model.states, *model.outputs)
    return Simulation(
        bold.reshape(*shape, *bold.shape[1:]),
        {
            name: average.reshape(*shape, candidates.n_rois)
            for name, average in zip(names, averages, strict=True)
        },
    )
