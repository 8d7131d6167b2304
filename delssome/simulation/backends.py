"""What integrates, loaded by name when it is needed: torch and Numba take seconds."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from importlib import import_module
from typing import Any

__all__ = ["check_backend", "check_name", "load_backend"]


def load_backend(name: str) -> Any:
    """Load what integrates, by name: torch and Numba take seconds.

    Examples
    --------
    >>> from delssome.simulation import load_backend
    >>> load_backend("fused").__name__
    'delssome.simulation.fused'
    """
    module = {"fused": "fused", "torch": "torch_backend"}[name]
    return import_module(f"delssome.simulation.{module}")


def check_backend(backend: str, device: object, dtype: str) -> str:
    """Give the backend for a device and precision, or say why there is none.

    Examples
    --------
    >>> from delssome.simulation import check_backend
    >>> check_backend("auto", "cpu", "float32"), check_backend("auto", "cpu", "float64")
    ('fused', 'torch')
    """
    check_name(backend)
    on_cpu = str(device) == "cpu"
    if not on_cpu:
        load_backend("torch").check_device(device)
    able = on_cpu and dtype == "float32"
    if backend == "fused" and not able:
        raise ValueError(
            f"backend='fused' computes on the CPU in float32, got device="
            f"{str(device)!r} and dtype={dtype!r}; use backend='torch' for others."
        )
    return ("fused" if able else "torch") if backend == "auto" else backend


def check_name(backend: str) -> None:
    """Refuse a backend that there is not."""
    if backend not in ("auto", "fused", "torch"):
        raise ValueError(
            f"backend must be 'auto', 'fused' or 'torch', got {backend!r}."
        )
