"""Euler-Maruyama integration compiled for the CPU: simulations in SIMD lanes.

One kernel does all of a step: coupling, noise, neural equations, haemodynamics. It is
built from the model's own file, so that a changed equation changes the kernel.

All that a region needs in a step stands in one block of memory, a row of lanes for
every variable; distances between rows are then known to the compiler, which is what
lets it turn the loops over lanes into vector instructions.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from textwrap import dedent, indent
from threading import Lock
from types import FunctionType
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from delssome.models import Model
from delssome.simd import cache as kept_code
from delssome.simd import functions
from delssome.simulation import haemodynamics, stages
from delssome.simulation.acquisition import Acquisition

__all__ = ["integrate"]

Array = NDArray[Any]

# Simulations in a block: two AVX-512 registers, or four of AVX2, hide latencies; a
# rest of up to half of that takes the narrow kernel.
WIDE, NARROW = 32, 16
# Rows of the coupling matrix product computed together; regions are padded to it.
TILE = 4
BUILDING = Lock()


def integrate(
    model: Model,
    inputs: Sequence[Array],
    G: Array,
    amplitude: Array,
    sc: Array,
    acquisition: Acquisition,
    seeds: Array,
) -> tuple[Array, list[Array]]:
    """Integrate simulations block by block, in float32.

    Parameters and returns are those of :func:`.torch_backend.integrate`. Releases
    the global interpreter lock while it computes.
    """
    n_simulations, n_rois = G.shape
    bold = np.empty((n_simulations, acquisition.n_frames, n_rois), dtype=np.float32)
    n_averages = len(model.states) + len(model.outputs)
    averages = np.empty((n_averages, n_simulations, n_rois))
    start = 0
    while start < n_simulations:
        rest = n_simulations - start
        width = WIDE if rest > NARROW else NARROW
        block = slice(start, start + min(width, rest))
        bold[block], averages[:, block] = _integrate_block(
            model,
            width,
            [values[block] for values in inputs],
            G[block],
            amplitude[block],
            sc if sc.ndim == 2 else sc[block],
            acquisition,
            seeds[block],
        )
        start += width
    return bold, list(averages)


def _integrate_block(
    model: Model,
    width: int,
    inputs: Sequence[Array],
    G: Array,
    amplitude: Array,
    sc: Array,
    acquisition: Acquisition,
    seeds: Array,
) -> tuple[Array, Array]:
    n, n_rois = G.shape
    layout = _Layout(model)
    padded = -(-n_rois // TILE) * TILE

    in_lane = np.minimum(np.arange(width), n - 1)  # idle lanes repeat the last

    def in_lanes(values: Array) -> Array:  # (n, n_rois) to (n_rois, width)
        return values[in_lane].T

    work = np.zeros((n_rois, layout.n_rows, width), dtype=np.float32)
    for k, value in enumerate(model.initial_state):
        work[:, k] = value
    for k, values in enumerate(inputs):
        work[:, layout.inputs + k] = in_lanes(values)
    work[:, layout.G] = in_lanes(G)
    work[:, layout.amplitude] = in_lanes(amplitude)
    for k, value in enumerate(haemodynamics.REST):
        work[:, layout.blood + k] = value

    shared = sc.ndim == 2
    matrix = np.zeros((padded, padded, 1 if shared else width), dtype=np.float32)
    if shared:
        matrix[:n_rois, :n_rois, 0] = sc
    else:
        matrix[:n_rois, :n_rois] = np.moveaxis(sc[in_lane], 0, -1)
    activity = np.zeros((len(layout.coupled), padded, width), dtype=np.float32)
    for k, state in enumerate(layout.coupled):
        activity[k, :n_rois] = model.initial_state[state]
    generator = functions.seed_lanes(seeds[in_lane])
    frames = np.empty((acquisition.n_frames, n_rois, width), dtype=np.float32)
    totals = np.zeros((layout.n_averages, n_rois, width))
    _kernel(type(model), model.derivatives, width)(
        matrix.ravel(),
        shared,
        work.ravel(),
        activity.ravel(),
        np.zeros(activity.size, dtype=np.float32),
        generator.ravel(),
        frames.ravel(),
        totals.ravel(),
        np.uint64(n_rois),
        np.uint64(padded),
        np.float32(acquisition.step),
        acquisition.warm_up_steps,
        acquisition.burn_in_frames,
        acquisition.n_frames,
        acquisition.steps_per_frame,
    )
    n_steps = acquisition.steps_per_frame * (
        acquisition.burn_in_frames + acquisition.n_frames
    )
    bold = np.moveaxis(frames[..., :n], -1, 0)
    return bold, np.moveaxis(totals[..., :n], -1, 1) / n_steps


class _Layout:
    """Rows of a region's block of memory."""

    def __init__(self, model: Model | type[Model]) -> None:
        n_states, n_inputs = len(model.states), len(model.inputs)
        self.coupled = [model.states.index(name) for name in model.couples]
        self.seen = model.states.index(model.observed)
        self.n_averages = n_states + len(model.outputs)
        self.inputs = n_states
        self.G = n_states + n_inputs
        self.amplitude = self.G + 1
        self.blood = self.G + 2
        self.lost = self.blood + len(haemodynamics.REST)
        self.sums = self.lost + len(haemodynamics.REST)
        self.n_rows = self.sums + self.n_averages


