"""Euler-Maruyama integration compiled for the CPU: simulations in SIMD lanes.

One kernel does all of a step: coupling, noise, neural equations, haemodynamics. It is
built from the model's own file, so that a changed equation changes the kernel.

All that a region needs in a step stands in one block of memory, a row of lanes for
every variable; distances between rows are then known to the compiler, which is what
lets it turn the loops over lanes into vector instructions.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import hashlib
import inspect
import logging
import os
import tempfile
from functools import cache
from pathlib import Path
from textwrap import dedent, indent
from threading import Lock
from types import FunctionType

import numba
import numpy as np
from numba import njit

from delssome.simulation import haemodynamics, lanes, stages

__all__ = ["integrate"]

logger = logging.getLogger("delssome")

# Simulations in a block: two AVX-512 registers, or four of AVX2, hide latencies; a
# rest of up to half of that takes the narrow kernel.
WIDE, NARROW = 32, 16
# Rows of the coupling matrix product computed together; regions are padded to it.
TILE = 4
BUILDING = Lock()


def integrate(model, inputs, G, amplitude, sc, acquisition, seeds):
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


def _integrate_block(model, width, inputs, G, amplitude, sc, acquisition, seeds):
    n, n_rois = G.shape
    layout = _Layout(model)
    padded = -(-n_rois // TILE) * TILE

    in_lane = np.minimum(np.arange(width), n - 1)  # idle lanes repeat the last

    def in_lanes(values):  # (n, n_rois) to (n_rois, width)
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
    activity = np.zeros((padded, width), dtype=np.float32)
    activity[:n_rois] = model.initial_state[0]
    generator = lanes.seed_lanes(seeds[in_lane])
    frames = np.empty((acquisition.n_frames, n_rois, width), dtype=np.float32)
    totals = np.zeros((layout.n_averages, n_rois, width))
    _kernel(type(model), model.derivatives, width)(
        matrix.ravel(),
        shared,
        work.ravel(),
        activity.ravel(),
        np.zeros(padded * width, dtype=np.float32),
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

    def __init__(self, model):
        n_states, n_inputs = len(model.states), len(model.inputs)
        self.n_averages = n_states + len(model.outputs)
        self.inputs = n_states
        self.G = n_states + n_inputs
        self.amplitude = self.G + 1
        self.blood = self.G + 2
        self.sums = self.blood + len(haemodynamics.REST)
        self.n_rows = self.sums + self.n_averages


def _neural_source(model, layout):
    """Write the neural stage for the states, inputs and outputs of a model."""

    def row(k):
        return f"work[block + ROW_{k} + lane]"

    n_states = len(model.states)
    states = [f"s{k}" for k in range(n_states)]
    changes = [f"d{k}" for k in range(n_states)]
    outputs = [f"o{k}" for k in range(len(model.outputs))]
    inputs = [row(layout.inputs + k) for k in range(len(model.inputs))]
    network = f"{row(layout.G)} * net[line + lane]"
    arguments = ", ".join([*states, network, *inputs, "expm1"])
    lines = [
        f"g{k}, g{k + 1}, x0, x1, x2, x3 = next_pair(x0, x1, x2, x3)"
        for k in range(0, n_states, 2)
    ]
    lines += [f"{s} = {row(k)}" for k, s in enumerate(states)]
    lines.append(f"{', '.join(changes + outputs)} = derivatives({arguments})")
    lines.append(f"amplitude = {row(layout.amplitude)}")
    for k, s in enumerate(states):
        lines.append(f"{s} = {s} + dt * d{k} + amplitude * g{k}")
        lines.append(f"{row(k)} = {s}")
    lines.append("activity[line + lane] = s0")
    for k, value in enumerate(states + outputs):
        lines.append(f"{row(layout.sums + k)} += {value}")
    source = dedent("""\
        def neural(work, activity, net, generator, n_rois, dt):
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
    return source.replace("{body}", indent("\n".join(lines), " " * 12))


def _kernel(model, derivatives, width):
    """Give the kernel of a model for a number of lanes."""
    with BUILDING:  # threads would each build their own
        return _build(model, derivatives, width)


