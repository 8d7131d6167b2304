"""``delssome study``: what the maps of a population say of its people."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from delssome._version import __version__
from delssome.cli.config import toml_of
from delssome.cli.console import listening, say
from delssome.report import check_out, effect_figures, write_results
from delssome.study import read_population

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
    found = read_population(args.population)
    maps, people, name = found.maps, found.subjects, found.readout_name
    n_failed = int(maps.isna().any(axis=1).sum())
    say(f"1/2 read   {len(maps)} subjects, {n_failed} of them without a map")
    tables: dict[str, dict[str, Any]] = {}
    figures: dict[str, Any] = {}
    texts = {"config.toml": toml_of(args)}
    results: dict[str, Any] = {
        "delssome": __version__,
        "model": found.model,
        "readout_name": name,
        "n_subjects": len(maps),
        "n_failed": n_failed,
        "n_rois": maps.shape[1],
    }
    said: list[str] = []
    with listening(said):
        if args.formula is not None:
            effects = _effects(args, maps, people)
            tables["effects.csv"] = effects.reset_index().to_dict("list")
            figures |= effect_figures(effects, name)
            results["formula"] = args.formula
            results["mean_effect"] = {
                str(term): effects.loc[(term, "mean", "mean"), "effect"]
                for term in effects.index.unique("term")
            }
        if args.norms is not None:
            tables["people.csv"], texts["norms.json"] = _norms(args, maps, people)
    results["warnings"] = said
    files = write_results(out, tables, figures, results, texts)
    say(f"2/2 write  {', '.join(path.name for path in files)} in {out}")


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


def _norms(
    args: Namespace, maps: DataFrame, people: DataFrame
) -> tuple[dict[str, Any], str]:
    """Fit norms of the mean map, and place everyone on them."""
    from delssome.study import Norms

    names = [args.norms, args.sex, args.site]
    for column in names:
        if column is not None and column not in people:
            raise ValueError(
                f"population.csv has no column {column}: there are "
                f"{', '.join(map(str, people.columns[:12]))} ..."
            )
    age, sex, site = (None if column is None else people[column] for column in names)
    assert age is not None
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
    return placed, norms.to_json()
