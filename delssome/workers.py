"""Work shared among threads and processes (joblib), which end with who started them."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from typing import Any

import joblib

from delssome.streams import standing_in

__all__ = ["Parallel"]

# How often a worker looks for its parent, in seconds.
PERIOD = 1.0


class Parallel(joblib.Parallel):  # type: ignore[misc]
    """As of joblib, but that its processes do not outlive who started them.

    One that is killed cannot tell its workers, which would go on for minutes.
    """

    def __call__(self, iterable: Iterable[Any]) -> Any:
        """Run tasks made by :func:`joblib.delayed`."""
        here = os.getpid()
        tasks = (
            (partial(_run, here, function), args, kwargs)
            for function, args, kwargs in iterable
        )
        with standing_in():  # processes start by flushing streams
            found = super().__call__(tasks)
        return found if isinstance(found, list) else _all_of(found)


def _all_of(found: Iterable[Any]) -> Iterator[Any]:
    with standing_in():
        yield from found


def _run(parent: int, function: Callable, *args: Any, **kwargs: Any) -> Any:
    # Neither threads nor what others have started, such as a cluster's workers.
    starter = multiprocessing.parent_process()
    if starter is not None and starter.pid == parent:
        _end_with(parent)
    return function(*args, **kwargs)


@cache
def _end_with(parent: int) -> None:
    # Linux could send a signal, but as soon as the parent's *thread* ends.
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PERIOD)
    os._exit(1)
