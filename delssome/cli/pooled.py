"""``delssome pooled``: what differs between scans, from all of them at once."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import time
from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from delssome._version import __version__
from delssome.cli.brain import check_brain
from delssome.cli.config import toml_of
from delssome.cli.console import listening, say
from delssome.cli.inputs import Inputs
from delssome.cli.steps import STORE, describe, prepare, read_of, say_done
from delssome.fitting import PooledPosterior
from delssome.plotting.wording import in_sentence, three_digits
from delssome.report import (
    effect_brains,
    effect_figures,
    people_figure,
    region_figure,
    study_report,
    term_summary,
    write_results,
)

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["run"]


def run(args: Namespace) -> None:
    """Read, infer, and write effects, people and regions.

    Parameters
    ----------
    args : argparse.Namespace
        Of ``delssome pooled``.
    """
    started = time.perf_counter()
    if args.departure:
        raise ValueError(
            f"--departure {args.departure:g}: pooled scans follow the maps; use "
            "delssome fit or population."
        )
    out, model, inputs = prepare(args, each=True)
    table = _covariates(args, inputs)
    brain = check_brain(args, inputs.region_names, inputs.data.get("atlas_regions"))
    store = out / STORE if args.store is None else Path(args.store)
    pooled = PooledPosterior(
        inputs.maps,
        formula=args.formula,
        affects=args.affects,
        model=model,
        acquisition=inputs.acquisition,
        interval=args.interval,
        n_fcd_bins=inputs.n_fcd_bins,
        sc_transform=None if args.sc_transform == "none" else args.sc_transform,
        store=store,
        n_jobs=args.n_jobs,
        verbose=1,
        random_state=args.seed,
    )
    say(f"2/3 infer  {model.name} model from {len(inputs.X)} scans at once")
    said: list[str] = []
    with listening(said):
        pooled.fit(inputs.X, table)
    key = model.readout_key
    what = in_sentence(model.readout_name)
    lines = {
        f"{name}, mean {what} by one unit": row
        for name, row in zip(pooled.covariate_names_, pooled.mean_effect_, strict=True)
    }
    level = [pooled.mean_readout_, *pooled.mean_readout_interval_.tolist()]
    names = inputs.data.get("subject_ids")
    people = [str(k) for k in (pooled.people_ + 1 if names is None else names)]
    low, high = np.moveaxis(pooled.readout_interval_, 1, 0)
    tables: dict[str, dict[str, Any]] = {
        "regions.csv": {
            "region": inputs.region_names,
            key: pooled.readout_,
            "low": low,
            "high": high,
        },
        "people.csv": {
            "participant_id": people,
            **dict(zip(inputs.region_names, pooled.readouts_.T, strict=True)),
        },
    }
    regions, called = inputs.region_names, model.readout_name
    figures: dict[str, Any] = {
        "people.png": people_figure(pooled.readouts_, regions, name=called),
        "regions.png": region_figure(
            pooled.readout_,
            pooled.readout_interval_,
            regions,
            name=called,
            interval_name=f"{100 * args.interval:g} % interval",
        ),
    }
    pages: dict[str, Any] = {}
    terms: dict[str, Any] = {}
    if pooled.covariate_names_:
        found = pooled.to_frame(regions)
        tables["effects.csv"] = {
            name: column.tolist() for name, column in found.reset_index().items()
        }
        terms = term_summary(found)
        figures |= effect_figures(found, called)
        if brain is not None:
            drawn, pages = effect_brains(found, called, **brain)
            figures |= drawn
    results: dict[str, Any] = {
        "delssome": __version__,
        "command": args.command,
        "model": model.name,
        "readout_key": key,
        "readout_name": called,
        "terms": terms,
        "random_state": args.seed,
        "n_scans": len(inputs.X),
        "n_rois": len(inputs.region_names),
        "scan": describe(inputs.acquisition),
        "interval": args.interval,
        "mean_effect": dict(
            zip(pooled.covariate_names_, pooled.mean_effect_.tolist(), strict=True)
        ),
        "sign_probability": dict(
            zip(pooled.covariate_names_, pooled.sign_probability_.tolist(), strict=True)
        ),
        "mean_readout": level,
        "scatter": {name: x.tolist() for name, x in pooled.scatter_.items()},
        "noise_scale": pooled.noise_scale_.tolist(),
        "model_error": pooled.model_error_,
        "share_feasible": pooled.share_feasible_,
        "n_replaced": pooled.n_replaced_,
        "warnings": said,
        "read": read_of(inputs.data),
    }
    config = toml_of(args)
    report = partial(study_report, {**results, **_said(pooled, results)}, config=config)
    pages["report.html"] = report
    try:
        files = write_results(
            out, tables, figures, results, {"config.toml": config}, pages
        )
    finally:
        for line, (mean, low, high) in {**lines, f"mean {what}": level}.items():
            say(f"{line}: {mean:.4g}, {args.interval:.0%} [{low:.4g}, {high:.4g}]")
    say_done(files, started)


def _said(pooled: PooledPosterior, results: dict[str, Any]) -> dict[str, Any]:
    """Put people and the model's fit into words, for the page."""
    what = in_sentence(results["readout_name"])
    mean, low, high = map(three_digits, results["mean_readout"])
    noise, low_noise, high_noise = (f"{x:.2f}" for x in results["noise_scale"])
    scatter = [
        [f"SD between people, {name}", f"{x:.3f} ({low_x:.3f} to {high_x:.3f})"]
        for name, (x, low_x, high_x) in results["scatter"].items()
    ]
    return {
        "title": f"{results['model']} model: {results['n_scans']} scans of "
        f"{len(pooled.people_)} people at once, {results['n_rois']} regions",
        "people": [
            f"Mean {what} {mean} ({100 * results['interval']:g} % interval {low} to "
            f"{high}) where covariates are at their mean."
        ],
        "fits": [
            f"What is left of a scan has {noise} times the variance of its noise "
            f"({low_noise} to {high_noise}; 1: the model leaves noise alone), what is "
            f"left of all alike {results['model_error']:.2f} times.",
            f"{results['share_feasible']:.0%} of the draws stay within the ranges at "
            "both ends of all covariates.",
        ],
        "rows": scatter,
    }


def _covariates(args: Namespace, inputs: Inputs) -> "DataFrame | None":
    """Take the table of participants, if there is a formula for it."""
    if args.formula is None:
        say("note: without --formula nothing is asked of covariates")
        return None
    people = inputs.data.get("participants")
    if people is None or not len(people.columns):
        raise ValueError(
            "--formula needs a table of participants: --participants FILE, or "
            "participants.tsv in the folder of --derivatives."
        )
    return people  # type: ignore[no-any-return]
