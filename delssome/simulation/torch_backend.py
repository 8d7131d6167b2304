"""Euler-Maruyama integration in torch: any device, single or double precision."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from delssome.models import Model
from delssome.simulation import haemodynamics
from delssome.simulation.acquisition import Acquisition
from delssome.simulation.torch_fcd import histograms

__all__ = ["check_device", "fcd_histograms", "integrate"]

Array = NDArray[Any]
Tensor = torch.Tensor

# Steps whose noise is drawn at once, where dispatching an operation takes long. What
# is compiled is a single step, as compilation takes the longer the more steps it sees.
CHUNK = 10
# Every number of simulations is compiled for itself: some are added up to a power of
# two in this range, or beyond it up to a multiple of the larger.
FEWEST, COARSE = 64, 1024


def check_device(device: object) -> torch.device:
    """Give the torch device, or say why it cannot be used."""
    try:
        torch_device = torch.device(device)  # type: ignore[arg-type, call-overload]
        torch.empty(0, device=torch_device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ValueError(
            f"device={device!r} cannot be used ({str(error).splitlines()[0]}); "
            "use 'cpu', or 'cuda' on a machine where torch.cuda.is_available()."
        ) from error
    return torch_device


def fcd_histograms(
    bold: Array, window: int, n_bins: int, device: str, kept: Array | None = None
) -> Array:
    """FCD histograms as of :func:`delssome.observables.fcd_histogram`, on a device."""
    scans = bold.reshape(-1, *bold.shape[-2:])
    counts = histograms(scans, window, n_bins, device, kept)
    return counts.reshape(*bold.shape[:-2], n_bins)


def integrate(
    model: Model,
    inputs: Sequence[Array],
    G: Array,
    amplitude: Array,
    sc: Array,
    acquisition: Acquisition,
    seeds: Array,
    *,
    device: str,
    dtype: str,
    compiled: bool | None = None,
) -> tuple[Array, list[Array]]:
    """Integrate simulations side by side.

    Parameters
    ----------
    model : Model
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
    device : str
    dtype : {"float32", "float64"}
    compiled : bool, default=None
        Whether steps are compiled by ``torch.compile``. None: on a GPU.

    Returns
    -------
    bold : ndarray of shape (n_simulations, n_frames, n_rois)
    averages : list of ndarray of shape (n_simulations, n_rois)
        Of the model's states, then of its outputs.
    """
    place, precision = torch.device(device), getattr(torch, dtype)
    compiled = place.type == "cuda" if compiled is None else compiled
    n = len(G)
    added = _padded(n) - n if compiled else 0
    n_sc = 1 if sc.ndim == 2 else n + added

    def padded(values: Array) -> Array:
        return np.concatenate([values, np.repeat(values[-1:], added, axis=0)])

    def regional(values: Array) -> Tensor:  # those that share a connectome go last
        values = padded(values)
        values = values.reshape(n_sc, -1, values.shape[-1]).transpose(0, 2, 1)
        return torch.tensor(values, device=place, dtype=precision)

    def per_simulation(x: Tensor) -> Array:  # (n_sc, m, ..., n_rois)
        found: Array = x.flatten(0, 1)[:n].contiguous().cpu().numpy()
        return found

    with torch.inference_mode():
        strength = regional(G)
        matrix = torch.tensor(
            sc if sc.ndim == 2 else padded(sc), device=place, dtype=precision
        )
        fixed = (
            matrix.reshape(n_sc, *matrix.shape[-2:]),
            strength,
            [regional(values) for values in inputs],
            regional(amplitude),
            _seed_words(padded(seeds), n_sc, place),
        )
        advance = _advance(type(model), model.derivatives, compiled)  # type: ignore[arg-type]
        frames, totals = _run(model, acquisition, advance, fixed, compiled)
        return per_simulation(frames), [per_simulation(total) for total in totals]


def _padded(n: int) -> int:
    """Give the number of simulations that is compiled for."""
    if n > COARSE:
        return -(-n // COARSE) * COARSE
    return max(FEWEST, 1 << (n - 1).bit_length())


def _run(
    model: Model,
    acquisition: Acquisition,
    advance: Callable,
    fixed: tuple,
    compiled: bool,
) -> tuple[Tensor, list[Tensor]]:
    """Integrate from start to end: frames, and averages of states and outputs.

    Frames are (n_sc, m, n_frames, n_rois), averages (n_sc, m, n_rois).
    """
    G = fixed[1]
    n_sc, n_rois, m = G.shape
    state = [torch.empty_like(G) for _ in model.states]
    # What rounding loses of each of them goes along behind.
    rest = (*haemodynamics.REST, *[0.0] * len(haemodynamics.REST))
    blood = [torch.empty_like(G) for _ in rest]
    n_averages = len(model.states) + len(model.outputs)
    totals = [torch.empty_like(G, dtype=torch.float64) for _ in range(n_averages)]
    seen = model.states.index(model.observed)
    # Counted on the device, so that no step waits for the host.
    step = torch.zeros((), dtype=torch.int64, device=G.device)
    chunk = 1 if compiled else CHUNK

    def move(n_steps: int) -> None:
        """Advance in place; sums over a few hundred steps fit in float32."""
        now = state, blood, [torch.zeros_like(G) for _ in totals]
        for start in range(0, n_steps, chunk):
            n = min(chunk, n_steps - start)
            now = advance(n, acquisition.step, step, fixed, *now)
            step.add_(n)
        for old, new in zip([*state, *blood], [*now[0], *now[1]], strict=True):
            old.copy_(new)
        for total, part in zip(totals, now[2], strict=True):
            total.add_(part)

    def begin(neural: bool) -> None:
        """Put haemodynamics to rest, averages to 0 and, if asked, neurons to start."""
        for x, value in zip(blood, rest, strict=True):
            x.fill_(value)
        for total in totals:
            total.zero_()
        if neural:
            step.zero_()
            for x, value in zip(state, model.initial_state, strict=True):
                x.fill_(value)

    n_steps = acquisition.steps_per_frame
    begin(neural=True)
    move_frame: Callable[[], object] = lambda: move(n_steps)  # noqa: E731
    if G.is_cuda:
        move_frame = _recorded(move_frame, G.device)
        begin(neural=True)
    n_full, n_rest = divmod(acquisition.warm_up_steps, n_steps)
    for _ in range(n_full):
        move_frame()
    move(n_rest)
    begin(neural=False)
    shape = (n_sc, m, acquisition.n_frames, n_rois)
    bold = torch.empty(shape, dtype=G.dtype, device=G.device)
    n_frames = acquisition.burn_in_frames + acquisition.n_frames
    for frame in range(n_frames):
        move_frame()
        if frame >= acquisition.burn_in_frames:
            seen_now = state[seen]
            if model.haemodynamics:
                seen_now = haemodynamics.bold_signal(*blood[2:4])
            bold[:, :, frame - acquisition.burn_in_frames] = seen_now.mT
    return bold, [total.mT / (n_frames * n_steps) for total in totals]


def _recorded(move: Callable[[], object], device: torch.device) -> Callable[[], object]:
    """Record what a call does on a GPU, to be done again without the host."""
    with torch.cuda.device(device):
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            move()  # compiles
        torch.cuda.current_stream().wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            move()
    return graph.replay


def _move_blood(dt: float, seen: Tensor, blood: list) -> list:
    """Move the haemodynamics on; what is below rounding is carried on (Kahan 1965)."""
    now, lost = blood[:4], blood[4:]
    slopes = haemodynamics.derivatives(  # type: ignore[call-arg]
        seen, *now, torch.exp, torch.log
    )
    changes = [dt * dx - x for x, dx in zip(lost, slopes, strict=True)]
    new = [x + dx for x, dx in zip(now, changes, strict=True)]
    lost = [(y - x) - dx for x, y, dx in zip(now, new, changes, strict=True)]
    return [*new, *lost]


@cache
def _advance(model: type[Model], derivatives: Callable, compiled: bool) -> Callable:
    """Give the function that moves a batch on by a chunk of steps."""
    n_states = len(model.states)
    coupled = [model.states.index(name) for name in model.couples]
    seen = model.states.index(model.observed)

    def advance(
        n_steps: int,
        dt: float,
        step: Tensor,
        fixed: tuple,
        state: list,
        blood: list,
        sums: list,
    ) -> tuple[list, list, list]:
        sc, G, inputs, amplitude, seeds = fixed
        noise = gaussians(seeds, step, n_steps, G, n_states)
        for k in range(n_steps):
            coupling = [torch.matmul(sc, state[c]) * G for c in coupled]
            results = derivatives(*state, *coupling, *inputs, torch.expm1)
            state = [
                x + dt * dx + amplitude * g[k]
                for x, dx, g in zip(state, results[:n_states], noise, strict=True)
            ]
            if model.haemodynamics:
                blood = _move_blood(dt, state[seen], blood)
            values = (*state, *results[n_states:])
            sums = [s + value for s, value in zip(sums, values, strict=True)]
        return state, blood, sums

    if not compiled:
        return advance
    with _compiling():
        fused = torch.compile(advance, dynamic=False)

    def advance_compiled(*arguments: Any) -> Any:
        with _compiling():
            return fused(*arguments)

    return advance_compiled


@contextmanager
def _compiling() -> Iterator[None]:
    """Let torch compile for many sizes, and keep its advice on products to itself."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="torch")
        with torch._dynamo.config.patch(recompile_limit=64):
            yield


