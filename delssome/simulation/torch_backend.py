"""Euler-Maruyama integration in torch: any device, single or double precision."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from delssome.models import Model
from delssome.saying import warn
from delssome.simulation import haemodynamics
from delssome.simulation.acquisition import Acquisition
from delssome.simulation.device_memory import n_at_once
from delssome.simulation.torch_fcd import connectivity

__all__ = ["check_device", "connectivity", "integrate"]

Array = NDArray[Any]
Tensor = torch.Tensor

# Steps whose noise is drawn at once, as dispatching an operation takes long.
CHUNK = 10
# What rounding loses of the haemodynamics goes along behind them.
REST = (*haemodynamics.REST, *[0.0] * len(haemodynamics.REST))


class Engine(NamedTuple):
    """What moves simulations on, in place.

    Attributes
    ----------
    state, blood, sums : list of Tensor of shape (n_blocks, n_rois, n_lanes)
        Simulations stand in lanes of blocks. States; haemodynamics, and what rounding
        loses of them; what steps add up of states and outputs.
    step : Tensor of int64, no dimension
        Steps done: counted on the device, so that none waits for the host.
    advance : callable
        Takes a number of steps.
    recorded : bool
        Whether that is many small operations, which a GPU had better do by itself.
    """

    state: list[Tensor]
    blood: list[Tensor]
    sums: list[Tensor]
    step: Tensor
    advance: Callable[[int], None]
    recorded: bool = False


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

    Returns
    -------
    bold : ndarray of shape (n_simulations, n_frames, n_rois)
    averages : list of ndarray of shape (n_simulations, n_rois)
        Of the model's states, then of its outputs.

    Raises
    ------
    ValueError
        If not even one simulation fits into the free memory of the device. What does
        not fit at once is simulated in parts.
    """
    place, precision = torch.device(device), getattr(torch, dtype)
    (n, n_rois), n_averages = G.shape, len(model.states) + len(model.outputs)
    # Twice what is held, as it is also put together; totals are float64.
    n_rows = 2 * (len(model.inputs) + 3 * n_averages + len(REST) + 4) + 12 * CHUNK
    n_numbers = n_rows + acquisition.n_frames + (3 * n_rois if sc.ndim == 3 else 0)
    each = n_rois * n_numbers * precision.itemsize
    size = n_at_once(n, each, place, f"a simulation of {n_rois} regions")
    bold = np.empty((n, acquisition.n_frames, n_rois), dtype)
    averages = np.empty((n_averages, n, n_rois))

    def integrate_part(part: slice) -> None:
        """Leave nothing on the device behind."""
        engine = _engine(
            model,
            acquisition.step,
            sc if sc.ndim == 2 else sc[part],
            [values[part] for values in (*inputs, G, amplitude)],
            seeds[part],
            place,
            precision,
        )
        frames, totals = _run(model, acquisition, engine)
        targets = bold[part], *averages[:, part]
        for target, found in zip(targets, (frames, *totals), strict=True):
            torch.from_numpy(target).copy_(found.flatten(0, 1)[: len(target)])

    with torch.inference_mode():
        for start in range(0, n, size):
            integrate_part(slice(start, start + size))
    return bold, list(averages)


def _engine(model: Model, *given: Any) -> Engine:
    """Give the kernel for a GPU where there is one, or else steps of torch."""
    if given[-2].type != "cuda":
        return _steps(model, *given)
    try:
        from delssome.simulation import triton_kernel
    except ImportError:  # as on Windows
        return _steps(model, *given)
    try:
        work, step, rows, advance = triton_kernel.prepare(model, *given)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # whatever equations may hold
        warn(
            f"The equations of {model.name} could not be compiled for the GPU "
            f"({type(error).__name__}: {str(error)[-200:]}); they run as operations of "
            "torch, several times slower. Write them in plain arithmetic and expm1.",
        )
        return _steps(model, *given)
    n_states, n_blood = len(model.states), len(REST) * model.haemodynamics
    state, blood, sums = (
        [work[:, rows[name] + k] for k in range(n)]
        for name, n in (
            ("STATES", n_states),
            ("BLOOD", n_blood),
            ("SUMS", n_states + len(model.outputs)),
        )
    )
    return Engine(state, blood, sums, step, advance)


