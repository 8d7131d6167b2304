"""Fit biophysical brain models to functional MRI, fast and verified."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import logging
from typing import TYPE_CHECKING

from delssome._lazy import attach
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

# Loaded when they are asked for: scikit-learn and Numba take seconds.
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

__getattr__, __dir__ = attach(__name__, _HOMES)
