"""What a fit found: everything that is known of the winner, and never changed."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from delssome.connectome import edges_to_matrix
from delssome.costs import COST_NAMES
from delssome.fitting.protocol import Task
from delssome.fitting.verification import choose, confirm, find_alike, with_a_cost
from delssome.models import Candidates, Model, ParameterSpace
from delssome.theory import effective_parameters, reason_against_reduction

__all__ = ["Outcome", "conclude", "implausible"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Outcome:
    """What a fit found; arrays cannot be written.

    Attributes
    ----------
    params, param_names, departure, departures, regional_params, readout, readouts
    rates, in_range
    cost, cost_sd, costs, validation_cost, fc_simulated, fcd_cdf_simulated
    verification, history, relaxation_over_coupling, relative_noise, spectral_radius
    sc, fc, fcd_cdf
        As of :class:`~delssome.MeanFieldFitter`, without the underscore. `rates` is
        None of a model that bounds no rate.

    Examples
    --------
    >>> from delssome import CMAES, Acquisition, MeanFieldFitter
    >>> from delssome.datasets import make_cohort
    >>> scan = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)
    >>> cohort = make_cohort(n_subjects=1, n_rois=8, acquisition=scan, random_state=0)
    >>> fitter = MeanFieldFitter(
    ...     surrogate=None, acquisition=scan, search=CMAES(popsize=8, max_iter=2),
    ...     random_state=0,
    ... ).fit(cohort.X)
    >>> outcome = fitter.outcome_
    >>> outcome.param_names, outcome.readout.shape
    (['w_EE_0', 'w_EI_0', 'G', 'sigma_0'], (8,))
    """

    params: Array
    param_names: list[str]
    departure: float
    departures: dict[str, Array]
    regional_params: dict[str, Any]
    readout: Array
    readouts: Array
    rates: Array | None
    in_range: bool
    cost: float
    cost_sd: float
    costs: dict[str, float]
    validation_cost: float
    fc_simulated: Array
    fcd_cdf_simulated: Array
    verification: Bunch
    history: Bunch
    relaxation_over_coupling: Array
    relative_noise: Array
    spectral_radius: float
    sc: Array
    fc: Array
    fcd_cdf: Array

    def __post_init__(self) -> None:
        """Protect all arrays."""
        for value in vars(self).values():
            for array in value.values() if isinstance(value, dict) else (value,):
                if isinstance(array, np.ndarray):
                    array.setflags(write=False)


def conclude(task: Task, table: Bunch, history: Bunch) -> Outcome:
    """Choose the winner among the finalists and simulate it afresh.

    Parameters
    ----------
    task : Task
    table, history : Bunch of ndarrays
        As :func:`~delssome.fitting.protocol.search_and_verify` gives them.

    Returns
    -------
    Outcome
    """
    space, simulator, rng = task.space, task.simulator, task.rng
    target, model = task.target, task.space.model
    best = choose(space, simulator, task.validation, table, rng)
    winner = confirm(space, simulator, target, table, best, rng)
    final = with_a_cost(winner.statistics, target)
    evaluation = final.compare(target)
    table.selected[:] = False
    table.selected[winner.row] = True
    alike = find_alike(table, winner.row)
    assert final.readout is not None
    readouts = np.vstack([final.readout.mean(axis=0), table.readout[alike]])
    cost = float(evaluation.total.mean())
    # An average over evaluations would be smoother than what was compared.
    typical = np.argmin(np.abs(evaluation.total - cost))
    one = winner.candidates.select(slice(0, 1))
    ratio, noise, radius = _effective(one)
    return Outcome(
        params=table.theta[winner.row].copy(),
        param_names=list(space.names),
        departure=float(table.departure[winner.row]),
        departures=_departures(space, table.theta[winner.row]),
        regional_params={
            name: values[0].copy() if values.ndim == 2 else float(values[0])
            for name, values in one.solved.items()
        },
        readout=readouts.mean(axis=0) if model.averages_alike else readouts[0].copy(),
        readouts=readouts,
        rates=None if model.rate is None else final.averages[model.rate].mean(axis=0),
        in_range=bool(winner.evaluation.in_range.all()),
        cost=cost,
        cost_sd=float(evaluation.total.std(ddof=1)),
        costs=dict(
            zip(COST_NAMES, evaluation.costs.mean(axis=0).tolist(), strict=True)
        ),
        validation_cost=float(final.compare(task.validation).total.mean()),
        fc_simulated=edges_to_matrix(final.fc[typical], diagonal=1.0),
        fcd_cdf_simulated=final.fcd_cdf[typical].copy(),
        verification=table,
        history=history,
        relaxation_over_coupling=ratio,
        relative_noise=noise,
        spectral_radius=radius,
        sc=target.sc.copy(),
        fc=edges_to_matrix(target.fc, diagonal=1.0),
        fcd_cdf=target.fcd_cdf.copy(),
    )


def _departures(space: ParameterSpace, theta: Array) -> dict[str, Array]:
    """Give departures from the maps, in shares of the ranges."""
    if not space.departs:
        return {}
    n_own, model = space.n_rois, space.model
    return {
        name: theta[part][-n_own:] / np.ptp(getattr(model, name))
        for name, part in space.slices.items()
        if name in model.regional
    }


def _effective(candidate: Candidates) -> tuple[Array, Array, float]:
    """Give what data tell best, NaN where regions do not reduce to it."""
    if reason_against_reduction(candidate.model):
        missing = np.full(candidate.n_rois, np.nan)
        return missing, missing.copy(), float("nan")
    effective = effective_parameters(candidate)
    ratio = effective.relaxation[0] / effective.coupling[0]
    return ratio, effective.noise[0], float(effective.spectral_radius[0])


def implausible(model: Model, outcome: Outcome) -> str:
    """Say that, and how far, the winner leaves the plausible range."""
    if outcome.rates is None:
        return (
            "A simulation of the best parameters found diverged. Search longer "
            "(CMAES(max_iter=..., n_restarts=...)), or shorten the step of the "
            "acquisition (dt)."
        )
    low, high = model.rate_range
    return (
        f"The best parameters found leave the plausible range of firing rates: "
        f"{outcome.rates.min():.2f} to {outcome.rates.max():.2f} Hz over regions "
        f"(mean of repeats), plausible are {low:.2f} to {high:.2f} Hz in every "
        "repeat. Search longer (CMAES(max_iter=..., n_restarts=...)), or widen the "
        "range of the model."
    )
