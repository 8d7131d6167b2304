"""Models side by side: fits to the real group, accuracy, and which one made data.

Verified totals are costs against the validation group. Data whose model is known are
24 subjects of 30 regions, simulated by one model each on their own connectomes.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
sys.path.append(str(Path(__file__).resolve().parents[1] / "accuracy"))
import evaluators
import other_models
import simulations_needed as needed
from _run import (
    Clock,
    MissingError,
    each,
    load_group,
    main,
    number,
    on_validation,
    table,
)
from _worlds import subjects_of
from real_group import terms

from delssome import (
    CMAES,
    FIC,
    MFM,
    Acquisition,
    Hopf,
    MeanFieldFitter,
    Verification,
    compare_models,
)
from delssome.connectome import unpack_subjects
from delssome.observables import fc_gradients

MODELS = {"FIC": FIC(map_signs=(-1, 1)), "MFM": MFM(), "Hopf": Hopf()}
N_SUBJECTS, N_ROIS, N_FOLDS = 24, 30, 5
# By how much a total cost moves that is evaluated again.
REGRET = 0.02
# Candidates of a fit where models are compared, the same for all.
BUDGET = {"popsize": 40, "max_iter": 40, "n_restarts": 1}


def verified(run, model, seed, gradients=False):
    """Fit to the training group and simulate against the validation group."""
    data = load_group()
    maps, model = data.maps, MODELS[model]
    if gradients:
        maps = fc_gradients(unpack_subjects(data.X).fc[0], 2)
        model = FIC() if model.name == "FIC" else model
    fitter = run.fitter(maps, model=model, random_state=seed)
    with Clock() as clock:
        fitter.fit(data.X)
    return on_validation(run, fitter, data.X_validation, seed) | {
        "fit_cpu_seconds": clock.cpu,
    }


def by_gradients(run, model, seed):
    return verified(run, model, seed, gradients=True)


def by_cost(run, model, seed):
    return compared(run, model, seed, criterion="cost")


def compared(run, model, seed, criterion="likelihood"):
    """Compare all models in data that one of them made."""
    truth, rng = MODELS[model], np.random.default_rng([seed, 7])
    n_rois = 12 if run.quick else N_ROIS
    scan = Acquisition(n_frames=200, window=40) if run.quick else Acquisition()
    X, maps = subjects_of(truth, N_SUBJECTS, n_rois, scan, rng, subject_sd=0.0)
    budget = {"popsize": 8, "max_iter": 2} if run.quick else BUDGET
    fitter = MeanFieldFitter(
        maps,
        acquisition=scan,
        search=CMAES(**budget),
        verification=Verification(n_finalists=6),
        n_jobs=run.n_jobs,
    )
    with Clock() as clock:
        found = compare_models(
            MODELS,
            X,
            fitter=fitter,
            cv=N_FOLDS,
            criterion=criterion,
            simulate=criterion == "cost",
            random_state=seed,
        )
    difference, low, _ = found.differences()
    return {
        "best": found.best,
        "lowest": found.lowest,
        "alike": found.alike,
        "losses": found.losses,
        "unexplained": found.unexplained.mean(axis=1),
        "worse": difference,
        "worse_at_least": low,
        "cpu_seconds": clock.cpu,
    }


def accuracy(run, model, seed):
    """Compare theory, and the network if it knows the model, with simulation."""
    if seed:
        raise MissingError("measured once")
    if model == "Hopf":
        found = other_models.measure(run, model)
        return {"theory": {k: found[k] for k in ("r", "mae", "cpu_ms")}} | {
            "mae_floor": found["mae_floor"]
        }
    unseen = {"FIC": "100 regions", "MFM": "MFM"}
    found = evaluators.measure(run, unseen[model])
    return {k: found[k] for k in ("theory", "network")} | {
        "mae_floor": found["theory"]["mae_floor"]
    }


def simulations(run, model, seed):
    """Count simulations of our way, and compare with a search by simulation."""
    ours = "theory" if model == "Hopf" else "network"
    found = {
        name: needed.measure(run, model, method, seed)
        for name, method in (("ours", ours), ("simulated", "simulation"))
    }
    return found | {"regret": found["ours"]["cost"] - found["simulated"]["cost"]}


KINDS = {
    "published maps": verified,
    "own gradients": by_gradients,
    "which made it": compared,
    "which made it, by cost": by_cost,
    "accuracy": accuracy,
    "simulations": simulations,
}
ROWS = {f"{kind}: {model}": (kind, model) for kind in KINDS for model in MODELS}


def measure(run, row, seed):
    kind, model = ROWS[row]
    return {"model": model, "kind": kind} | KINDS[kind](run, model, seed)


def tables(rows):
    kinds = each(rows, "kind")
    fits, made = [], []
    for kind in ("published maps", "own gradients"):
        for model, some in each(kinds.get(kind, []), "model").items():
            costs = [row["cost"] for row in some]
            fits.append(
                f"{model}, {kind} | {len(some)} | {np.mean(costs):.3f} | "
                f"{min(costs):.3f} | {terms(some)} | "
                f"{sum(row['in_range'] for row in some)} | "
                f"{np.median([row['fit_cpu_seconds'] for row in some]):.0f}"
            )
    for kind in ("which made it", "which made it, by cost"):
        for model, some in each(kinds.get(kind, []), "model").items():
            named = [row["best"] for row in some]
            rivals = [[row["worse"][k] for k in _rivals(model)] for row in some]
            left = [row["unexplained"][list(MODELS).index(model)] for row in some]
            made.append(
                f"{model} | {'cost' if 'cost' in kind else 'likelihood'} | "
                f"{len(some)} | {named.count(model)} | "
                f"{sum(name not in (model, None) for name in named)} | "
                f"{named.count(None)} | {sum(r['lowest'] == model for r in some)} | "
                f"{number(np.median(np.min(rivals, axis=1)))} | "
                f"{number(np.median(left))} | "
                f"{np.median([row['cpu_seconds'] for row in some]):.0f}"
            )
    says = (
        "made by | decided by | data sets | named rightly | wrongly | undecided | "
        "put first | next model worse by, median | unexplained by the true one | CPU s"
    )
    columns = (
        "real group | seeds | validation total, mean | best | 1 - r / L1 / KS | "
        "in range | CPU s"
    )
    return f"{table(columns, fits)}\n\n{table(says, made)}"


def _rivals(model):
    """Places of the models that did not make the data."""
    return [k for k, name in enumerate(MODELS) if name != model]


def summary(rows):
    found, kinds = {}, each(rows, "kind")
    for model, some in each(kinds.get("published maps", []), "model").items():
        found[f"{model}_verified_cost_mean"] = np.mean([row["cost"] for row in some])
    made = kinds.get("which made it", [])
    if made:
        right = [row["best"] == row["model"] for row in made]
        undecided = [row["best"] is None for row in made]
        found["comparison_right_share"] = np.mean(right)
        found["comparison_undecided_share"] = np.mean(undecided)
    for row in kinds.get("accuracy", []):
        name = row["model"]
        for how in ("theory", "network"):
            if own := row.get(how):
                found[f"{name}_{how}_mae_over_floor"] = own["mae"] / row["mae_floor"]
                found[f"{name}_{how}_r"] = own["r"]
        if name == "Hopf":
            found["general_theory_cpu_ms"] = row["theory"]["cpu_ms"]
    for model, some in each(kinds.get("simulations", []), "model").items():
        # Beyond the noise of a cost evaluated again nothing was reached.
        met = [row["ours"]["n_simulations"] for row in some if row["regret"] < REGRET]
        found[f"{model}_simulations_to_regret"] = (
            np.median(met) if 2 * len(met) > len(some) else None
        )
    return found


if __name__ == "__main__":
    main(measure, tables, summary=summary, seeds=5, row=ROWS)