def _neural_source(model: type[Model], layout: _Layout) -> str:
    """Write the neural stage for the states, inputs and outputs of a model."""

    def row(k: int) -> str:
        return f"work[block + ROW_{k} + lane]"

    def of_coupled(k: int) -> str:  # one padded array behind the other
        return "line + lane" if k == 0 else f"U{k} * padded * LANES + line + lane"

    n_states = len(model.states)
    states = [f"s{k}" for k in range(n_states)]
    changes = [f"d{k}" for k in range(n_states)]
    outputs = [f"o{k}" for k in range(len(model.outputs))]
    inputs = [row(layout.inputs + k) for k in range(len(model.inputs))]
    coupling = [
        f"{row(layout.G)} * net[{of_coupled(k)}]" for k in range(len(layout.coupled))
    ]
    arguments = ", ".join([*states, *coupling, *inputs, "expm1"])
    lines = [
        f"g{k}, g{k + 1}, x0, x1, x2, x3 = next_pair(x0, x1, x2, x3)"
        for k in range(0, n_states, 2)
    ]
    lines += [f"{s} = {row(k)}" for k, s in enumerate(states)]
    lines.append(f"{', '.join(changes + outputs)}, = derivatives({arguments})")
    lines.append(f"amplitude = {row(layout.amplitude)}")
    for k, s in enumerate(states):
        lines.append(f"{s} = {s} + dt * d{k} + amplitude * g{k}")
        lines.append(f"{row(k)} = {s}")
    for k, state in enumerate(layout.coupled):
        lines.append(f"activity[{of_coupled(k)}] = s{state}")
    for k, value in enumerate(states + outputs):
        lines.append(f"{row(layout.sums + k)} += {value}")
    source = dedent("""\
        def neural(work, activity, net, generator, n_rois, padded, dt):
            for i in range(U0, n_rois):
                block, line = i * BLOCK, i * LANES
                for lane in range(LANES):
                    x0 = generator[lane]
                    x1 = generator[LANES + lane]
                    x2 = generator[U2 * LANES + lane]
                    x3 = generator[U3 * LANES + lane]
        {body}
                    generator[lane] = x0
                    generator[LANES + lane] = x1
                    generator[U2 * LANES + lane] = x2
                    generator[U3 * LANES + lane] = x3
        """)
    neural = source.replace("{body}", indent("\n".join(lines), " " * 12))
    if len(layout.coupled) > 1:
        neural += _coupling_source(len(layout.coupled))
    return neural


def _coupling_source(n_coupled: int) -> str:
    """Write the stages that multiply connectomes with several coupled states."""
    source = ""
    for name, one in (("couple", "coupling"), ("couple_own", "own_coupling")):
        source += f"def {name}(matrix, activity, net, padded):\n"
        source += "    size = padded * LANES\n"
        for k in range(n_coupled):
            part = f"U{k} * size : U{k + 1} * size"
            source += f"    {one}(matrix, activity[{part}], net[{part}], padded)\n"
    return source


def _kernel(model: type[Model], derivatives: Callable, width: int) -> Any:
    """Give the kernel of a model for a number of lanes."""
    with BUILDING:  # threads would each build their own
        return _build(model, derivatives, width)  # type: ignore[arg-type]