# The counter-based generator Philox 4x32-10 (Salmon et al. 2011) on 64-bit integers,
# of which the low halves are used: noise is a function of seed, step, region and
# state alone, the same on every device and in every batch.
WORD = 0xFFFFFFFF
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)


def philox(
    counter: Sequence[Tensor], key: Sequence[Tensor]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Give four random 32-bit words for every counter and key.

    Parameters
    ----------
    counter : sequence of 4 tensors of int64
    key : sequence of 2 tensors of int64
        Words of 32 bits, broadcast against each other.

    Returns
    -------
    tuple of 4 tensors of int64
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        # Products may overflow the sign bit; masks undo the sign's extension.
        p0, p1 = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        c0, c1, c2, c3 = (
            ((p1 >> 32) & WORD) ^ c1 ^ k0,
            p1 & WORD,
            ((p0 >> 32) & WORD) ^ c3 ^ k1,
            p0 & WORD,
        )
        k0, k1 = (k0 + WEYL[0]) & WORD, (k1 + WEYL[1]) & WORD
    return c0, c1, c2, c3


def gaussians(
    seeds: Sequence[Tensor], step: Tensor, n_steps: int, like: Tensor, n_states: int
) -> list[Tensor]:
    """Draw independent standard normal numbers for a chunk of steps.

    Parameters
    ----------
    seeds : pair of tensors of int64, shape (n_sc, 1, m)
        Low and high words of the simulations' seeds.
    step : tensor of int64, no dimension
        First step.
    n_steps : int
    like : tensor of shape (n_sc, n_rois, m)
        Gives shape, precision and device.
    n_states : int

    Returns
    -------
    list of n_states tensors of shape (n_steps, n_sc, n_rois, m)
    """
    n_rois = like.shape[1]
    region = torch.arange(-(-n_rois // 2), device=like.device)[:, None]
    steps = step + torch.arange(n_steps, device=like.device)[:, None, None, None]
    drawn: list[Tensor] = []
    for pair in range(-(-n_states // 2)):
        # Four words make two pairs of numbers: one for a region of either half.
        zero = torch.zeros_like(region)
        words = philox((steps, region, zero + pair, zero), seeds)
        halves = _box_muller(*words[:2], like), _box_muller(*words[2:], like)
        drawn += [
            torch.cat(parts, dim=-2)[..., :n_rois, :]
            for parts in zip(*halves, strict=True)
        ]
    return drawn[:n_states]


def _box_muller(a: Tensor, b: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    # 24 bits are what float32 holds: no number is beyond 5.9.
    uniform = ((a >> 8).to(like.dtype) + 0.5) * 2.0**-24
    angle = (b >> 8).to(like.dtype) * (2.0 * math.pi * 2.0**-24)
    radius = torch.sqrt(-2.0 * torch.log(uniform))
    return radius * torch.cos(angle), radius * torch.sin(angle)


def _seed_words(seeds: Array, n_sc: int, device: torch.device) -> list[Tensor]:
    seeds = np.asarray(seeds, dtype=np.int64).reshape(n_sc, 1, -1)
    words = seeds & WORD, (seeds >> 32) & WORD
    return [torch.tensor(word, device=device) for word in words]
