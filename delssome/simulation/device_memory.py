"""How much is held at once on a device: planned before any work."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys

import torch

__all__ = ["free_bytes", "n_at_once"]

# Share of the free memory that is planned with: allocators round up.
SHARE = 0.8


def free_bytes(device: torch.device) -> int:
    """Give the free memory of a GPU; that of a CPU counts as without end."""
    if device.type != "cuda":
        return sys.maxsize
    torch.cuda.empty_cache()  # what torch keeps for later counts as free
    return int(torch.cuda.mem_get_info(device)[0])


def n_at_once(n: int, each: int, device: torch.device, what: str) -> int:
    """Give how many of a kind to work on together, in parts of about the same size.

    Parameters
    ----------
    n : int
        How many there are.
    each : int
        Bytes that one of them takes.
    device : torch.device
    what : str
        What one of them is.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If not even one fits.
    """
    free = free_bytes(device)
    most = int(SHARE * free) // each
    if most < 1:
        raise ValueError(
            f"device={str(device)!r} has {free / 1e9:.3g} GB of free memory, of which "
            f"{SHARE:.0%} are planned with, and {what} takes {each / 1e9:.3g} GB; free "
            "some, take fewer regions or frames, or use device='cpu'."
        )
    n_parts = -(-n // most)
    return -(-n // n_parts)
