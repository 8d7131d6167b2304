"""Structure of a MATLAB file checked before it is read: SciPy trusts it.

A wrong code of a type in a damaged file ends the whole process within SciPy, and what
is packed may unpack to more than memory holds.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import math
import zlib
from pathlib import Path
from typing import Literal

from delssome.files import check_size

__all__ = ["check_mat5"]

Order = Literal["big", "little"]

# Codes of types of elements.
MATRIX, COMPRESSED = 14, 15
# Bytes of a number of each type.
BYTES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}
NUMBERS = tuple(BYTES)
TEXTS = (1, 2, 3, 4, 16, 17, 18)
KINDS = {*NUMBERS, *TEXTS, MATRIX, COMPRESSED}
# Classes of arrays; the others hold numbers.
CELL, CHARACTERS, SPARSE, HIGHEST = 1, 4, 5, 17
CONTAINERS = (CELL, 2, 3, 16)
MOST_AXES, MANY = 32, 10**6
COMPLEX = 0x0800  # a flag
DEEPEST = 20
BLOCK = 2**20


def check_mat5(path: Path) -> None:
    """Check codes and sizes of all elements, and what they unpack to.

    Parameters
    ----------
    path : Path
        Of a MATLAB file up to version 7.

    Raises
    ------
    ValueError
        If a code is none, or an element is longer than what it is in.
    """
    content = path.read_bytes()
    if content[126:128] not in (b"IM", b"MI"):  # version 4 packs nothing
        return
    order: Order = "big" if content[126:128] == b"MI" else "little"
    total = 0
    for kind, data in _elements(memoryview(content)[128:], order):
        if kind == COMPRESSED:
            unpacked = _unpack(data, total, str(path))
            total += len(unpacked)
            data = memoryview(unpacked)
            for kind_within, within in _elements(data, order):
                _check_matrix(kind_within, within, order)
        else:
            _check_matrix(kind, data, order)


def _unpack(data: memoryview, before: int, name: str) -> bytes:
    """Unpack block by block, and stop where it grows too large."""
    unpack = zlib.decompressobj()
    parts, packed, total = [], bytes(data), before
    while packed and not unpack.eof:
        parts.append(unpack.decompress(packed, BLOCK))
        packed = unpack.unconsumed_tail
        total += len(parts[-1])
        check_size(total, name)
    return b"".join(parts)


def _elements(data: memoryview, order: Order) -> list[tuple[int, memoryview]]:
    """Give type and content of every element."""
    found = []
    at = 0
    while at + 8 <= len(data):
        word = int.from_bytes(data[at : at + 4], order)
        if word >> 16:  # a small element: size and type in one word
            kind, size, start = word & 0xFFFF, word >> 16, at + 4
            after = at + 8
            if size > 4:
                raise ValueError(f"a small element claims {size} bytes")
        else:
            kind, start = word, at + 8
            size = int.from_bytes(data[at + 4 : at + 8], order)
            after = start + size
            if kind != COMPRESSED:
                after += -size % 8
        if kind not in KINDS:
            raise ValueError(f"{kind} is no type of an element")
        if start + size > len(data):
            raise ValueError(
                f"an element claims {size} bytes, {len(data) - start} left"
            )
        found.append((kind, data[start : start + size]))
        at = after
    return found


def _check_matrix(kind: int, data: memoryview, order: Order, depth: int = 0) -> None:
    """Check an array, and those within it."""
    if kind != MATRIX or depth > DEEPEST:
        raise ValueError(f"an element of type {kind} stands where an array should")
    if len(data) == 0:
        return
    (flags_kind, flags), *rest = _elements(data, order) or [(0, data)]
    if flags_kind != 6 or len(flags) != 8 or len(rest) < 2:
        raise ValueError("an array does not begin with its flags")
    what = (word := int.from_bytes(flags[:4], order)) & 0xFF
    if not 1 <= what <= HIGHEST:
        raise ValueError(f"{what} is no class of an array")
    if what == HIGHEST:  # opaque: names, then an array
        allowed: tuple[int, ...] = (*TEXTS, MATRIX)
    else:
        n = _check_shape(rest[0], rest[1], order)
        rest = rest[2:]
        if what in CONTAINERS:
            allowed = (*TEXTS, *NUMBERS, MATRIX)
            n_within = sum(kind_within == MATRIX for kind_within, _ in rest)
            # A struct has all fields for every entry.
            wrong = n_within != n if what == CELL else n and (n_within % n or n > MANY)
            if wrong:
                raise ValueError(f"{n_within} arrays within one of {n} entries")
        else:
            allowed = TEXTS if what == CHARACTERS else NUMBERS
            n_parts = 1 + 2 * (what == SPARSE) + bool(word & COMPLEX)
            if len(rest) != n_parts:
                raise ValueError(f"an array has {len(rest)} parts, not {n_parts}")
            if what != SPARSE:
                _check_lengths(rest, n)
    for kind_within, within in rest:
        if kind_within not in allowed:
            raise ValueError(
                f"an array of class {what} holds elements of {kind_within}"
            )
        if kind_within == MATRIX:
            _check_matrix(kind_within, within, order, depth + 1)


def _check_shape(
    shape: tuple[int, memoryview], name: tuple[int, memoryview], order: Order
) -> int:
    """Check shape and name of an array, and give its number of entries."""
    n_axes, left = divmod(len(shape[1]), 4)
    if shape[0] != 5 or left or not 2 <= n_axes <= MOST_AXES or name[0] not in (1, 2):
        raise ValueError("an array has no shape or no name")
    sizes = [
        int.from_bytes(shape[1][k : k + 4], order, signed=True)
        for k in range(0, 4 * n_axes, 4)
    ]
    if min(sizes) < 0:
        raise ValueError(f"an array has the shape {tuple(sizes)}")
    return math.prod(sizes)


def _check_lengths(parts: list[tuple[int, memoryview]], n: int) -> None:
    """Check that there are as many numbers as the shape says."""
    for kind, data in parts:
        if kind in BYTES and len(data) != n * BYTES[kind]:
            raise ValueError(f"{len(data)} bytes for {n} numbers of {BYTES[kind]}")
