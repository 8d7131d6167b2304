"""Fit biophysical brain models to functional MRI, fast and verified."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import logging
from importlib import import_module
from typing import TYPE_CHECKING

from delssome._version import __version__

if TYPE_CHECKING:
    from delssome.connectome import pack_subjects, unpack_subjects
    from delssome.fitting import (
        MeanFieldFitter,
        MeanFieldPosterior,
        ModelComparison,
        PooledPosterior,
        PopulationFitter,
        Verification,
        compare_models,
    )
    from delssome.models import FIC, MFM, Hopf, Linear, WilsonCowan
    from delssome.search import CMAES
    from delssome.simulation import Acquisition, Simulator

__all__ = [
    "CMAES",
    "FIC",
    "MFM",
    "Acquisition",
    "Hopf",
    "Linear",
    "MeanFieldFitter",
    "MeanFieldPosterior",
    "ModelComparison",
    "PooledPosterior",
    "PopulationFitter",
    "Simulator",
    "Verification",
    "WilsonCowan",
    "__version__",
    "compare_models",
    "pack_subjects",
    "unpack_subjects",
]

# Loaded when they are asked for: torch and Numba take seconds.
_HOMES = {
    "CMAES": "search",
    "FIC": "models",
    "MFM": "models",
    "Acquisition": "simulation",
    "Hopf": "models",
    "Linear": "models",
    "MeanFieldFitter": "fitting",
    "MeanFieldPosterior": "fitting",
    "ModelComparison": "fitting",
    "PooledPosterior": "fitting",
    "PopulationFitter": "fitting",
    "Simulator": "simulation",
    "Verification": "fitting",
    "WilsonCowan": "models",
    "compare_models": "fitting",
    "pack_subjects": "connectome",
    "unpack_subjects": "connectome",
}

logging.getLogger("delssome").addHandler(logging.NullHandler())


def __getattr__(name: str) -> object:
    """Load what is asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
