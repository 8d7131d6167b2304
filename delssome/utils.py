"""Settings that scikit-learn can clone, and their checks."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from hashlib import sha256
from numbers import Integral
from threading import Lock
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits

__all__ = [
    "MOST_BINS",
    "Component",
    "check_number",
    "check_running",
    "instance_or_default",
    "make_generator",
    "one_blas_thread",
    "row_digests",
    "row_generators",
]

T = TypeVar("T")

# Bins of the FCD distribution, a hundred times the published number, and workers.
MOST_BINS, MOST_JOBS = 1_000_000, 10_000


class Component(BaseEstimator):  # type: ignore[misc]
    """Settings of a part of an estimator: checked when made, and set by name.

    Subclasses are frozen dataclasses that check themselves in ``__post_init__``. What
    belongs to an estimator can be cloned, printed and searched over as
    ``model__G`` or ``search__popsize``; a value that somebody holds never changes,
    but for :meth:`set_params`, which scikit-learn calls on clones.
    """

    def said(self) -> dict[str, Any]:
        """Give the settings by which results on disk are known."""
        found: dict[str, Any] = self.get_params()
        return found

    def set_params(self, **params: Any) -> Self:
        """Set by name, after a check of all together."""
        known = [field.name for field in fields(self)]  # type: ignore[arg-type]
        for name in params:
            if name not in known:
                raise ValueError(
                    f"{type(self).__name__} has no setting {name!r}; it has "
                    f"{', '.join(known)}."
                )
        checked = replace(self, **params)  # type: ignore[type-var]
        for name in params:
            self._settle(name, getattr(checked, name))
        return self

    def _settle(self, name: str, value: Any) -> None:
        """Set what was checked, while a component is made."""
        object.__setattr__(self, name, value)

    def _check_number(
        self, name: str, kind: type, low: float, high: float | None = None
    ) -> None:
        """Check a setting and keep it as a plain number; None where that is default."""
        value, default = getattr(self, name), getattr(type(self), name, 0)
        if value is not None or default is not None:
            self._settle(name, check_number(name, value, kind, low, high))


def check_number(
    name: str,
    value: object,
    kind: type,
    low: float,
    high: float | None = None,
) -> Any:
    """Check that a setting is a number of a kind within closed limits.

    Parameters
    ----------
    name : str
        Name of the setting, for the error.
    value : object
    kind : {numbers.Integral, numbers.Real}
    low : float
    high : float, default=None
        None: no upper limit.

    Returns
    -------
    int or float
        The same in Python's own types, in which equal settings have equal names.
    """
    word = "an integer" if kind is Integral else "a number"
    limits = f"of at least {low}" if high is None else f"between {low} and {high}"
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{name} must be {word} {limits}, got {value!r}.")
    number: Any = value
    if not (number >= low and (high is None or number <= high)):
        raise ValueError(f"{name} must be {word} {limits}, got {value!r}.")
    if kind is Integral:
        return int(number)
    # 0.2 in single precision is meant as 0.2.
    return float(str(number)) if isinstance(number, np.floating) else float(number)


def check_running(n_jobs: object, verbose: object = 0) -> None:
    """Check the number of workers, and how much is shown.

    Parameters
    ----------
    n_jobs : object
        None, or an integer other than 0, as joblib has it.
    verbose : object, default=0
        An integer, or a bool.
    """
    if n_jobs is not None:
        check_number("n_jobs", n_jobs, Integral, -MOST_JOBS, MOST_JOBS)
        if n_jobs == 0:
            raise ValueError("n_jobs must be None, or an integer other than 0, got 0.")
    if not isinstance(verbose, bool | np.bool_):
        check_number("verbose", verbose, Integral, 0)


def instance_or_default(name: str, value: object, kind: type[T]) -> T:
    """Give a setting that has to be of a kind; None is ``kind()``."""
    if value is None:
        return kind()
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIO" else "a"
        raise TypeError(
            f"{name} must be {article} {kind.__name__} or None, "
            f"got {type(value).__name__}."
        )
    return value


def make_generator(
    random_state: int | np.random.RandomState | None, stream: str = ""
) -> np.random.Generator:
    """Make a NumPy generator from a scikit-learn random state.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        None: fresh entropy, where scikit-learn would move the global state.
    stream : str, default=""
        What it is for. Those for other things share no number, whatever is drawn from
        them or spawned.

    Returns
    -------
    numpy.random.Generator
    """
    if random_state is None:
        return np.random.default_rng()
    seed = check_random_state(random_state).randint(2**31, size=4)
    key = tuple(stream.encode())
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def row_digests(rows: NDArray[Any]) -> list[bytes]:
    """Stand for rows of numbers: equal ones, up to rounding, have the same.

    Parameters
    ----------
    rows : ndarray of shape (n, ...)

    Returns
    -------
    list of bytes
    """
    # Rounding in a step before makes no other row, nor does a negative zero.
    return [sha256((row + 0.0).astype(np.float32).tobytes()).digest() for row in rows]


def row_generators(
    rng: np.random.Generator, rows: NDArray[Any]
) -> list[np.random.Generator]:
    """Give every row a generator that depends on its numbers, not on place or company.

    Parameters
    ----------
    rng : numpy.random.Generator
    rows : ndarray of shape (n, ...)

    Returns
    -------
    list of numpy.random.Generator
    """
    shared = rng.integers(2**63, size=2).tolist()
    return [
        np.random.default_rng([*shared, int.from_bytes(own)])
        for own in row_digests(rows)
    ]


@dataclass
class _Blas:
    """Limits of BLAS, which all threads share: the last that needs them lifts them."""

    lock: Lock = field(default_factory=Lock)
    n_users: int = 0
    limits: Any = None


_BLAS = _Blas()


@contextmanager
def one_blas_thread(shared: bool) -> Iterator[None]:
    """Keep BLAS to one thread where several threads of ours share the work.

    To look for its libraries takes 10 ms, which is not spent for nothing.
    """
    if not shared:
        yield
        return
    with _BLAS.lock:
        if _BLAS.n_users == 0:
            _BLAS.limits = threadpool_limits(1, user_api="blas")
        _BLAS.n_users += 1
    try:
        yield
    finally:
        with _BLAS.lock:
            _BLAS.n_users -= 1
            if _BLAS.n_users == 0:
                _BLAS.limits.restore_original_limits()
