"""Which form of theory describes candidates, and what is seen of them."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from delssome.models import Candidates, Model
from delssome.simulation import Acquisition
from delssome.theory.assumptions import is_reduced
from delssome.theory.bold import BoldTheory
from delssome.theory.general import GeneralNetwork
from delssome.theory.linearisation import Equations
from delssome.theory.network import LinearNetwork
from delssome.theory.scans import ScanTheory
from delssome.theory.state import StateTheory

__all__ = ["form_of", "scan_theory"]


def form_of(candidates: Candidates) -> Callable[[Equations, NDArray[Any]], Any]:
    """Give what makes a network of candidates from slopes of their equations.

    The symmetric form where it describes them, otherwise the general one.
    """
    if is_reduced(candidates):
        return lambda equations, slopes: LinearNetwork.from_slopes(
            slopes, equations.network, equations.sigma
        )
    return GeneralNetwork.from_slopes


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
