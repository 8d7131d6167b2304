"""Draws from distributions over a model's parameters: a prior, and posteriors."""

from delssome.inference.emulator import Emulator
from delssome.inference.mixed import Evidence, Hyper, MixedModel
from delssome.inference.prior import draw_feasible, draw_prior
from delssome.inference.tempering import Draws, Tempering

__all__ = [
    "Draws",
    "Emulator",
    "Evidence",
    "Hyper",
    "MixedModel",
    "Tempering",
    "draw_feasible",
    "draw_prior",
]
