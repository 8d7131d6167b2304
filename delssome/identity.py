"""What values are called: equal ones alike, whatever they come in."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from hashlib import sha256
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator

__all__ = ["describe", "fingerprint", "kind_of"]

# Numbers that are spelled out; of more there is a hash.
FEW = 8
# Packages whose classes change with their version alone.
KNOWN = ("delssome", "builtins", "sklearn", "numpy", "abc", "typing")


def fingerprint(*values: Any) -> str:
    """Stand for values, 32 hexadecimal digits.

    Numbers and arrays of numbers are compared in single precision, whatever their type,
    order and container; networks by their weights; models and other settings by their
    class and what is set, classes of users with their source.

    Parameters
    ----------
    *values : object

    Returns
    -------
    str
    """
    text = "\n".join(map(describe, values))
    return sha256(text.encode()).hexdigest()[:32]


def describe(value: Any) -> str:
    """Name a value in a line, such that equal ones have equal names.

    Parameters
    ----------
    value : object

    Returns
    -------
    str
    """
    if value is None or isinstance(value, bool | np.bool_):
        return repr(None if value is None else bool(value))
    if isinstance(value, str | Path):
        return repr(str(value))
    if isinstance(value, Real):
        return _number(value)
    if isinstance(value, Mapping):
        inside = (f"{describe(k)}: {describe(value[k])}" for k in sorted(value))
        return f"{{{', '.join(inside)}}}"
    if isinstance(value, FrozenEstimator):
        return describe(value.estimator)
    if not isinstance(value, type) and hasattr(value, "digest") and value.digest():
        return f"{kind_of(value)} {value.digest()}"
    given = _settings(value)
    if given is not None:
        inside = (f"{k}={describe(given[k])}" for k in sorted(given))
        return f"{kind_of(value)}({', '.join(inside)})"
    array = _numbers(value)
    if array is not None:
        return _array(array)
    if isinstance(value, list | tuple | np.ndarray):
        return f"[{', '.join(map(describe, value))}]"
    return f"{kind_of(value)} {joblib.hash(value)}"


def _number(value: Any) -> str:
    if isinstance(value, Integral):
        return str(int(value))
    number = float(str(value))  # 0.2 in single precision is 0.2
    return str(int(number)) if number.is_integer() else repr(number)


def _settings(value: Any) -> Mapping[str, Any] | None:
    """Give what is set of an object that says so."""
    if isinstance(value, type):
        return None
    if hasattr(value, "said"):
        return value.said()  # type: ignore[no-any-return]
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if hasattr(value, "get_params"):
        return value.get_params(deep=False)  # type: ignore[no-any-return]
    return None


def _numbers(value: Any) -> NDArray[Any] | None:
    """Give numbers as an array, if they are that."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):  # of uneven length
        return None
    return array if array.dtype.kind in "biuf" and array.ndim else None


def _array(array: NDArray[Any]) -> str:
    if array.ndim == 1 and array.size <= FEW:
        return f"[{', '.join(map(describe, array.tolist()))}]"
    with np.errstate(over="ignore"):
        single = array.astype(np.float32, order="C") + np.float32(0.0)  # no -0
    single[np.isnan(single)] = np.nan
    return f"array of shape {array.shape}, {sha256(single.tobytes()).hexdigest()[:16]}"


def kind_of(value: Any) -> str:
    """Name a class, with the source of those that the package does not ship."""
    kind = type(value)
    own = [c for c in kind.__mro__ if c.__module__.partition(".")[0] not in KNOWN]
    return " ".join([kind.__name__, *filter(None, map(_source, own))])


@cache
def _source(kind: type) -> str:
    try:
        return sha256(inspect.getsource(kind).encode()).hexdigest()[:8]
    except (OSError, TypeError):
        return ""
