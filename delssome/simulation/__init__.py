"""Simulation of mean-field models and their BOLD signal."""

from delssome.simulation.acquisition import Acquisition
from delssome.simulation.evaluator import SimulationEvaluator, Statistics, compare
from delssome.simulation.integrator import (
    Simulation,
    check_backend,
    check_step,
    simulate,
)

__all__ = [
    "Acquisition",
    "Simulation",
    "SimulationEvaluator",
    "Statistics",
    "check_backend",
    "check_step",
    "compare",
    "simulate",
]
