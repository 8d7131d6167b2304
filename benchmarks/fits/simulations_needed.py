"""Count the simulations of a model that each way to fit it needs.

Those of training, search and verification count. The cost of what was found is that of
five evaluations, of three simulations each, against the validation group.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import (
    Clock,
    MissingError,
    each,
    installed,
    load_group,
    main,
    on_validation,
)
from real_group import terms

from delssome import (
    CMAES,
    FIC,
    MFM,
    Acquisition,
    Hopf,
    Linear,
    MeanFieldFitter,
    Simulator,
    Verification,
    WilsonCowan,
)
from delssome.search import BASELINES
from delssome.simulation import SimulationEvaluator
from delssome.surrogate import CircuitSurrogate, fine_tune
from delssome.theory import escape

MODELS = {
    "FIC": FIC(map_signs=(-1, 1)),
    "MFM": MFM(),
    "Linear": Linear(),
    "Wilson-Cowan": WilsonCowan(),
    "Hopf": Hopf(),
}
METHODS = ("network", "theory", "simulation", "Bayesian (TPE)")
# Models that the shipped network has learned from; for others of its form it is
# fine-tuned, which takes no simulation.
TRAINED, TUNED = ("FIC", "MFM", "Linear"), ("Wilson-Cowan",)
# Candidates of a search by simulation, each simulated once; of Bayesian optimisation.
N_SIMULATED, N_BAYESIAN = 10_000, 1000


class Counter:
    """Simulations since it was made, by the length of what was integrated."""

    def __init__(self, scan):
        self.scan = scan
        self.whole, self.starts = 0, 0.0

    @contextmanager
    def watching(self):
        """Count what evaluators simulate, and the starts that theory integrates."""
        statistics, start = SimulationEvaluator.statistics, escape.simulate

        def counted(evaluator, candidates, *given, **settings):
            self.whole += len(candidates) * evaluator.n_repeats
            return statistics(evaluator, candidates, *given, **settings)

        def part(candidates, scan, *given, **settings):
            seconds = scan.n_frames * scan.tr + scan.warm_up
            whole = self.scan.n_frames * self.scan.tr
            whole += self.scan.burn_in + self.scan.warm_up
            self.starts += len(candidates) * seconds / whole
            return start(candidates, scan, *given, **settings)

        SimulationEvaluator.statistics, escape.simulate = counted, part
        try:
            yield self
        finally:
            SimulationEvaluator.statistics, escape.simulate = statistics, start


def measure(run, model, method, seed):
    data = load_group()
    settings = settings_of(run, model, method)
    fitter = MeanFieldFitter(
        data.maps,
        model=MODELS[model],
        n_jobs=run.n_jobs,
        random_state=seed,
        **settings,
    )
    counter = Counter(Acquisition())
    with counter.watching(), Clock() as clock:
        fitter.fit(data.X)
    return on_validation(run, fitter, data.X_validation, seed) | {
        "predicted": np.nanmin(fitter.history_.best_total),
        "n_simulations": counter.whole,
        "n_starts": counter.starts,
        "n_candidates": fitter.history_.n_evaluations[-1],
        "best_by_generation": fitter.history_.best_total,
        "fit_cpu_seconds": clock.cpu,
        "params": dict(zip(fitter.param_names_, fitter.params_, strict=True)),
    }


def settings_of(run, model, method):
    verification = Verification(n_finalists=2 if run.quick else 12)
    small = {"popsize": 8, "max_iter": 2} if run.quick else {}
    given = {"verification": verification, "search": CMAES(**small)}
    if method == "network" and model in TRAINED:
        return given | {"surrogate": "deep"}
    if method == "network" and model in TUNED:
        folder = run.keep / "weights" if run.keep else Path(tempfile.mkdtemp())
        if not (folder / "circuit.json").exists():
            few = {"n_groups": 2, "n_steps": 20} if run.quick else {}
            fine_tune(MODELS[model], folder, n_jobs=run.n_jobs, **few)
        network = CircuitSurrogate.load(folder, model=MODELS[model])
        return given | {"surrogate": network}
    if method == "network":
        raise MissingError(f"the network cannot serve {model}")
    if method == "theory":
        return given | {"surrogate": "linear"}
    simulator = Simulator(n_search_repeats=1)
    given |= {"surrogate": None, "simulator": simulator}
    if method == "simulation":
        search = CMAES(**({"popsize": 100, "max_iter": N_SIMULATED // 100} | small))
        return given | {"search": search}
    if installed("optuna") is None:
        raise MissingError("optuna is not installed")
    search = BASELINES[method](n_restarts=1, max_iter=N_BAYESIAN // 100)
    return given | {"search": search}


def tables(rows):
    lines = [
        "model | way | simulations | starts, as simulations | verified total: seeds | "
        "1 - r / L1 / KS | in range | CPU s",
        " | ".join(["---"] * 8),
    ]
    for model, own in each(rows, "model").items():
        for method, some in each(own, "method").items():
            costs = ", ".join(f"{row['cost']:.3f}" for row in some)
            lines.append(
                f"{model} | {method} | "
                f"{np.median([r['n_simulations'] for r in some]):.0f} | "
                f"{np.median([r['n_starts'] for r in some]):.0f} | {costs} | "
                f"{terms(some)} | "
                f"{sum(r['in_range'] for r in some)} of {len(some)} | "
                f"{np.median([r['fit_cpu_seconds'] for r in some]):.0f}"
            )
    return "\n".join(f"| {line} |" for line in lines)


if __name__ == "__main__":
    main(measure, tables, seeds=2, model=MODELS, method=METHODS)
