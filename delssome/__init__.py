"""Fit biophysical brain models to functional MRI, fast and verified."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import logging

from delssome._version import __version__
from delssome.connectome import pack_subjects, unpack_subjects
from delssome.fitting import MeanFieldFitter, PopulationFitter
from delssome.models import FIC
from delssome.simulation import Acquisition

__all__ = [
    "FIC",
    "Acquisition",
    "MeanFieldFitter",
    "PopulationFitter",
    "__version__",
    "pack_subjects",
    "unpack_subjects",
]

logging.getLogger("delssome").addHandler(logging.NullHandler())
