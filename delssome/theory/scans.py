"""What is seen of a model in a scan."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from delssome.models import Model
from delssome.simulation import Acquisition
from delssome.theory.bold import BoldTheory, ScanTheory
from delssome.theory.state import StateTheory

__all__ = ["scan_theory"]


def scan_theory(model: Model, acquisition: Acquisition) -> ScanTheory:
    """Give the theory of scans of a model: of BOLD, or of a state itself.

    Parameters
    ----------
    model : Model
    acquisition : Acquisition

    Returns
    -------
    ScanTheory
        Around the initial state.
    """
    if not model.haemodynamics:
        return StateTheory(acquisition)
    seen = model.states.index(model.observed)
    return BoldTheory(acquisition, float(model.initial_state[seen]))
