"""Euler-Maruyama integration compiled for a GPU by Triton: one kernel for all steps.

A tile of simulations belongs to one group of threads from start to end of a frame, so
that its states stay in registers, or in the cache of the processor that works on it.
Operations of torch carry all states through the memory of the device in every step,
which is what they wait for.

The kernel is built from the model's own file, as the one for the CPU is.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import ast
import inspect
import linecache
from collections.abc import Callable, Sequence
from functools import cache
from textwrap import dedent
from types import FunctionType
from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl
from numpy.typing import NDArray

from delssome.models import Model
from delssome.simulation import haemodynamics, triton_stages

__all__ = ["prepare"]

Array = NDArray[Any]

# Simulations in a tile, of which a multiprocessor works on one; fewer only as long as
# there are processors that idle. Bytes of a tile that fit into its cache.
LANES, FEWEST_LANES, CACHE = (32, 16), 8, 250_000
N_WARPS = 8
# Numbers worked on at once, one for each thread, and by products without tensor cores.
BLOCK, SPAN = 256, 512
# Numbers that a thread can hold in registers beside what it computes with.
MOST_HELD = 140
# Extent of the products with a shared connectome, which is padded to the first.
TALL, DEEP = 128, 32
PRECISION = "tf32x3"  # float32 by tensor cores: three products in place of one
# What is put together, each with names of those before.
STAGES = (
    *("box_muller", "draw", "weights_of", "couple"),
    *("read", "write", "move", "renew"),
)


def prepare(
    model: Model,
    dt: float,
    sc: Array,
    regional: Sequence[Array],
    seeds: Array,
    place: torch.device,
    precision: torch.dtype,
) -> tuple[torch.Tensor, torch.Tensor, dict[str, int], Callable[[int], None]]:
    """Put simulations into tiles, and build what moves them on.

    Parameters
    ----------
    model : Model
    dt : float
        Integration step, in seconds.
    sc : ndarray of shape (n_rois, n_rois) or (n_simulations, n_rois, n_rois)
    regional : sequence of ndarray of shape (n_simulations, n_rois)
        Parameters of the equations, global coupling, amplitude of the noise.
    seeds : ndarray of int64, shape (n_simulations,)
    place : torch.device
    precision : torch.dtype

    Returns
    -------
    work : Tensor of shape (n_tiles, n_rows, n_rois, n_lanes)
        States, and all that goes along with them.
    step : Tensor of int64, no dimension
        Steps done.
    rows : dict of str to int
        Where rows of a kind start.
    advance : callable
        Moves on by a number of steps, in place.
    """
    n, n_rois = regional[0].shape
    starts = _rows(type(model))
    n_programs = _processors(place)
    n_lanes = _lanes(n, n_rois, starts, precision.itemsize, sc.ndim == 2, n_programs)
    n_tiles = -(-n // n_lanes)
    in_lane = np.minimum(np.arange(n_tiles * n_lanes), n - 1).reshape(n_tiles, n_lanes)
    shape = (n_tiles, starts["N_ROWS"], n_rois, n_lanes)
    work = torch.zeros(shape, device=place, dtype=precision)
    for k, values in enumerate(regional):
        own = torch.tensor(values, device=place, dtype=precision)
        work[:, starts["INPUTS"] + k] = own[torch.from_numpy(in_lane)].mT
    if sc.ndim == 2:
        wide = _padded(n_rois)
        matrix = torch.zeros((wide, wide), device=place, dtype=precision)
        matrix[:n_rois, :n_rois] = torch.from_numpy(sc)
    else:
        matrix = torch.tensor(sc, device=place, dtype=precision)
        matrix = matrix[torch.from_numpy(in_lane)].permute(0, 3, 2, 1).contiguous()
    own_seeds = np.asarray(seeds, dtype=np.int64)[in_lane]
    seed = torch.from_numpy(own_seeds).to(place)
    length = torch.tensor(dt, device=place, dtype=precision)
    step = torch.zeros((), device=place, dtype=torch.int64)
    kernel = _build(
        type(model),  # type: ignore[arg-type]
        model.derivatives,
        n_rois,
        n_lanes,
        shared=sc.ndim == 2,
        double=precision == torch.float64,
    )

    def advance(n_steps: int) -> None:
        kernel[(min(n_tiles, n_programs),)](
            work,
            matrix,
            seed,
            length,
            step,
            n_steps,
            n_tiles,
            num_warps=N_WARPS,
        )
        step.add_(n_steps)

    advance(0)  # compiles
    return work, step, starts, advance


def _processors(place: torch.device) -> int:
    """Give the multiprocessors of a GPU."""
    if place.type != "cuda":  # interpreted
        return 2
    return int(torch.cuda.get_device_properties(place).multi_processor_count)


def _lanes(
    n: int,
    n_rois: int,
    rows: dict[str, int],
    itemsize: int,
    shared: bool,
    n_processors: int,
) -> int:
    """Give the simulations of a tile: as many as can be held, or else cached."""
    each = rows["N_ROWS"] * n_rois * itemsize
    held = [
        lanes
        for lanes in LANES
        if n_rois <= TALL and _held(n_rois, lanes, rows, itemsize) <= MOST_HELD
    ]
    cached = [lanes for lanes in LANES if lanes * each <= CACHE]
    # Own connectomes pass by only once: smaller tiles spread them better.
    lanes = (held or cached or LANES)[0] if shared else LANES[-1]
    while lanes > FEWEST_LANES and n <= lanes // 2 * n_processors:
        lanes //= 2
    return lanes


def _held(n_rois: int, lanes: int, rows: dict[str, int], itemsize: int) -> int:
    """Give how many numbers each thread would hold in registers of 4 bytes."""
    units = sum(length for _, length in _parts(_half(n_rois) * lanes)) // BLOCK
    return 2 * units * rows["INPUTS"] * itemsize // 4


@cache
def _build(
    model: type[Model],
    equations: Callable,
    n_rois: int,
    lanes: int,
    *,
    shared: bool,
    double: bool,
) -> Any:
    """Give the kernel of a model for one number of regions."""
    rows = _rows(model)
    coupled = tuple(model.states.index(name) for name in model.couples)
    starts, lengths = zip(*_parts(_half(n_rois) * lanes), strict=True)
    n_held = _held(n_rois, lanes, rows, 8 if double else 4)
    dense = shared and not double
    numbers: dict[str, Any] = {
        **rows,
        "N_STATES": len(model.states),
        "N_INPUTS": len(model.inputs),
        "N_OUTPUTS": len(model.outputs),
        "N_COUPLED": len(coupled),
        "N_CHANGED": rows["INPUTS"],
        "COUPLED": coupled,
        "SEEN": model.states.index(model.observed),
        "HAEMODYNAMICS": model.haemodynamics,
        "SINGLE": not double,
        "DTYPE": tl.float64 if double else tl.float32,
        "SHARED": shared,
        "DENSE": dense,
        "KEPT": dense and n_rois <= TALL,
        "HELD": n_held <= MOST_HELD,
        "N_ROIS": n_rois,
        "LANES": lanes,
        "SIZE": n_rois * lanes,
        "HALF": _half(n_rois) * lanes,
        "N_PARTS": len(starts),
        "STARTS": starts,
        "LENGTHS": lengths,
        "WIDE": _padded(n_rois),
        "BLOCK": BLOCK,
        "SPAN": SPAN,
        "TALL": TALL,
        "DEEP": DEEP,
        "PRECISION": PRECISION,
    }
    names = {name: tl.constexpr(value) for name, value in numbers.items()}
    names["divide"] = _put(triton_stages.divide, names)
    for name, function in (
        ("derivatives", equations),
        ("blood_derivatives", haemodynamics.derivatives),
    ):
        names[name] = _translated(function, names["divide"])
    for name in STAGES:
        names[name] = _put(getattr(triton_stages, name), names)
    options = {"do_not_specialize": ["n_steps", "n_tiles"]}
    return _put(triton_stages.advance, names, **options)


def _parts(size: int) -> list[tuple[int, int]]:
    """Cut a range into powers of two, the last of which may reach beyond it."""
    found, start, length = [], 0, 1 << size.bit_length()
    while start < size:
        while length > BLOCK and start + length > size:
            length //= 2
        found.append((start, length))
        start += length
    return found


def _half(n_rois: int) -> int:
    """Give the regions that share draws of noise with others, each with one."""
    return -(-n_rois // 2)


def _padded(n_rois: int) -> int:
    """Give the extent of a shared connectome with the zeros around it."""
    return -(-n_rois // TALL) * TALL


def _rows(model: type[Model]) -> dict[str, int]:
    """Give where rows of a kind start in the memory of a tile."""
    # First what steps change, in the order in which they give it.
    counts = {
        "STATES": len(model.states),
        "BLOOD": 8 * model.haemodynamics,  # with what rounding loses of it
        "SUMS": len(model.states) + len(model.outputs),
        "INPUTS": len(model.inputs),
        "G": 1,
        "AMPLITUDE": 1,
        "NET": len(model.couples),
        "N_ROWS": 0,
    }
    ends = np.cumsum(list(counts.values()))
    return {
        name: int(end) - n for (name, n), end in zip(counts.items(), ends, strict=True)
    }


def _put(function: Any, names: dict[str, Any], **options: Any) -> Any:
    """Compile a function with other global names."""
    plain = function.fn
    scope = {**plain.__globals__, **names}
    return triton.jit(FunctionType(plain.__code__, scope, plain.__name__), **options)


class _Faster(ast.NodeTransformer):
    """Divides as fast as precision allows, by no constant, and raises to no power."""

    def __init__(self, numbers: dict[str, float]) -> None:
        self.numbers = numbers

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Replace a division, or a square."""
        self.generic_visit(node)
        left, right = node.left, node.right
        if isinstance(node.op, ast.Pow) and getattr(right, "value", None) == 2:
            return ast.BinOp(left, ast.Mult(), left)
        if not isinstance(node.op, ast.Div):
            return node
        divisor = self.numbers.get(getattr(right, "id", ""))
        if divisor:
            return ast.BinOp(left, ast.Mult(), ast.Constant(1.0 / divisor))
        return ast.Call(ast.Name("divide", ast.Load()), [left, right], [])


def _translated(function: Callable, divide: Any) -> Any:
    """Compile plain equations with all functions and numbers that they name."""
    assert isinstance(function, FunctionType)
    tree = ast.parse(dedent(inspect.getsource(function)))
    (definition,) = tree.body
    assert isinstance(definition, ast.FunctionDef)
    for argument in definition.args.args:  # types mean nothing to Triton
        argument.annotation = None
    definition.returns, definition.decorator_list = None, []
    # Triton's interpreter looks for its language where functions are.
    names: dict[str, Any] = {"__name__": function.__module__, "tl": tl}
    names["divide"] = divide
    numbers = {}
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        if inspect.isfunction(value):
            names[name] = _translated(value, divide)
        elif isinstance(value, int | float):
            names[name], numbers[name] = tl.constexpr(value), value
    text = ast.unparse(ast.fix_missing_locations(_Faster(numbers).visit(tree)))
    file = f"<{function.__module__}.{function.__qualname__}>"
    # Triton reads the source again, by the name of its file.
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    exec(compile(text, file, "exec"), names)
    return triton.jit(names[function.__name__])
