"""Arrays of strings in a pickle, read without running anything in it."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import pickle
from typing import IO, Any

__all__ = ["unpickle_strings"]


def unpickle_strings(file: IO[bytes]) -> list[str] | None:
    """Give the strings of a pickled NumPy array of objects.

    Parameters
    ----------
    file : binary file
        At the pickle, behind the header of a .npy file.

    Returns
    -------
    list of str or None
        None if the array holds anything but strings, or has several axes.

    Raises
    ------
    pickle.UnpicklingError
        If the pickle asks for anything but an array of objects. Nothing of it is run,
        and NumPy takes no part: stand-ins note what the array would hold.
    """
    array = _Strings(file).load()
    if not isinstance(array, _Array) or not isinstance(array.items, list):
        return None
    long = [n for n in array.shape if n != 1]
    if len(long) > 1 or not all(isinstance(item, str) for item in array.items):
        return None
    return [str(item) for item in array.items]


class _Array:
    """Stands for an array: keeps shape and items, as its pickled state has them."""

    shape: tuple[int, ...] = ()
    items: Any = None

    def __setstate__(self, state: Any) -> None:
        _, shape, _, _, self.items = state
        self.shape = tuple(int(n) for n in shape)


class _Kind:
    """Stands for a dtype, of which nothing is needed."""

    def __setstate__(self, state: Any) -> None:
        pass


def _make_array(*_: Any) -> _Array:
    return _Array()


def _make_kind(*_: Any) -> _Kind:
    return _Kind()


def _make_string(_: Any, raw: bytes) -> str:
    """Stand for a NumPy string among the objects."""
    return raw.decode("utf-32-le").rstrip("\0")


class _Strings(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        allowed = {
            ("multiarray", "_reconstruct"): _make_array,
            ("multiarray", "scalar"): _make_string,
            ("numpy", "ndarray"): _Array,
            ("numpy", "dtype"): _make_kind,
        }
        root, _, last = module.rpartition(".")
        where = last if root in ("numpy.core", "numpy._core") else module
        if (where, name) not in allowed:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return allowed[where, name]
