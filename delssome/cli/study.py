"""``delssome study``: what the maps of a population say of its people."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from __future__ import annotations

import re
from argparse import Namespace
from functools import partial
from typing import TYPE_CHECKING, Any

from delssome._version import __version__
from delssome.cli.brain import check_brain
from delssome.cli.config import toml_of
from delssome.cli.console import listening, say
from delssome.report import (
    check_out,
    effect_brains,
    effect_figures,
    norms_figure,
    people_figure,
    study_report,
    term_summary,
    write_results,
)
from delssome.study import read_population

if TYPE_CHECKING:
    from pandas import DataFrame
    from sklearn.utils import Bunch

    from delssome.study import Norms

__all__ = ["run"]

# What intervals over maps that were made one by one do not know, by kind of map.
APART = {
    "fits": "Every map was fitted on its own, and its level lies anywhere on what its "
    "scan leaves open: slopes and differences over such maps may have either sign, "
    "whatever their intervals. delssome pooled infers all scans at once.",
    "posteriors": "Every map is a posterior of its own, and what its scan leaves open "
    "is the prior that all share: slopes and differences over such maps come out too "
    "small, whatever their intervals. delssome pooled infers all scans at once.",
}


def run(args: Namespace) -> None:
    """Read what a population wrote, and write effects and norms.

    Parameters
    ----------
    args : argparse.Namespace
        Of ``delssome study``.
    """
    if args.formula is None and args.norms is None:
        raise ValueError(
            'delssome study needs --formula, such as "age + sex", or --norms age.'
        )
    for name in ("sex", "site"):
        if args.norms is None and getattr(args, name) is not None:
            raise ValueError(f"--{name} is of norms: name their column by --norms.")
    if args.formula is None and args.random is not None:
        raise ValueError("--random is of effects: ask for these by --formula.")
    out = check_out(args.out, args.overwrite)
    found = read_population(args.population)
    maps, people, name = found.maps, found.subjects, found.readout_name
    _refuse_fitted(args, found.fitted)
    n_failed = int(maps.isna().any(axis=1).sum())
    order = found.summary.get("read", {}).get("atlas_regions")
    brain = check_brain(args, list(maps), order)
    say(f"1/2 read   {len(maps)} subjects, {n_failed} of them without a map")
    tables: dict[str, dict[str, Any]] = {}
    figures: dict[str, Any] = {"people.png": people_figure(maps, list(maps), name=name)}
    pages: dict[str, Any] = {}
    texts = {"config.toml": toml_of(args)}
    results: dict[str, Any] = {
        "delssome": __version__,
        "command": args.command,
        "model": found.model,
        "readout_name": name,
        "n_subjects": len(maps),
        "n_failed": n_failed,
        "n_rois": maps.shape[1],
        "interval": 0.95,
        "terms": {},
        "caveats": [],
    }
    said: list[str] = []
    with listening(said):
        if args.norms is not None:  # first: it needs many people
            norms, tables["people.csv"] = _norms(args, maps, people)
            texts["norms.json"] = norms.to_json()
            figures["norms.png"] = norms_figure(
                norms,
                maps.mean(axis=1, skipna=False),
                *(_column(people, k) for k in (args.norms, args.sex, args.site)),
                name=name,
                over=args.norms,
            )
        if args.formula is not None:
            effects = _effects(args, maps, people)
            tables["effects.csv"] = effects.reset_index().to_dict("list")
            figures |= effect_figures(effects, name)
            if brain is not None:
                drawn, pages = effect_brains(effects, name, **brain)
                figures |= drawn
            results["formula"] = args.formula
            results["terms"] = term_summary(effects)
            results["caveats"] = [APART[found.summary.get("kind", "fits")]]
            say(f"note: {results['caveats'][0]}")
    results["warnings"] = said
    shown = {**results, **_said(found, results)}
    pages["report.html"] = partial(study_report, shown, config=texts["config.toml"])
    files = write_results(out, tables, figures, results, texts, pages)
    say(f"2/2 write  {', '.join(path.name for path in files)} in {out}")


def _refuse_fitted(args: Namespace, fitted: DataFrame) -> None:
    """Refuse columns that fits found: they would explain maps by themselves."""
    for option in ("formula", "random", "norms", "sex", "site"):
        text = getattr(args, option) or ""
        for name in map(str, fitted.columns):
            if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text):
                raise ValueError(
                    f"--{option}={text!r} asks for {name}, which the fits found: it "
                    "would explain maps by themselves. Name columns of the table of "
                    "participants, costs or rates."
                )


def _effects(args: Namespace, maps: DataFrame, people: DataFrame) -> DataFrame:
    """Regress maps on the formula, and say what came out on average."""
    from delssome.study import map_effects

    found = map_effects(maps, people, args.formula, random=args.random)
    for term in found.index.unique("term"):
        row = found.loc[(term, "mean", "mean")]
        say(
            f"{term}, mean map by one unit: {row['effect']:.4g}, 95% "
            f"[{row['low']:.4g}, {row['high']:.4g}], p = {row['p']:.2g}"
        )
    return found


def _said(found: Bunch, results: dict[str, Any]) -> dict[str, Any]:
    """Put people and the model's fits into words, for the page."""
    n, summary, people = results["n_subjects"], found.summary, found.subjects
    fits = []
    if "cost" in people:
        low, middle, high = people["cost"].quantile([0.05, 0.5, 0.95])
        fits.append(
            f"Total cost of the fits, simulated afresh: median {middle:.3f}, from "
            f"{low:.3f} to {high:.3f} in nine of ten."
        )
    who = [
        f"{n} subjects, of which {results['n_failed']} have no map. Rows are "
        "subjects, columns regions."
    ]
    if not results["caveats"]:  # of norms alone
        who.append(
            "Levels of single maps lie anywhere on what a scan leaves open, and so do "
            "people among the centiles."
        )
    return {
        "title": f"{results['model']} model: study of {n} subjects, "
        f"{results['n_rois']} regions",
        "people": who,
        "fits": fits,
        "rows": [],
        "scan": summary.get("scan", ""),
    }


def _column(people: DataFrame, name: str | None) -> Any:
    """Take a column of the table; None without a name."""
    if name is None:
        return None
    if name not in people:
        raise ValueError(
            f"population.csv has no column {name}: there are "
            f"{', '.join(map(str, people.columns[:12]))} ..."
        )
    return people[name]


def _norms(
    args: Namespace, maps: DataFrame, people: DataFrame
) -> tuple[Norms, dict[str, Any]]:
    """Fit norms of the mean map, and place everyone on them."""
    from delssome.study import Norms

    age, sex, site = (_column(people, k) for k in (args.norms, args.sex, args.site))
    value = maps.mean(axis=1, skipna=False)
    norms = Norms().fit(value, age, sex, site)
    say(
        f"norms of {norms.n_} people, {norms.age_range_[0]:g} to "
        f"{norms.age_range_[1]:g}, knots {norms.knots_[0]} and {norms.knots_[1]}"
    )
    placed = {
        "participant_id": maps.index.tolist(),
        "value": value.tolist(),
        "centile": norms.centiles(value, age, sex, site),
        "deviation": norms.deviations(value, age, sex, site),
    }
    return norms, placed
