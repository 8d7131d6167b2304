"""Simulation of circuit models and what a scanner sees of them."""

from delssome.simulation.acquisition import Acquisition
from delssome.simulation.evaluator import SimulationEvaluator
from delssome.simulation.integrator import (
    Simulation,
    check_step,
    load_backend,
    simulate,
)
from delssome.simulation.simulator import Simulator, check_backend

__all__ = [
    "Acquisition",
    "Simulation",
    "SimulationEvaluator",
    "Simulator",
    "check_backend",
    "check_step",
    "load_backend",
    "simulate",
]
