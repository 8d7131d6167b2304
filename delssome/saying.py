"""What is said while work goes on: bars, lines and warnings, to who can hear them."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from tqdm import tqdm

from delssome.streams import Lenient, is_open

__all__ = ["Heard", "listening", "progress_bar", "say", "warn"]


class Heard(NamedTuple):
    """A warning, and of which kind."""

    category: type[Warning]
    message: str


_HEARD: ContextVar[list[Heard] | None] = ContextVar("heard", default=None)


def warn(
    message: str, category: type[Warning] = UserWarning, stacklevel: int = 1
) -> None:
    """Warn, or tell who listens in this thread.

    Parameters
    ----------
    message : str
    category : type[Warning], default=UserWarning
    stacklevel : int, default=1
        1 is who calls this.
    """
    heard = _HEARD.get()
    if heard is None:
        warnings.warn(message, category, stacklevel=stacklevel + 1)
    else:
        heard.append(Heard(category, message))


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


def progress_bar(
    iterable: Iterable[Any] | None = None,
    *,
    total: int,
    desc: str,
    unit: str = "it",
    verbose: int = 0,
) -> tqdm:
    """Show progress with the time left: often to who looks on, rarely into a log.

    Parameters
    ----------
    iterable : iterable, default=None
        None: the caller updates the bar.
    total : int
    desc, unit : str
    verbose : int, default=0
        Nothing is shown below 1, nor where there is no stream for it.

    Returns
    -------
    tqdm
    """
    stream = Lenient(sys.stderr)
    watched = stream.isatty() or "ipykernel" in sys.modules
    return tqdm(
        iterable,
        total=total,
        desc=desc,
        unit=unit,
        disable=verbose < 1 or not is_open(sys.stderr),
        mininterval=0.1 if watched else 10.0,
        file=stream,
    )


def say(text: str) -> None:
    """Print a line that does not break a progress bar, where it can be shown."""
    tqdm.write(text, file=Lenient(sys.stdout))