def _run(
    model: Model, acquisition: Acquisition, engine: Engine
) -> tuple[Tensor, list[Tensor]]:
    """Integrate from start to end: frames, and averages of states and outputs.

    Frames are (n_blocks, n_lanes, n_frames, n_rois), averages (n_blocks, n_lanes,
    n_rois).
    """
    state, blood, sums, step, advance, recorded = engine
    totals = [torch.zeros_like(x, dtype=torch.float64) for x in sums]
    n_steps = acquisition.steps_per_frame

    def move(n: int = n_steps) -> None:
        """Advance; sums over a few hundred steps fit in float32."""
        for part in sums:
            part.zero_()
        advance(n)
        for total, part in zip(totals, sums, strict=True):
            total.add_(part)

    def begin() -> None:
        """Put haemodynamics to rest and averages to 0."""
        for x, value in zip(blood, REST, strict=False):
            x.fill_(value)
        for total in totals:
            total.zero_()

    move_frame: Callable[[], None] = move
    if recorded:
        move_frame = _recorded(move, step.device)
    step.zero_()
    for x, value in zip(state, model.initial_state, strict=True):
        x.fill_(value)
    begin()
    n_full, n_rest = divmod(acquisition.warm_up_steps, n_steps)
    for _ in range(n_full):
        move_frame()
    move(n_rest)
    begin()
    n_blocks, n_rois, n_lanes = state[0].shape
    shape = (n_blocks, n_lanes, acquisition.n_frames, n_rois)
    bold = torch.empty(shape, dtype=state[0].dtype, device=step.device)
    seen = state[model.states.index(model.observed)]
    n_frames = acquisition.burn_in_frames + acquisition.n_frames
    for frame in range(n_frames):
        move_frame()
        if frame >= acquisition.burn_in_frames:
            seen_now = seen
            if model.haemodynamics:
                seen_now = haemodynamics.bold_signal(*blood[2:4])
            bold[:, :, frame - acquisition.burn_in_frames] = seen_now.mT
    return bold, [total.mT / (n_frames * n_steps) for total in totals]


def _steps(
    model: Model,
    dt: float,
    sc: Array,
    regional: Sequence[Array],
    seeds: Array,
    place: torch.device,
    precision: torch.dtype,
) -> Engine:
    """Move on by operations of torch; those that share a connectome stand in lanes."""
    n_sc = 1 if sc.ndim == 2 else len(sc)

    def in_lanes(values: Array) -> Tensor:
        values = values.reshape(n_sc, -1, values.shape[-1]).transpose(0, 2, 1)
        return torch.tensor(values, device=place, dtype=precision)

    matrix = torch.tensor(sc, device=place, dtype=precision)
    matrix = matrix.reshape(n_sc, *matrix.shape[-2:])
    *inputs, G, amplitude = map(in_lanes, regional)
    words = _seed_words(seeds, n_sc, place)
    n_states = len(model.states)
    n_blood = len(REST) * model.haemodynamics
    state, blood, sums = (
        [torch.zeros_like(G) for _ in range(n)]
        for n in (n_states, n_blood, n_states + len(model.outputs))
    )
    step = torch.zeros((), dtype=torch.int64, device=place)
    coupled = [model.states.index(name) for name in model.couples]
    seen = model.states.index(model.observed)

    def advance(n_steps: int) -> None:
        now, flow, added = state, blood, sums
        for start in range(0, n_steps, CHUNK):
            n = min(CHUNK, n_steps - start)
            noise = gaussians(words, step, n, G, n_states)
            for k in range(n):
                coupling = [torch.matmul(matrix, now[c]) * G for c in coupled]
                results = model.derivatives(*now, *coupling, *inputs, torch.expm1)
                now = [
                    x + dt * dx + amplitude * g[k]
                    for x, dx, g in zip(now, results[:n_states], noise, strict=True)
                ]
                if model.haemodynamics:
                    flow = _move_blood(dt, now[seen], flow)
                values = (*now, *results[n_states:])
                added = [s + value for s, value in zip(added, values, strict=True)]
            step.add_(n)
        for old, new in zip(
            [*state, *blood, *sums], [*now, *flow, *added], strict=True
        ):
            old.copy_(new)

    return Engine(state, blood, sums, step, advance, recorded=place.type == "cuda")


def _recorded(move: Callable[[], None], device: torch.device) -> Callable[[], None]:
    """Record what a call does on a GPU, to be done again without the host."""
    with torch.cuda.device(device):
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            move()
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
