"""Euler-Maruyama integration of a mean-field model and its BOLD signal, in torch."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import NamedTuple

import numpy as np
import torch

from delssome.simulation import haemodynamics
from delssome.utils import check_device

__all__ = ["Simulation", "check_step", "simulate"]

# Steps whose noise is drawn at once. A part of what a seed means: do not tune it
# to the batch, or results would depend on the batch.
CHUNK = 64


class Simulation(NamedTuple):
    """What a batch of simulations leaves behind.

    Attributes
    ----------
    bold : ndarray of shape (n_candidates, n_repeats, n_frames, n_rois)
        BOLD signal, float32 or float64 as simulated.
    averages : dict of str to ndarray of shape (n_candidates, n_repeats, n_rois)
        Time averages over burn-in and scan of the model's states (S_E, S_I) and
        outputs (r_E, in Hz).
    """

    bold: np.ndarray
    averages: dict


def check_step(model, acquisition):
    """Refuse an integration step at which the model would diverge."""
    if acquisition.step > model.largest_step * (1 + 1e-9):
        raise ValueError(
            f"The integration step must be at most {model.largest_step} s for the "
            f"{model.name} model, got dt={acquisition.dt!r} in the acquisition: "
            "explicit integration diverges with longer steps."
        )


def simulate(
    model, params, sc, acquisition, seeds, *, device="cpu", dtype="float32", noise=True
):
    """Simulate candidates x repeats of a model side by side.

    Parameters
    ----------
    model : FIC
        Equations, fixed point and initial state.
    params : dict of str to array-like
        Searched parameters, (n_candidates, n_rois) or (n_candidates,) if global.
        Others that the equations need (w_IE) are solved for, unless given.
    sc : array-like of shape (n_rois, n_rois) or (n_candidates, n_rois, n_rois)
        Structural connectivity, scaled (maximum 0.02): one for all candidates, or
        one for each.
    acquisition : Acquisition
        Scan and integration settings.
    seeds : array-like of int, shape (n_candidates, n_repeats)
        Seed of every simulation, non-negative and below 2**63. The noise of a
        simulation depends on its own seed alone, never on what else is in the batch.
    device : str or torch.device, default="cpu"
        Where to integrate. Noise is drawn on the CPU, so that a seed means the same
        on every device.
    dtype : {"float32", "float64"}, default="float32"
        Precision of the states. The two draw different noise.
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
    every full TR.
    """
    if dtype not in ("float32", "float64"):
        raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}.")
    check_step(model, acquisition)
    device, dtype = check_device(device), getattr(torch, dtype)
    seeds = np.atleast_2d(np.asarray(seeds))
    n_candidates, n_repeats = seeds.shape
    sc = np.asarray(sc, dtype=np.float64)
    n_rois = sc.shape[-1]
    if any(name not in params for name in model.inputs):
        params = model.dependent(params, sc)

    # Simulations that share a connectome stand side by side, in the last axis.
    n_sc = 1 if sc.ndim == 2 else n_candidates
    shape = (n_sc, n_rois, n_candidates // n_sc * n_repeats)

    def regional(values):
        values = np.asarray(values, dtype=np.float64)
        values = np.broadcast_to(
            values.reshape(n_candidates, 1, -1), (n_candidates, n_repeats, n_rois)
        ).reshape(n_sc, -1, n_rois)
        return torch.tensor(values.transpose(0, 2, 1), device=device, dtype=dtype)

    with torch.inference_mode():
        matrix = torch.tensor(
            sc.reshape(n_sc, n_rois, n_rois), device=device, dtype=dtype
        )
        run = _Integration(
            model,
            coupling=lambda S: torch.matmul(matrix, S),
            G=regional(np.repeat(np.asarray(params["G"])[:, None], n_rois, axis=1)),
            inputs=[regional(params[name]) for name in model.inputs],
            increments=_Noise(
                seeds.ravel(),
                regional(params["sigma"]) * acquisition.step**0.5,
                len(model.states),
            )
            if noise
            else None,
            shape=shape,
            step=acquisition.step,
        )
        for _ in range(acquisition.warm_up_steps):
            run.neural_step()
        run.reset_averages()
        bold = torch.empty((acquisition.n_frames, *shape), dtype=dtype)
        for frame in range(-acquisition.burn_in_frames, acquisition.n_frames):
            for _ in range(acquisition.steps_per_frame):
                run.step_()
            run.close_frame()
            if frame >= 0:
                bold[frame] = run.bold()

    def per_simulation(x):  # (..., n_sc, n_rois, m) to (candidate, repeat, ..., roi)
        x = x.cpu().numpy()
        x = np.moveaxis(x, [-3, -1], [0, 1])
        return x.reshape(n_candidates, n_repeats, *x.shape[2:])

    names = (*model.states, *model.outputs)
    averages = {
        name: per_simulation(total / run.n_steps)
        for name, total in zip(names, run.totals, strict=True)
    }
    return Simulation(np.ascontiguousarray(per_simulation(bold)), averages)


class _Integration:
    """State of one batch and the steps that move it on."""

    def __init__(self, model, coupling, G, inputs, increments, shape, step):
        self.model, self.coupling, self.G, self.inputs = model, coupling, G, inputs
        self.increments, self.dt = increments, step
        self.state = [torch.full_like(G, value) for value in model.initial_state]
        self.blood = [torch.full_like(G, value) for value in haemodynamics.REST]
        self.reset_averages()

    def reset_averages(self):
        n = len(self.model.states) + len(self.model.outputs)
        self.totals = [torch.zeros_like(self.G, dtype=torch.float64) for _ in range(n)]
        self.sums = [torch.zeros_like(self.G) for _ in range(n)]
        self.n_steps = 0

    def neural_step(self):
        coupling = self.coupling(self.state[0]).mul_(self.G)
        *rates, output = self.model.derivatives(
            *self.state, coupling, *self.inputs, torch.expm1
        )
        for x, dx in zip(self.state, rates, strict=True):
            x.add_(dx, alpha=self.dt)
        if self.increments is not None:
            for x, increment in zip(self.state, self.increments.next(), strict=True):
                x.add_(increment)
        return output

    def step_(self):
        output = self.neural_step()
        dz, df, dv, dq = haemodynamics.derivatives(
            self.state[0], *self.blood, torch.exp, torch.log
        )
        # df is z itself, so f moves before z does.
        for k, dx in ((1, df), (0, dz), (2, dv), (3, dq)):
            self.blood[k].add_(dx, alpha=self.dt)
        for total, value in zip(self.sums, (*self.state, output), strict=True):
            total.add_(value)
        self.n_steps += 1

    def close_frame(self):
        # Sums of one frame are exact enough in float32, those of a scan are not.
        for total, part in zip(self.totals, self.sums, strict=True):
            total.add_(part)
            part.zero_()

    def bold(self):
        return haemodynamics.bold_signal(*self.blood[2:])


class _Noise:
    """Gaussian increments, drawn in chunks from one generator per simulation."""

    def __init__(self, seeds, amplitude, n_states):
        self.generators = [torch.Generator().manual_seed(int(s)) for s in seeds]
        self.amplitude, self.n_states = amplitude, n_states
        self.position = CHUNK

    def next(self):
        if self.position == CHUNK:
            self.chunk, self.position = self._draw(), 0
        self.position += 1
        return self.chunk[self.position - 1]

    def _draw(self):
        n_sc, n_rois, _ = self.amplitude.shape
        draws = torch.empty(
            (len(self.generators), CHUNK, self.n_states, n_rois),
            dtype=self.amplitude.dtype,
        )
        for out, generator in zip(draws, self.generators, strict=True):
            out.normal_(generator=generator)
        draws = draws.unflatten(0, (n_sc, -1)).permute(2, 3, 0, 4, 1)
        return draws.to(self.amplitude.device).contiguous().mul_(self.amplitude)
