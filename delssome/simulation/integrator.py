"""Integrate a mean-field model and its BOLD signal, on the backend that fits."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import NamedTuple

import numpy as np

from delssome.models import check_candidates
from delssome.simulation import fused, torch_backend
from delssome.simulation.acquisition import Acquisition
from delssome.utils import check_device

__all__ = ["Simulation", "check_backend", "check_step", "simulate"]


class Simulation(NamedTuple):
    """What a batch of simulations leaves behind.

    Attributes
    ----------
    bold : ndarray of shape (n_candidates, n_repeats, n_frames, n_rois)
        BOLD signal, float32 or float64 as simulated.
    averages : dict of str to ndarray of shape (n_candidates, n_repeats, n_rois)
        Time averages over burn-in and scan of the model's states (S_E, S_I) and
        outputs (r_E, in Hz), float64.
    """

    bold: np.ndarray
    averages: dict


def check_step(model, acquisition):
    """Refuse an integration step at which the model would diverge."""
    if not hasattr(model, "derivatives"):
        raise TypeError(
            f"model must be a model such as FIC(), got {type(model).__name__}."
        )
    if not isinstance(acquisition, Acquisition):
        raise TypeError(
            f"acquisition must be an Acquisition, got {type(acquisition).__name__}."
        )
    if acquisition.step > model.largest_step * (1 + 1e-9):
        raise ValueError(
            f"The integration step must be at most {model.largest_step} s for the "
            f"{model.name} model, got dt={acquisition.dt!r} in the acquisition: "
            "explicit integration diverges with longer steps."
        )


def check_backend(backend, device, dtype):
    """Give the backend for a device and precision, or say why there is none."""
    if dtype not in ("float32", "float64"):
        raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}.")
    if backend not in ("auto", "fused", "torch"):
        raise ValueError(
            f"backend must be 'auto', 'fused' or 'torch', got {backend!r}."
        )
    device = check_device(device)
    able = device.type == "cpu" and dtype == "float32"
    if backend == "fused" and not able:
        raise ValueError(
            f"backend='fused' computes on the CPU in float32, got device="
            f"{device.type!r} and dtype={dtype!r}; use backend='torch' for others."
        )
    return ("fused" if able else "torch") if backend == "auto" else backend


def simulate(
    model,
    params,
    sc,
    acquisition,
    seeds,
    *,
    backend="auto",
    device="cpu",
    dtype="float32",
    noise=True,
):
    """Simulate candidates x repeats of a model side by side.

    Parameters
    ----------
    model : FIC
        Equations, fixed point and initial state.
    params : dict of str to array-like
        Searched parameters, (n_candidates, n_rois), or (n_candidates,) if global or
        the same in all regions.
        Others that the equations need (w_IE) are solved for, unless given.
    sc : array-like of shape (n_rois, n_rois) or (n_candidates, n_rois, n_rois)
        Structural connectivity, scaled (maximum 0.02): one for all candidates, or
        one for each.
    acquisition : Acquisition
        Scan and integration settings.
    seeds : array-like of int, shape (n_candidates, n_repeats)
        Seed of every simulation, non-negative and below 2**63. The noise of a
        simulation depends on its own seed alone, never on what else is in the batch.
    backend : {"auto", "fused", "torch"}, default="auto"
        "fused" is compiled for the CPU, in float32; "torch" runs on any device and
        in both precisions. "auto" takes the fused one where it can. The two draw
        different noise from the same seed.
    device : str or torch.device, default="cpu"
        Where to integrate.
    dtype : {"float32", "float64"}, default="float32"
        Precision of the states. In torch, the two draw different noise.
    noise : bool, default=True
        False integrates without noise.

    Returns
    -------
    Simulation
        NumPy arrays. A simulation that diverged holds NaN.

    Notes
    -----
    Order of a step as published: derivatives at the old state, neural update with
    noise, haemodynamics driven by the new neural state. Frames are taken after
    every full TR. Noise is independent for every state.
    """
    backend = check_backend(backend, device, dtype)
    check_step(model, acquisition)
    seeds = np.atleast_2d(np.asarray(seeds))
    if seeds.ndim != 2 or seeds.size == 0 or seeds.dtype.kind not in "iu":
        raise ValueError(
            "seeds must be integers of shape (n_candidates, n_repeats), got shape "
            f"{seeds.shape} of {seeds.dtype}."
        )
    n_candidates, n_repeats = seeds.shape
    params, sc = check_candidates(model, params, sc, n_candidates)
    n_rois = sc.shape[-1]
    if any(name not in params for name in model.inputs):
        params = model.dependent(params, sc)

    def regional(name):
        values = params[name].reshape(n_candidates, -1)
        values = np.broadcast_to(values, (n_candidates, n_rois))
        return np.repeat(values, n_repeats, axis=0)

    inputs = [regional(name) for name in model.inputs]
    amplitude = regional("sigma") * np.sqrt(acquisition.step) * bool(noise)
    if sc.ndim == 3:
        sc = np.repeat(sc, n_repeats, axis=0)
    if backend == "fused":
        integrate, options = fused.integrate, {}
    else:
        integrate, options = torch_backend.integrate, {"device": device, "dtype": dtype}
    bold, averages = integrate(
        model,
        inputs,
        regional("G"),
        amplitude,
        sc,
        acquisition,
        seeds.ravel(),
        **options,
    )
    shape = (n_candidates, n_repeats)
    names = (*model.states, *model.outputs)
    return Simulation(
        bold.reshape(*shape, *bold.shape[1:]),
        {
            name: average.reshape(*shape, n_rois)
            for name, average in zip(names, averages, strict=True)
        },
    )