@cache
def _build(model, derivatives, width):
    layout = _Layout(model)
    source = _neural_source(model, layout)
    file, tag = _kernel_file(source, derivatives, width)
    rows = {f"ROW_{k}": k for k in range(layout.n_rows)}
    rows |= {name: layout.blood + k for k, name in enumerate("ZFVQ")}
    rows["SUMS"] = layout.sums
    scope = {
        **{f"U{k}": np.uint64(k) for k in range(5)},
        **{name: np.uint64(row * width) for name, row in rows.items()},
        "__name__": lanes.__name__,
        "np": np,
        "LANES": np.uint64(width),
        "BLOCK": np.uint64(layout.n_rows * width),
        "N_AVERAGES": np.uint64(layout.n_averages),
        "ZERO": np.float32(0),
        "next_pair": lanes.next_pair,
        "expm1": lanes.expm1,
        "exp": lanes.exp,
        "log": lanes.log,
        "derivatives": _specialise(derivatives, tag),
        "blood_derivatives": lanes.specialise(haemodynamics.derivatives, tag),
        "bold_signal": lanes.specialise(haemodynamics.bold_signal, tag),
    }
    exec(compile(source, str(file), "exec"), scope)
    parts = {"neural": scope["neural"]}
    for name in ("coupling", "own_coupling", "balloon", "take_frame", "close_sums"):
        parts[name] = getattr(stages, name)
    for name, part in parts.items():
        scope[name] = njit(**lanes.OPTIONS)(lanes.with_scope(part, scope, tag))
    kept = file.exists()
    # Numba keeps compiled code beside the file that a function says it comes from.
    code = stages.kernel.__code__.replace(co_filename=str(file))
    function = lanes.with_scope(FunctionType(code, scope, "kernel"), scope, tag)
    compiled = njit(**lanes.OPTIONS, cache=kept)(function)
    if not (kept and any(file.parent.glob("__pycache__/*.nbc"))):
        logger.info(
            "Compiling the simulation kernel of the %s model for %d lanes: some "
            "seconds%s.",
            model.name,
            width,
            f", once; it is kept in {file.parent}" if kept else "",
        )
    return compiled


def _helpers(function):
    """Give the plain functions that a function calls by name."""
    named = {
        name: function.__globals__.get(name) for name in function.__code__.co_names
    }
    return {name: value for name, value in named.items() if inspect.isfunction(value)}


def _specialise(function, tag):
    """Compile a model's equations with all functions that they call."""
    helpers = {
        name: _specialise(helper, tag) for name, helper in _helpers(function).items()
    }
    return lanes.specialise(function, tag, **helpers)


def _sources(function):
    """Give all that a function's meaning depends on: files and constants."""
    numbers = {
        name: value
        for name, value in function.__globals__.items()
        if isinstance(value, int | float)
    }
    yield Path(inspect.getfile(function)).read_text() + repr(numbers)
    for helper in _helpers(function).values():
        yield from _sources(helper)


def _kernel_file(source, derivatives, width):
    """Give the file under whose name the compiled kernel is kept, and its tag.

    The tag stands for all sources that the kernel is built from, so that a changed
    equation, or another version, compiles anew. Where nothing can be written, or the
    equations are in no file, the file does not exist and nothing is kept.
    """
    sources = [source, numba.__version__, str(width)]
    kept = True
    try:
        sources += _sources(derivatives)
    except (OSError, TypeError):  # typed at a prompt
        sources.append(str(id(derivatives)))
        kept = False
    for part in (haemodynamics, lanes, stages, _kernel_file):
        sources.append(Path(inspect.getfile(part)).read_text())
    tag = hashlib.sha256("\n".join(sources).encode()).hexdigest()[:16]
    home = os.environ.get("DELSSOME_CACHE") or Path.home() / ".cache" / "delssome"
    file = Path(home) / f"kernel-{tag}" / "neural.py"
    if kept:
        try:
            _write_once(file, source)
        except OSError as error:
            logger.info("Compiled kernels are not kept: %s", error)
    return file, tag


def _write_once(file, text):
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=file.parent, suffix=".tmp")
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    os.replace(temporary, file)
