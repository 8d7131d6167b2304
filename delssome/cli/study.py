"""``delssome study``: what the maps of a population say of its people."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from delssome._version import __version__
from delssome.cli.config import toml_of
from delssome.cli.console import listening, say
from delssome.report import check_out, effect_figures, write_results

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["run"]


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
    table, summary = _read(Path(args.population))
    key, regions = summary["readout_key"], summary["region_names"]
    maps = table[[f"{key}_{name}" for name in regions]].to_numpy(dtype=np.float64)
    name, n_failed = summary["readout_name"], int(np.isnan(maps).any(axis=1).sum())
    say(f"1/2 read   {len(table)} subjects, {n_failed} of them without a map")
    tables: dict[str, dict[str, Any]] = {}
    figures: dict[str, Any] = {}
    texts = {"config.toml": toml_of(args)}
    results: dict[str, Any] = {
        "delssome": __version__,
        "model": summary["model"],
        "readout_name": name,
        "n_subjects": len(table),
        "n_failed": n_failed,
        "n_rois": len(regions),
    }
    said: list[str] = []
    with listening(said):
        if args.formula is not None:
            found = _effects(args, maps, table, regions)
            tables["effects.csv"] = found.reset_index().to_dict("list")
            figures |= effect_figures(found, name)
            results["formula"] = args.formula
            results["mean_effect"] = {
                str(term): found.loc[(term, "mean", "mean"), "effect"]
                for term in found.index.unique("term")
            }
        if args.norms is not None:
            people, texts["norms.json"] = _norms(args, maps, table)
            tables["people.csv"] = people
    results["warnings"] = said
    files = write_results(out, tables, figures, results, texts)
    say(f"2/2 write  {', '.join(path.name for path in files)} in {out}")


def _read(folder: Path) -> tuple[DataFrame, dict[str, Any]]:
    """Read the table of a population, and what is said of it."""
    import pandas as pd

    wanted = [folder / name for name in ("population.csv", "summary.json")]
    for path in wanted:
        if not path.is_file():
            raise ValueError(
                f"{path} is missing: name the folder that delssome population wrote."
            )
    summary = json.loads(wanted[1].read_text())
    if "region_names" not in summary:
        raise ValueError(
            f"{wanted[1]} does not name regions: run delssome population again with "
            "the same --store, which takes seconds."
        )
    table = pd.read_csv(wanted[0], dtype={"participant_id": str})
    return table, summary


def _effects(
    args: Namespace, maps: Any, table: DataFrame, regions: list[str]
) -> DataFrame:
    """Regress maps on the formula, and say what came out on average."""
    from delssome.study import map_effects

    found = map_effects(
        maps, table, args.formula, random=args.random, region_names=regions
    )
    for term in found.index.unique("term"):
        row = found.loc[(term, "mean", "mean")]
        say(
            f"{term}, mean map by one unit: {row['effect']:.4g}, 95% "
            f"[{row['low']:.4g}, {row['high']:.4g}], p = {row['p']:.2g}"
        )
    return found


def _norms(args: Namespace, maps: Any, table: DataFrame) -> tuple[dict[str, Any], str]:
    """Fit norms of the mean map, and place everyone on them."""
    from delssome.study import Norms

    names = [args.norms, args.sex, args.site]
    for column in names:
        if column is not None and column not in table:
            raise ValueError(
                f"population.csv has no column {column}: there are "
                f"{', '.join(map(str, table.columns[:12]))} ..."
            )
    age, sex, site = (None if column is None else table[column] for column in names)
    assert age is not None
    value = maps.mean(axis=1)
    norms = Norms().fit(value, age, sex, site)
    say(
        f"norms of {norms.n_} people, {norms.age_range_[0]:g} to "
        f"{norms.age_range_[1]:g}, knots {norms.knots_[0]} and {norms.knots_[1]}"
    )
    people = {
        "participant_id": table["participant_id"].tolist(),
        "value": value,
        "centile": norms.centiles(value, age, sex, site),
        "deviation": norms.deviations(value, age, sex, site),
    }
    return people, norms.to_json()
