"""Contexts that a corpus covers, and what of a new one lies outside."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delssome import models
from delssome.connectome import matrix_to_edges
from delssome.evaluation import Target
from delssome.models import Model
from delssome.simulation import Acquisition
from delssome.surrogate.circuit.regions import describe_alone
from delssome.theory import reason_against_circuit
from delssome.theory.assumptions import all_over_the_box

__all__ = [
    "covered",
    "describe_context",
    "is_among",
    "outside",
    "refuse_form",
    "say_strange",
]

Array = NDArray[Any]

# A context may lie beyond those of the corpus by this share of their spread.
MARGIN = 0.05
# What makes a subclass of a model another circuit.
EQUATIONS = (
    "derivatives",
    "solve",
    "steady_state",
    "searched",
    "couples",
    "observed",
    "haemodynamics",
)


def refuse_form(model: Model) -> None:
    """Refuse a model whose networks no circuit of one state a region stands for."""
    reason = reason_against_circuit(model)
    if reason:
        raise ValueError(
            f"The network cannot serve the {model.name} model: {reason}. Evaluate by "
            "theory (surrogate='linear') or simulate the candidates (surrogate=None)."
        )


def say_strange(model: Model, names: Sequence[str]) -> str:
    """Say that a model is none of those of a corpus; empty if it is."""
    if is_among(model, names):
        return ""
    return (
        f"The network was trained for {', '.join(names)}, not for the equations of the "
        f"{model.name} model."
    )


def is_among(model: Model, names: Sequence[str]) -> bool:
    """Tell whether a model has the equations of one of some classes of models."""
    kind = type(model)
    for name in names:
        shipped = getattr(models, name, None)
        if shipped is None and kind.__name__ == name:
            return True
        if shipped is not None and isinstance(model, shipped):
            return all(getattr(kind, x) == getattr(shipped, x) for x in EQUATIONS)
    return False


def describe_context(
    target: Target, acquisition: Acquisition, model: Model
) -> dict[str, float]:
    """Describe connectome, scan, goal and model by numbers that a reader understands.

    Parameters
    ----------
    target : Target
    acquisition : Acquisition
    model : Model

    Returns
    -------
    dict of str to float
    """
    sc, fc = np.asarray(target.sc), np.asarray(target.fc, dtype=float)
    strength = sc.sum(axis=1)
    second, first = np.linalg.eigvalsh(sc)[-2:]
    edges = matrix_to_edges(sc)
    tr = acquisition.tr
    cdf = np.asarray(target.fcd_cdf)
    low, high = acquisition.band or (None, None)
    return {
        "regions": len(sc),
        "TR (s)": tr,
        "scan (s)": acquisition.n_frames * tr,
        "FCD window (s)": acquisition.fcd_window * tr,
        "filtered (1: yes)": float(acquisition.band is not None),
        "lowest frequency (Hz)": low or 0.0,
        "highest frequency (Hz)": high or 0.5 / tr,
        "global signal regressed out (1: yes)": float(acquisition.global_signal),
        "SC density": np.count_nonzero(edges) / len(edges),
        "SC strength": strength.mean(),
        "SC strength, variation over regions": strength.std() / strength.mean(),
        "SC, second eigenvalue over first": second / first,
        "FC mean": fc.mean(),
        "correlation of FC with paths in SC": np.corrcoef(fc, _paths(sc))[0, 1],
        "FCD mean": 1.0 - 2.0 * cdf.mean(),
        **_describe_model(model, sc),
    }


def _describe_model(model: Model, sc: Array) -> dict[str, float]:
    """Describe what regions of a model are like all over its box, by medians."""
    candidates = all_over_the_box(model, sc)
    regions = describe_alone(candidates)
    rests = candidates.rests & np.isfinite(regions.bends).all(axis=(1, 2))
    if not rests.any():
        return {}
    swing = np.log10(regions.power[rests] / regions.decay[rests].clip(min=1.0))
    bends = regions.bends[rests]
    return {
        "model: decay of regions (1/s)": float(np.median(regions.decay[rests])),
        "model: log10 of noise over decay": float(np.median(swing)),
        "model: bend of the equations": float(np.median(np.abs(bends[..., :6]))),
        "model: shift of its rate": float(np.median(bends[..., 7:10])),
    }


def _paths(sc: Array) -> Array:
    """Correlation between regions in a network that noise drives, upper triangle.

    The weights of a region are scaled to its strength, and half of what it receives it
    passes on: indirect paths make FC as well, in any network.
    """
    strength = np.maximum(sc.sum(axis=1), 1e-12 * sc.max())
    scaled = sc / np.sqrt(strength[:, None] * strength)
    response = np.linalg.inv(np.eye(len(sc)) - 0.5 * scaled)
    covariance = response @ response
    sd = np.sqrt(np.diag(covariance))
    return matrix_to_edges(covariance / (sd[:, None] * sd))


def covered(contexts: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """Give the range of every number over the contexts of a corpus, but for 1 %.

    Parameters
    ----------
    contexts : sequence of dict
        As `describe_context` gives them.

    Returns
    -------
    dict of str to list of two floats
    """
    return {
        name: np.quantile(
            [c[name] for c in contexts if name in c], (0.005, 0.995)
        ).tolist()
        for name in contexts[0]
    }


def outside(
    context: Mapping[str, float], domain: Mapping[str, Sequence[float]]
) -> list[str]:
    """Say what of a context lies outside a corpus.

    Parameters
    ----------
    context : dict
        As `describe_context` gives it.
    domain : dict
        As `covered` gives it.

    Returns
    -------
    list of str
        Empty if nothing does.
    """
    found = []
    for name, (low, high) in domain.items():
        room = MARGIN * (high - low)
        if name in context and not low - room <= context[name] <= high + room:
            found.append(f"{name} {context[name]:.3g} (corpus {low:.3g} to {high:.3g})")
    return found
