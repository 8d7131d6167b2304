"""What the class of a model must say, and its equations do, for the rest to work."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from inspect import ismethod, signature
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from delssome.models.base import Model

__all__ = ["check_declaration", "check_equations"]

# Names that files and columns of results have already.
TAKEN = (
    "coefficients",
    "cost",
    "history",
    "model",
    "noise",
    "parameters",
    "report",
    "summary",
    "truth",
    "verification",
    "warnings",
)
LISTS = ("states", "inputs", "outputs", "searched", "regional")
# Candidates and regions of the arrays that equations are tried with.
SHAPE = (2, 3)


def check_declaration(model: "type[Model]") -> None:
    """Refuse a class that lacks something, or whose parts do not fit together.

    Parameters
    ----------
    model : type of Model

    Raises
    ------
    TypeError
    """
    name = model.__name__
    needed = ("states", "inputs", "searched", "regional", "derivatives")
    for attribute in (*needed, "initial_state", "largest_step"):
        if not hasattr(model, attribute):
            raise TypeError(
                f"The model {name} must have {attribute}; see delssome.models.Model "
                "for what every model has."
            )
    for attribute in (*LISTS, "couples"):
        given = getattr(model, attribute)
        if isinstance(given, str):
            raise TypeError(
                f"{name}.{attribute} must be a tuple of names, got {given!r}; write "
                f'("{given}",).'
            )
    for attribute, known in (("couples", model.states), ("regional", model.searched)):
        unknown = set(getattr(model, attribute)) - set(known)
        if unknown:
            raise TypeError(
                f"{name}.{attribute} names {', '.join(sorted(unknown))}, "
                f"which is none of {', '.join(known)}."
            )
    if not model.couples:
        raise TypeError(f"{name}.couples must name a state, got none.")
    if model.observed not in model.states:
        raise TypeError(
            f"{name}.observed must be one of {model.states}, got {model.observed!r}."
        )
    if model.rate is not None and model.rate not in model.outputs:
        raise TypeError(
            f"{name}.rate must be None or one of {model.outputs}, got {model.rate!r}."
        )
    searched = model.searched
    if "G" not in searched or "G" in model.regional or "sigma" not in searched:
        raise TypeError(
            f"{name}.searched must hold G, the global coupling, not regional, and "
            f"sigma, the noise amplitude, got {searched}."
        )
    if not model.readout_key.isidentifier() or model.readout_key in TAKEN:
        raise TypeError(
            f"{name}.readout_key must be a word that can name a file and a column, and "
            f"none of {', '.join(TAKEN)}, got {model.readout_key!r}."
        )


def check_equations(model: "Model") -> None:
    """Run the equations and the readout once, on arrays as all that use them do.

    Parameters
    ----------
    model : Model

    Raises
    ------
    TypeError
        If they do not take or give what is declared, or fail on arrays.
    """
    name, states, outputs = type(model).__name__, model.states, model.outputs
    start = [float(value) for value in model.initial_state]
    if len(start) != len(states):
        raise TypeError(
            f"{name} has {len(states)} states ({', '.join(states)}): initial_state "
            f"must hold as many numbers, got {len(start)}."
        )
    n_more = len(model.couples) + len(model.inputs)
    given = [np.full(SHAPE, value) for value in [*start, *[1.0] * n_more]]
    try:
        signature(model.derivatives).bind(*given, np.expm1)
    except TypeError as error:
        more = ""
        if ismethod(model.derivatives):
            more = "; write derivatives = staticmethod(...), or it is given self first"
        raise TypeError(
            f"{name}.derivatives must take {', '.join(states)}, the coupling by "
            f"{', '.join(model.couples)}, {', '.join(model.inputs)} and expm1 "
            f"({error}){more}."
        ) from error
    with np.errstate(all="ignore"):
        try:
            found: Any = model.derivatives(*given, np.expm1)
        except Exception as error:
            raise TypeError(
                f"{name}.derivatives must run on arrays, and fail "
                f"({type(error).__name__}: {error}): write arithmetic and expm1 alone, "
                "without branches (if, min, max), and no functions of math."
            ) from error
        if not isinstance(found, tuple):
            raise TypeError(
                f"{name}.derivatives must give a tuple, got {type(found).__name__}; "
                "of one state it is (dx,)."
            )
        if len(found) != len(states) + len(outputs):
            raise TypeError(
                f"{name}.derivatives must give {len(states) + len(outputs)} values, "
                f"the derivatives of {', '.join(states)}"
                f"{', then ' * bool(outputs)}{', '.join(outputs)}, got {len(found)}."
            )
        averages = dict.fromkeys((*states, *outputs), np.full(SHAPE, 0.5))
        try:
            shape = np.shape(model.readout(averages))
        except Exception as error:
            raise TypeError(
                f"{name}.readout must give a number for every region from averages of "
                f"{', '.join(averages)}, and fails ({type(error).__name__}: {error})."
            ) from error
    if shape != SHAPE:
        raise TypeError(
            f"{name}.readout must give a number for every region, an array of the "
            f"shape of the averages, {SHAPE}, got {shape}."
        )
