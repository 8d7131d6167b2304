"""What the theory assumes of a model, and which of its forms describes it."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from delssome.models import Candidates, Model, check_model
from delssome.models.steady import jacobian
from delssome.theory.linearisation import Equations

__all__ = [
    "all_over_the_box",
    "check_assumptions",
    "check_reduction",
    "is_reduced",
    "reason_against",
    "reason_against_circuit",
    "reason_against_reduction",
]

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

    Examples
    --------
    >>> from delssome.models import FIC, Hopf
    >>> from delssome.theory import check_assumptions
    >>> check_assumptions(FIC())
    >>> check_assumptions(Hopf())  # silent: theory describes both
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
        Theory describes fluctuations around a state of rest, of any kind: there has to
        be one.
    """
    check_model(model)
    return _look(model)[0]


def check_reduction(model: Model, wanted: str) -> None:
    """Refuse a model that has no symmetric form, for what needs it.

    Parameters
    ----------
    model : Model
    wanted : str
        What needs it, as the message says it.

    Raises
    ------
    ValueError
    """
    reason = reason_against_reduction(model)
    if reason:
        raise ValueError(
            f"{wanted} needs a model whose regions reduce to the one state that "
            f"couples them and is seen through the haemodynamics, as FIC and MFM; the "
            f"{model.name} model does not: {reason}. MeanFieldFitter fits it "
            "(surrogate='linear' or None)."
        )


def reason_against_reduction(model: Model) -> str:
    """Say why the regions of a model do not reduce to the state that couples them.

    Parameters
    ----------
    model : Model

    Returns
    -------
    str
        Empty if they do, so that on a symmetric connectome one symmetric eigenproblem
        describes the network. Otherwise theory takes its general form.

    Examples
    --------
    >>> from delssome.models import FIC, Hopf
    >>> from delssome.theory import reason_against_reduction
    >>> reason_against_reduction(FIC())
    ''
    >>> reason_against_reduction(Hopf())
    '2 states couple regions (x, y)'
    """
    return _by_declaration(model) or _look(model)[1] or _look(model)[2]


def reason_against_circuit(model: Model) -> str:
    """Say why one slow state of each region does not stand for a network at all.

    Parameters
    ----------
    model : Model

    Returns
    -------
    str
        Empty if it does, at the frequencies of BOLD: what the network reads
        (:class:`~delssome.surrogate.CircuitSurrogate`). Other states may swing, if they
        are fast.
    """
    check_model(model)
    return _by_declaration(model) or _look(model)[0] or _look(model)[2]


def is_reduced(candidates: Candidates) -> bool:
    """Tell whether the symmetric form describes candidates."""
    return candidates.symmetric and not reason_against_reduction(candidates.model)


def all_over_the_box(model: Model, sc: NDArray[np.float64]) -> Candidates:
    """Draw candidates, the same in all regions, always the same ones, to look at.

    Parameters
    ----------
    model : Model
    sc : ndarray of shape (n_rois, n_rois)

    Returns
    -------
    Candidates
    """
    rng = np.random.default_rng(0)
    params = {
        name: rng.uniform(low, high, N_LOOKED_AT)
        for name in model.searched
        for low, high in (getattr(model, name),)
    }
    return Candidates(model, params, sc)


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


def _look(model: Model) -> tuple[str, str, str]:
    """Give reasons against theory, and two against reduction, from the box."""
    try:
        return _look_once(model)
    except TypeError:  # ranges that are lists cannot be kept
        return _look_once.__wrapped__(model)


@lru_cache(maxsize=64)
def _look_once(model: Model) -> tuple[str, str, str]:
    """Look at fixed points all over the box for states that are slow, or swing."""
    candidates = all_over_the_box(model, RING)
    equations = Equations(candidates)
    with np.errstate(all="ignore"):  # of candidates that diverge
        slopes = jacobian(equations, equations.fixed_point())
    n = len(model.states)
    local = np.moveaxis(slopes[:n, :n], (0, 1), (-2, -1))[:, 0]
    rests = candidates.rests & np.isfinite(local).all(axis=(1, 2))
    if not rests.any():
        return "none of its candidates comes to rest", "", ""
    if n == 1:
        return "", "", ""
    looked_at, swinging, following = np.count_nonzero(rests), "", ""
    swings = np.count_nonzero(np.linalg.eigvals(local[rests]).imag.any(axis=1))
    if swings:
        swinging = (
            f"its regions swing on their way to rest ({swings} of {looked_at} "
            "candidates)"
        )
    # Alone, with the first state held: how fast do the others follow?
    rates = -np.linalg.eigvals(local[rests][:, 1:, 1:]).real.max(axis=-1)
    slow = np.count_nonzero(rates < FAST)
    if slow:
        following = (
            f"{', '.join(model.states[1:])} should follow {model.states[0]} at "
            f"{FAST:g} per second or faster, but some do so at {rates.min():.3g} "
            f"({slow} of {looked_at} candidates)"
        )
    return "", swinging, following