@cache
def _build(model: type[Model], derivatives: Callable, width: int) -> Any:
    layout = _Layout(model)
    # The other stages depend on no more than this.
    through = "haemodynamics" if model.haemodynamics else "nothing"
    source = f"# State {layout.seen} is seen through {through}.\n"
    source += _neural_source(model, layout)
    tag, in_files = _tag(source, derivatives, width)
    scope = _scope(layout, derivatives, width, tag)
    exec(compile(source, f"<neural_{tag}>", "exec"), scope)
    names = ["coupling", "own_coupling", "balloon", "take_frame", "close_sums"]
    parts = {name: getattr(stages, name) for name in names}
    if not model.haemodynamics:
        parts |= {"balloon": stages.no_blood, "take_frame": stages.take_state}
    several: dict[str, Any] = {
        name: scope[name] for name in ("couple", "couple_own") if name in scope
    }
    parts = {"neural": scope["neural"], **parts, **several}
    for name, part in parts.items():
        own = functions.with_scope(part, scope, tag)
        scope[name] = njit(**functions.OPTIONS, **functions.INTERNAL)(own)
    scope.setdefault("couple", scope["coupling"])
    scope.setdefault("couple_own", scope["own_coupling"])
    compiled = njit(**functions.OPTIONS)(
        functions.with_scope(stages.kernel, scope, tag)
    )
    if in_files:
        kept_code.keep(compiled, f"kernel-{tag}")
    kept_code.announce(
        compiled, f"the simulation kernel of the {model.name} model for {width} lanes"
    )
    return compiled


def _scope(
    layout: _Layout, derivatives: Callable, width: int, tag: str
) -> dict[str, Any]:
    """Give the names that the stages of a kernel know."""
    rows = {f"ROW_{k}": k for k in range(layout.n_rows)}
    rows |= {name: layout.blood + k for k, name in enumerate("ZFVQ")}
    rows |= {f"LOST_{name}": layout.lost + k for k, name in enumerate("ZFVQ")}
    rows |= {"SUMS": layout.sums, "SEEN": layout.seen}
    blood = {
        name: functions.specialise(getattr(haemodynamics, attribute), tag)
        for name, attribute in (
            ("blood_derivatives", "derivatives"),
            ("bold_signal", "bold_signal"),
        )
    }
    n_units = max(5, len(layout.coupled) + 1)
    return {
        **{f"U{k}": np.uint64(k) for k in range(n_units)},
        **{name: np.uint64(row * width) for name, row in rows.items()},
        "__name__": functions.__name__,
        "np": np,
        "LANES": np.uint64(width),
        "BLOCK": np.uint64(layout.n_rows * width),
        "N_AVERAGES": np.uint64(layout.n_averages),
        "ZERO": np.float32(0),
        "next_pair": functions.next_pair,
        "expm1": functions.expm1,
        "exp": functions.exp,
        "log": functions.log,
        "derivatives": _specialise(derivatives, tag),
        **blood,
    }


def _helpers(function: Callable) -> dict[str, Callable]:
    """Give the plain functions that a function calls by name."""
    assert isinstance(function, FunctionType)
    named = {
        name: function.__globals__.get(name) for name in function.__code__.co_names
    }
    return {name: value for name, value in named.items() if inspect.isfunction(value)}


def _specialise(function: Callable, tag: str) -> Any:
    """Compile a model's equations with all functions that they call."""
    helpers = {
        name: _specialise(helper, tag) for name, helper in _helpers(function).items()
    }
    return functions.specialise(function, tag, **helpers)


def _sources(function: Callable) -> Iterator[str]:
    """Give all that a function's meaning depends on: files and constants."""
    assert isinstance(function, FunctionType)
    numbers = {
        name: value
        for name, value in function.__globals__.items()
        if isinstance(value, int | float)
    }
    yield Path(inspect.getfile(function)).read_text(encoding="utf-8") + repr(numbers)
    for helper in _helpers(function).values():
        yield from _sources(helper)


def _tag(source: str, derivatives: Callable, width: int) -> tuple[str, bool]:
    """Name all sources that a kernel is built from; say whether all are in files.

    A changed equation, or another version, compiles anew. What is typed at a prompt
    is not kept.
    """
    sources, in_files = [source, str(width)], True
    try:
        sources += _sources(derivatives)
    except (OSError, TypeError):  # typed at a prompt
        sources.append(str(id(derivatives)))
        in_files = False
    for part in (haemodynamics, functions, stages, _tag):
        sources.append(Path(inspect.getfile(part)).read_text(encoding="utf-8"))
    return kept_code.tag_of(sources), in_files
