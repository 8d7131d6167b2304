"""``delssome population``: fit every subject on its own."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import time
from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import Any

from delssome._version import __version__
from delssome.cli.brain import check_brain
from delssome.cli.config import toml_of
from delssome.cli.console import listening, say
from delssome.cli.fit import make_fitter
from delssome.cli.inputs import Inputs
from delssome.cli.posterior import make_posterior
from delssome.cli.steps import STORE, describe, prepare, read_of, say_done
from delssome.fitting import PopulationFitter
from delssome.report import (
    brain_files,
    population_figures,
    population_report,
    population_summary,
    write_results,
)

__all__ = ["run"]


def run(args: Namespace) -> None:
    """Read, fit all subjects, those that are not kept yet, and write one table.

    Parameters
    ----------
    args : argparse.Namespace
        Of ``delssome population``.
    """
    import pandas  # noqa: F401, its absence is said before hours of fits

    started = time.perf_counter()
    out, model, inputs = prepare(args, each=True)
    brain = check_brain(args, inputs.region_names, inputs.data.get("atlas_regions"))
    make = make_posterior if args.posterior else make_fitter
    fitter = make(args, model, inputs)
    fitter.set_params(n_jobs=None, verbose=0)
    store = out / STORE if args.store is None else Path(args.store)
    names = _names(inputs)
    say(f"2/3 fit    {len(names)} subjects, kept in {store}")
    population = PopulationFitter(fitter, store=store, n_jobs=args.n_jobs, verbose=1)
    said: list[str] = []
    with listening(said), _backend(args.scheduler):
        population.fit(inputs.X, groups=names)
    table = population.to_frame(inputs.region_names)
    table.index.name = "participant_id"
    people = inputs.data.get("participants")
    if people is not None:
        known = people[[name for name in people if name not in table]]
        if lost := [str(name) for name in people if name in table]:
            say(
                f"note: {', '.join(lost)} of participants is left out of "
                "population.csv, which has columns of that name of the fits; call it "
                "otherwise to keep it."
            )
        table = known.reindex(table.index).join(table)
    results: dict[str, Any] = {
        "delssome": __version__,
        "command": args.command,
        "model": model.name,
        "readout_key": model.readout_key,
        "readout_name": model.readout_name,
        "region_names": inputs.region_names,
        "param_names": getattr(population, "param_names_", []),
        "kind": "posteriors" if args.posterior else "fits",
        "random_state": args.seed,
        "n_rois": len(inputs.region_names),
        "scan": describe(inputs.acquisition),
        **population_summary(population),
        "warnings": said,
        "read": read_of(inputs.data),
    }
    if len(population.failures_) == len(table):  # there is no map
        brain = None
    drawn, pages = ({}, {}) if brain is None else brain_files(population, **brain)
    config = toml_of(args)
    columns = {table.index.name: table.index.tolist()}
    columns |= {name: table[name].tolist() for name in table}
    files = write_results(
        out,
        {"population.csv": columns},
        {**population_figures(population, inputs.region_names), **drawn},
        results,
        {"config.toml": config},
        {"report.html": partial(population_report, results, config=config), **pages},
    )
    for name, reason in population.failures_.items():
        say(f"failed: {name}: {reason}")
    say_done(files, started)


def _names(inputs: Inputs) -> list[str]:
    """Name subjects as they were read, or number them."""
    n = len(inputs.X)
    names = inputs.data.get("subject_ids")
    if names is None:
        return [f"{k:0{len(str(n))}d}" for k in range(1, n + 1)]
    return list(map(str, names))


def _backend(scheduler: str | None) -> Any:
    """Give fits to a cluster, if one was named."""
    from contextlib import nullcontext

    if scheduler is None:
        return nullcontext()
    try:
        from distributed import Client
    except ImportError:
        raise ImportError(
            '--scheduler needs Dask: pip install "delssome[distributed]".'
        ) from None
    import joblib

    Client(scheduler)
    return joblib.parallel_config(backend="dask")
