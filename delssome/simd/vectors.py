"""A type for compiled code: a vector of single-precision numbers, as the machine has.

Loops over lanes leave it to the compiler to find out that they are vector instructions;
it then has to provide for arrays that overlap and keeps sums in memory. Here, ``load``
gives a vector, on which ``+``, ``-``, ``*`` and ``/`` work, also with a float32 for all
lanes, and ``store`` puts it back.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import binding, ir
from numba import config, extending, types
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import lower_builtin, models, register_model

__all__ = [
    "WIDTH",
    "constant",
    "fused",
    "larger",
    "load",
    "smaller",
    "square_root",
    "store",
]

target: Any = config  # attributes are made of the environment
intrinsic: Any = extending.intrinsic  # it hands in the context of typing of its own


def width_of(features: str) -> int:
    """Give how many numbers a vector has: of two, that which leaves enough registers.

    Parameters
    ----------
    features : str
        Of the processor, as LLVM names them.
    """
    return 16 if "+avx512f" in features else 8


# Sixteen in one of 32 registers with AVX-512; eight in one of 16 with AVX2, and in two
# of 32 with NEON.
WIDTH = width_of(target.CPU_FEATURES or binding.get_host_cpu_features().flatten())
LLVM_VECTOR = ir.VectorType(ir.FloatType(), WIDTH)
# Products and sums may be fused, divisions become reciprocals.
FAST = ("contract", "nsz", "arcp")


class VectorType(types.Type):
    """Numba's type of as many float32."""

    def __init__(self) -> None:
        super().__init__(name=f"float32x{WIDTH}")


vector = VectorType()


@register_model(VectorType)
class VectorModel(models.PrimitiveModel):
    """Represent it by LLVM's own vector."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, LLVM_VECTOR)


def _broadcast(builder: Any, value: Any) -> Any:
    empty = ir.Constant(LLVM_VECTOR, ir.Undefined)
    one = builder.insert_element(empty, value, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), None)
    return builder.shuffle_vector(one, empty, zeros)


def _define(operation: Callable, instruction: str) -> None:
    """Let an operator work on vectors, and on a vector and a number."""
    kinds = [(vector, vector), (vector, types.float32), (types.float32, vector)]

    @infer_global(operation)
    class Template(ConcreteTemplate):
        cases = [signature(vector, *pair) for pair in kinds]  # noqa: RUF012

    def lower(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        operands = [
            value if kind is vector else _broadcast(builder, value)
            for kind, value in zip(sig.args, arguments, strict=True)
        ]
        return getattr(builder, instruction)(*operands, flags=FAST)

    for pair in kinds:
        lower_builtin(operation, *pair)(lower)


for name, instruction in (
    ("add", "fadd"),
    ("sub", "fsub"),
    ("mul", "fmul"),
    ("truediv", "fdiv"),
):
    _define(getattr(operator, name), instruction)
    _define(getattr(operator, f"i{name}"), instruction)


def _place(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    at = builder.gep(data, [builder.mul(index, ir.IntType(64)(WIDTH))])
    return builder.bitcast(at, LLVM_VECTOR.as_pointer())


@intrinsic
def load(context: Any, array: Any, index: Any) -> Any:
    """Give the vector at some place of a float32 array, counted in vectors."""

    def generate(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        place = _place(context, builder, sig.args[0], *arguments)
        return builder.load(place, align=4)

    return vector(array, types.uint64), generate


@intrinsic
def store(context: Any, array: Any, index: Any, value: Any) -> Any:
    """Put a vector at some place of a float32 array."""

    def generate(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        place = _place(context, builder, sig.args[0], *arguments[:2])
        builder.store(arguments[2], place, align=4)
        return context.get_dummy_value()

    return types.void(array, types.uint64, vector), generate


@intrinsic
def constant(context: Any, value: Any) -> Any:
    """Give a vector of one number."""

    def generate(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        return _broadcast(builder, arguments[0])

    return vector(types.float32), generate


@intrinsic
def square_root(context: Any, x: Any) -> Any:
    """Give the square roots of a vector's numbers."""

    def generate(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(LLVM_VECTOR, [LLVM_VECTOR])
        name = f"llvm.sqrt.v{WIDTH}f32"
        root = builder.module.declare_intrinsic(name, fnty=kind)
        return builder.call(root, arguments)

    return vector(vector), generate


@intrinsic
def fused(context: Any, x: Any, y: Any, z: Any) -> Any:
    """Give ``x * y + z``, rounded once.

    Left to itself, the compiler fuses a product and a sum in different blocks or does
    not, and a process that compiles rounds otherwise than one that reads the cache.
    """

    def generate(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(LLVM_VECTOR, [LLVM_VECTOR] * 3)
        name = f"llvm.fma.v{WIDTH}f32"
        add = builder.module.declare_intrinsic(name, fnty=kind)
        return builder.call(add, arguments)

    return vector(vector, vector, vector), generate


def _choose(comparison: str) -> Any:
    @intrinsic
    def choose(context: Any, x: Any, y: Any) -> Any:
        def generate(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
            is_first = builder.fcmp_ordered(comparison, *arguments)
            return builder.select(is_first, *arguments)

        return vector(vector, vector), generate

    return choose


# Where a number is not one, the second of two vectors counts.
smaller, larger = _choose("<"), _choose(">")
