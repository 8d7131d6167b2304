"""The global generator of torch, which layers draw from, lent and put back."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

import torch

__all__ = ["own_generator"]

# All threads share the generator: two that put it back in turn would not restore it.
_LOCK = RLock()


@contextmanager
def own_generator(seed: int | None = None) -> Iterator[None]:
    """Lend torch's generator of the CPU to one thread at a time, and put it back.

    Parameters
    ----------
    seed : int, default=None
        None: what is drawn does not matter.
    """
    with _LOCK, torch.random.fork_rng(devices=[]):
        if seed is not None:
            torch.default_generator.manual_seed(seed)
        yield
