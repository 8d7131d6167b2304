"""Settings and data of a posterior, checked before anything long starts."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, NamedTuple

from numpy.typing import NDArray

from delssome.connectome import n_rois_from_width
from delssome.evaluation import Evaluator
from delssome.fitting.evaluators import choose_evaluators
from delssome.fitting.inferring import Inference
from delssome.fitting.posing import make_target
from delssome.fitting.usable import check_data
from delssome.fitting.verification import report_unlike_contexts
from delssome.inference import Tempering
from delssome.models import FIC, Model, ParameterSpace, check_maps
from delssome.simulation import (
    Acquisition,
    SimulationEvaluator,
    Simulator,
    check_step,
)
from delssome.theory import TheoryEvaluator, reason_against
from delssome.utils import (
    MOST_BINS,
    check_number,
    check_running,
    instance_or_default,
    make_generator,
)

if TYPE_CHECKING:
    from delssome.fitting.posterior import MeanFieldPosterior

__all__ = ["inference_components", "pose_inference"]

Array = NDArray[Any]


class InferenceComponents(NamedTuple):
    """The components of a posterior, with defaults filled in."""

    model: Model
    acquisition: Acquisition
    sampler: Tempering
    simulator: Simulator


def inference_components(estimator: MeanFieldPosterior) -> InferenceComponents:
    """Give the components of a posterior, with defaults filled in.

    Raises
    ------
    TypeError, ValueError
        For components of another kind, or that do not go together.
    """
    model = FIC() if estimator.model is None else estimator.model
    given = InferenceComponents(
        instance_or_default("model", model, Model),
        instance_or_default("acquisition", estimator.acquisition, Acquisition),
        instance_or_default("sampler", estimator.sampler, Tempering),
        instance_or_default("simulator", estimator.simulator, Simulator),
    )
    given.simulator.uses  # noqa: B018, or says why nothing can
    given = given._replace(acquisition=check_step(given.model, given.acquisition))
    return given


def pose_inference(
    estimator: MeanFieldPosterior, X: Array
) -> tuple[Inference, SimulationEvaluator]:
    """Check settings and data of a posterior before anything long starts.

    Parameters
    ----------
    estimator : MeanFieldPosterior
    X : ndarray of shape (n_subjects, n_features)

    Returns
    -------
    inference : Inference
    simulation : SimulationEvaluator
        Of the same model and scan.
    """
    n_bins = estimator.n_fcd_bins
    check_number("n_fcd_bins", n_bins, Integral, 2, MOST_BINS)
    check_running(estimator.n_jobs, estimator.verbose)
    check_number("interval", estimator.interval, Real, 0.01, 0.999)
    if estimator.n_scans is not None:
        check_number("n_scans", estimator.n_scans, Real, 1e-3)
    model, scan, sampler, simulator = inference_components(estimator)
    n_rois = n_rois_from_width(X.shape[1], n_bins)
    departure = estimator.departure
    check_number("departure", departure, Real, 0.0)
    maps = check_maps(estimator.maps, n_rois)
    space = ParameterSpace(model, maps, departs=departure > 0)
    check_data(X, n_bins)
    reason = reason_against(model)
    if reason:
        raise ValueError(
            f"A posterior needs the noise of FC, which theory gives, and the theory "
            f"cannot describe the {model.name} model: {reason}. MeanFieldFitter fits "
            "it by simulation (surrogate=None)."
        )
    surrogate = estimator.surrogate
    if isinstance(surrogate, str) and surrogate not in ("deep", "linear"):
        raise TypeError(
            "surrogate must be 'deep', 'linear' or a fitted Evaluator that gives the "
            f"expected FC, got {surrogate!r}."
        )
    theory = TheoryEvaluator(
        model, scan, n_fcd_bins=2, n_samples=0, n_jobs=estimator.n_jobs
    )
    simulation = SimulationEvaluator(
        model, scan, simulator, n_fcd_bins=n_bins, n_jobs=estimator.n_jobs
    )
    evaluator: Evaluator = theory
    if not (isinstance(surrogate, str) and surrogate == "linear"):
        evaluator = choose_evaluators(surrogate, simulation)[0]
        if isinstance(evaluator, TheoryEvaluator):  # of a scan that no network knows
            evaluator = theory
    if evaluator.simulates:
        raise ValueError(
            f"surrogate={surrogate!r} simulates, but a posterior needs the "
            "expected FC of candidates: use 'deep' or 'linear'."
        )
    inference = Inference(
        space=space,
        target=make_target(X, n_bins, estimator.sc_transform),
        acquisition=scan,
        evaluator=evaluator,
        exact=None if evaluator is theory else theory,
        n_scans=estimator.n_scans,
        sampler=sampler,
        rng=make_generator(estimator.random_state).spawn(1)[0],
        departure=departure,
        verbose=estimator.verbose,
    )
    report_unlike_contexts(evaluator, inference.target, scan.processing)
    return inference, simulation
