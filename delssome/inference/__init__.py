"""Draws from distributions over a model's parameters: a prior, and posteriors."""

from delssome.inference.emulator import Emulator
from delssome.inference.local import LocalEmulator
from delssome.inference.mixed import Marginal, MixedModel
from delssome.inference.prior import draw_feasible, draw_prior
from delssome.inference.tempering import Draws, Tempering
from delssome.inference.walking import Chains, Look, heat, walk

__all__ = [
    "Chains",
    "Draws",
    "Emulator",
    "LocalEmulator",
    "Look",
    "Marginal",
    "MixedModel",
    "Tempering",
    "draw_feasible",
    "draw_prior",
    "heat",
    "walk",
]
