"""Mean-field models, one file each, and the space of their parameters."""

from delssome.models.fic import FIC, FixedPoint
from delssome.models.space import ParameterSpace, check_candidates, check_maps

__all__ = ["FIC", "FixedPoint", "ParameterSpace", "check_candidates", "check_maps"]
