"""What the theory assumes of a model, and whether that holds."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from delssome.models import Candidates, Model, check_model
from delssome.models.steady import jacobian
from delssome.theory.linearisation import Equations

__all__ = ["check_assumptions", "reason_against"]

# States that do not couple have to relax faster (1/s): a tenth of the time that
# BOLD resolves (0.3 Hz).
FAST = 20.0
# Candidates, the same in all regions, on a ring of regions with the strongest
# connection that is used: drawn from the box to look at.
N_LOOKED_AT, RING = 64, 0.02 * (1.0 - np.eye(3))


def check_assumptions(model: Model) -> None:
    """Refuse a model that the theory cannot describe.

    Parameters
    ----------
    model : Model

    Raises
    ------
    ValueError
        With the reason and what to do instead.
    """
    reason = reason_against(model)
    if reason:
        raise ValueError(
            f"The theory cannot describe the {model.name} model: {reason}. Simulate "
            "the candidates instead (surrogate=None)."
        )


def reason_against(model: Model) -> str:
    """Say why the theory cannot describe a model; empty if it can.

    Parameters
    ----------
    model : Model

    Returns
    -------
    str
    """
    check_model(model)
    return _by_declaration(model) or _by_looking(model)


def _by_declaration(model: Model) -> str:
    if len(model.couples) != 1:
        return (
            f"{len(model.couples)} states couple regions ({', '.join(model.couples)})"
        )
    if model.couples[0] != model.states[0]:
        return f"the state that couples regions, {model.couples[0]}, is not its first"
    if model.observed != model.couples[0]:
        return (
            f"{model.observed} is seen, but {model.couples[0]} is what couples regions"
        )
    if not model.haemodynamics:
        return f"{model.observed} is seen itself, not through the haemodynamics"
    return ""


def _by_looking(model: Model) -> str:
    """Look at fixed points all over the box for other states that are slow."""
    if len(model.states) == 1:
        return ""
    rng = np.random.default_rng(0)
    params = {
        name: rng.uniform(low, high, N_LOOKED_AT)
        for name in model.searched
        for low, high in (getattr(model, name),)
    }
    candidates = Candidates(model, params, RING)
    equations = Equations(candidates)
    slopes = jacobian(equations, equations.fixed_point())
    n = len(model.states)
    local = np.moveaxis(slopes[:n, :n], (0, 1), (-2, -1))[:, 0]
    rests = candidates.rests & np.isfinite(local).all(axis=(1, 2))
    if not rests.any():
        return "none of its candidates comes to rest"
    # Alone, with the coupled state held: how fast do the others follow?
    rates = -np.linalg.eigvals(local[rests][:, 1:, 1:]).real.max(axis=-1)
    slow = np.count_nonzero(rates < FAST)
    if slow:
        return (
            f"{', '.join(model.states[1:])} should follow {model.states[0]} at "
            f"{FAST:g} per second or faster, but some do so at {rates.min():.3g} "
            f"({slow} of {np.count_nonzero(rests)} candidates)"
        )
    return ""
