"""Simulation of circuit models and what a scanner sees of them."""

from delssome.simulation.acquisition import Acquisition
from delssome.simulation.backends import check_backend, load_backend
from delssome.simulation.evaluator import SimulationEvaluator
from delssome.simulation.integrator import Simulation, check_step, simulate
from delssome.simulation.simulator import Simulator

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
