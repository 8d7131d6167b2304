"""Circuit models, one file each, the space of their parameters, and candidates."""

from delssome.models.base import Model, Solution, check_model, transfer
from delssome.models.candidates import Candidates, check_candidates
from delssome.models.fic import FIC, FixedPoint
from delssome.models.hopf import Hopf
from delssome.models.linear import Linear
from delssome.models.mfm import MFM
from delssome.models.space import ParameterSpace, check_maps
from delssome.models.wilson_cowan import WilsonCowan

__all__ = [
    "FIC",
    "MFM",
    "Candidates",
    "FixedPoint",
    "Hopf",
    "Linear",
    "Model",
    "ParameterSpace",
    "Solution",
    "WilsonCowan",
    "check_candidates",
    "check_maps",
    "check_model",
    "transfer",
]
