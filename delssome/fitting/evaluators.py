"""What scores candidates in a fit, from fast to exact."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import replace

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from delssome.evaluation import Evaluator
from delssome.exceptions import SurrogateDomainWarning
from delssome.saying import warn
from delssome.simulation import SimulationEvaluator
from delssome.surrogate import CircuitSurrogate
from delssome.theory import TheoryEvaluator

__all__ = ["choose_evaluators"]


def choose_evaluators(
    surrogate: object, simulation: SimulationEvaluator
) -> list[Evaluator]:
    """List what scores candidates, and what takes over if simulation contradicts it.

    Parameters
    ----------
    surrogate : {"deep", "linear", None} or Evaluator
        As of :class:`~delssome.MeanFieldFitter`.
    simulation : SimulationEvaluator
        Of the same model, acquisition and repeats.

    Returns
    -------
    list of Evaluator
        From fast to exact. All of them serve the model. Of models and scans that the
        shipped network was not trained for it knows nothing: it gives way to theory,
        with a SurrogateDomainWarning.

    Raises
    ------
    ValueError, TypeError
        If the surrogate is none, or cannot serve the model.
    """
    model, scan = simulation.model, simulation.acquisition
    if surrogate is None:
        simulator = simulation.simulator
        n_repeats = simulator.n_search_repeats or simulator.n_repeats
        searching = SimulationEvaluator(
            model,
            scan,
            replace(simulator, n_repeats=n_repeats),
            n_fcd_bins=simulation.n_fcd_bins,
            n_jobs=simulation.n_jobs,
        )
        return [searching]
    if isinstance(surrogate, str) and surrogate == "linear":
        return [_theory(simulation), simulation]
    try:
        exact: list[Evaluator] = [_theory(simulation), simulation]
    except ValueError:  # theory does not describe the model
        exact = [simulation]
    if isinstance(surrogate, str) and surrogate == "deep":
        network = CircuitSurrogate.load(
            acquisition=scan, model=model, n_repeats=simulation.n_repeats
        )
        reason = network.strange(model)
        if reason and len(exact) > 1:
            warn(
                f"Candidates are evaluated by theory, as surrogate='linear' asks for: "
                f"{reason}",
                SurrogateDomainWarning,
            )
            return exact
        network.check(model)
        return [network, *exact]
    surrogate = getattr(surrogate, "estimator", surrogate)  # FrozenEstimator
    if not isinstance(surrogate, Evaluator):
        raise TypeError(
            "surrogate must be None (simulate every candidate), 'linear' (linear-noise "
            "theory), 'deep' (shipped network) or a fitted Evaluator, such as a "
            f"CircuitSurrogate, got {surrogate!r}."
        )
    if isinstance(surrogate, BaseEstimator):
        check_is_fitted(surrogate)
    surrogate.check(model)
    return [surrogate, *exact]


def _theory(simulation: SimulationEvaluator) -> TheoryEvaluator:
    return TheoryEvaluator(
        simulation.model,
        simulation.acquisition,
        n_fcd_bins=simulation.n_fcd_bins,
        n_repeats=simulation.n_repeats,
        n_jobs=simulation.n_jobs,
    )
