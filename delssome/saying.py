"""What is said while work goes on: bars, lines and warnings, to who can hear them."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any, NamedTuple

import tqdm.std

from delssome.streams import Lenient, is_open

with warnings.catch_warnings():  # notebooks without ipywidgets have bars of text
    warnings.simplefilter("ignore")
    from tqdm.auto import tqdm as auto

__all__ = ["Heard", "listening", "progress_bar", "say", "warn"]


class Heard(NamedTuple):
    """A warning, and of which kind."""

    category: type[Warning]
    message: str


# Whose lines are not where a user's mistake is: this package, and what calls it back.
INSIDE = {"delssome", "sklearn", "joblib", "contextlib"}

_HEARD: ContextVar[list[Heard] | None] = ContextVar("heard", default=None)


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line that called the package, or tell who listens in this thread.

    Parameters
    ----------
    message : str
    category : type[Warning], default=UserWarning
    """
    heard = _HEARD.get()
    if heard is None:
        warnings.warn(message, category, stacklevel=_levels_inside() + 1)
    else:
        heard.append(Heard(category, message))


def _levels_inside() -> int:
    """Count the callers of `warn`, and itself, that are this package or run it."""
    frame: FrameType | None = sys._getframe(1)
    level = 0
    while frame is not None and _package(frame) in INSIDE:
        frame, level = frame.f_back, level + 1
    return level if frame is not None else 1


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


@contextmanager
def listening() -> Iterator[list[Heard]]:
    """Collect what the package warns of in this thread, and in no other.

    ``warnings.catch_warnings`` changes what all threads share, so that warnings end up
    with one another's, and filters stay changed.
    """
    heard: list[Heard] = []
    token = _HEARD.set(heard)
    try:
        yield heard
    finally:
        _HEARD.reset(token)


class _Truthful(tqdm.std.tqdm):
    """A bar whose time left is not that of the first items, which compile.

    Parameters
    ----------
    lanes : int, default=1
        Items at work at a time: the first of each are not counted. Several end
        together, so that their mean speed counts, not that of the last ones.
    """

    n: float
    disable: bool

    def __init__(self, *args: Any, lanes: int = 1, **kwargs: Any) -> None:
        self._cold = lanes
        self._warm_since: float | None = None
        super().__init__(*args, smoothing=0.3 if lanes == 1 else 0, **kwargs)

    def update(self, n: float | None = 1) -> bool | None:
        if self.disable or self._cold <= 0:
            return super().update(n)
        self._cold -= 1
        self.n = self.initial = self.last_print_n = self.n + (n or 0)
        self._warm_since = self.last_print_t = self._time()
        return self.refresh()

    @property
    def format_dict(self) -> dict[str, Any]:
        """Values for the bar; with a rate of 0 the time left is not known."""
        given = super().format_dict
        if not given["rate"] and not self.disable:
            since, first = self._warm_since, self.initial
            if self.n >= (self.total or 0) > 0:
                since, first = getattr(self, "start_t", None), 0  # None: all was done
            seconds = 0.0 if since is None else self._time() - since
            given["rate"] = (self.n - first) / seconds if seconds else 0.0
        return given


class _Bar(_Truthful, auto):
    """Drawn again and again: a widget of a notebook, or a line of a terminal."""


class _Log(_Truthful):
    """Lines with the time of day, for what nobody looks at while it is written."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._instances.discard(self)  # what is said meanwhile is no reason for a line

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        self.fp.write(f"{time.strftime('%H:%M:%S')} {msg or self}\n")

    def clear(self, nolock: bool = False) -> None:
        """Leave what is written."""

    def close(self) -> None:
        if not self.disable and self.n > self.last_print_n:
            self.display()
        self.disable = True


LINE = "{desc}: {n_fmt}/{total_fmt} {unit}, {elapsed} gone, {remaining} left{postfix}"


def progress_bar(
    iterable: Iterable[Any] | None = None,
    *,
    total: int,
    desc: str,
    unit: str = "it",
    initial: int = 0,
    lanes: int = 1,
    verbose: int = 0,
) -> tqdm.std.tqdm:
    """Show progress with the time left: to who looks on, or as lines of a log.

    Parameters
    ----------
    iterable : iterable, default=None
        None: the caller updates the bar.
    total : int
    desc, unit : str
    initial : int, default=0
        How many were done before.
    lanes : int, default=1
        How many are at work at a time.
    verbose : int, default=0
        Nothing is shown below 1, nor where there is no stream for it.

    Returns
    -------
    tqdm
    """
    stream = Lenient(sys.stderr)
    watched = stream.isatty() or "ipykernel" in sys.modules
    how: dict[str, Any] = {} if watched else {"bar_format": LINE}
    return (_Bar if watched else _Log)(
        iterable,
        total=total,
        desc=desc,
        unit=unit,
        initial=initial,
        lanes=lanes,
        disable=verbose < 1 or not is_open(sys.stderr),
        mininterval=0.1 if watched else 10.0,
        file=stream,
        **how,
    )


def say(text: str) -> None:
    """Print a line that does not break a progress bar, where it can be shown."""
    auto.write(text, file=Lenient(sys.stdout))
