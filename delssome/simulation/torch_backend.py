"""Euler-Maruyama integration in torch: any device, single or double precision."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import torch

from delssome.simulation import haemodynamics

__all__ = ["integrate"]

# Steps whose noise is drawn at once. A part of what a seed means: do not tune it
# to the batch, or results would depend on the batch.
CHUNK = 64


def integrate(model, inputs, G, amplitude, sc, acquisition, seeds, *, device, dtype):
    """Integrate simulations side by side.

    Parameters
    ----------
    model : FIC
    inputs : list of ndarray of shape (n_simulations, n_rois)
        Parameters of the equations, in the order of ``model.inputs``.
    G : ndarray of shape (n_simulations, n_rois)
        Global coupling.
    amplitude : ndarray of shape (n_simulations, n_rois)
        Standard deviation of the noise added in a step.
    sc : ndarray of shape (n_rois, n_rois) or (n_simulations, n_rois, n_rois)
        Structural connectivity, shared or one for each simulation.
    acquisition : Acquisition
    seeds : ndarray of int, shape (n_simulations,)
        Noise is drawn on the CPU, so that a seed means the same on every device.
    device : str
    dtype : {"float32", "float64"}

    Returns
    -------
    bold : ndarray of shape (n_simulations, n_frames, n_rois)
    averages : list of ndarray of shape (n_simulations, n_rois)
        Of the model's states, then of its outputs.
    """
    dtype = getattr(torch, dtype)
    n_sc = 1 if sc.ndim == 2 else len(sc)

    def regional(values):  # simulations that share a connectome go last
        values = values.reshape(n_sc, -1, values.shape[-1]).transpose(0, 2, 1)
        return torch.tensor(values, device=device, dtype=dtype)

    def per_simulation(x):  # (..., n_sc, n_rois, m) to (simulation, ..., roi)
        x = np.moveaxis(x.cpu().numpy(), [-3, -1], [0, 1])
        return np.ascontiguousarray(x.reshape(-1, *x.shape[2:]))

    with torch.inference_mode():
        matrix = torch.tensor(sc, device=device, dtype=dtype)
        run = _Integration(
            model,
            matrix.reshape(n_sc, *matrix.shape[-2:]),
            regional(G),
            [regional(values) for values in inputs],
            _Noise(seeds, regional(amplitude), len(model.states)),
            acquisition.step,
        )
        for _ in range(acquisition.warm_up_steps):
            run.neural_step()
        bold = torch.empty((acquisition.n_frames, *run.G.shape), dtype=dtype)
        for frame in range(-acquisition.burn_in_frames, acquisition.n_frames):
            for _ in range(acquisition.steps_per_frame):
                run.full_step()
            run.close_frame()
            if frame >= 0:
                bold[frame] = run.bold()
        averages = [per_simulation(total / run.n_steps) for total in run.totals]
        return per_simulation(bold), averages


class _Integration:
    """State of one batch and the steps that move it on."""

    def __init__(self, model, sc, G, inputs, noise, step):
        self.model, self.sc, self.G, self.inputs = model, sc, G, inputs
        self.noise, self.dt = noise, step
        self.state = [torch.full_like(G, value) for value in model.initial_state]
        self.blood = [torch.full_like(G, value) for value in haemodynamics.REST]
        n = len(model.states) + len(model.outputs)
        self.totals = [torch.zeros_like(G, dtype=torch.float64) for _ in range(n)]
        self.sums = [torch.zeros_like(G) for _ in range(n)]
        self.n_steps = 0

    def neural_step(self):
        coupling = torch.matmul(self.sc, self.state[0]).mul_(self.G)
        results = self.model.derivatives(
            *self.state, coupling, *self.inputs, torch.expm1
        )
        n_states = len(self.state)
        increments = self.noise.next()
        for x, dx, increment in zip(
            self.state, results[:n_states], increments, strict=True
        ):
            x.add_(dx, alpha=self.dt).add_(increment)
        return results[n_states:]

    def full_step(self):
        outputs = self.neural_step()
        dz, df, dv, dq = haemodynamics.derivatives(
            self.state[0], *self.blood, torch.exp, torch.log
        )
        # df is z itself, so f moves before z does.
        for k, dx in ((1, df), (0, dz), (2, dv), (3, dq)):
            self.blood[k].add_(dx, alpha=self.dt)
        for total, value in zip(self.sums, (*self.state, *outputs), strict=True):
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
