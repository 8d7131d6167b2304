"""Maps that ``delssome population`` wrote, with the names of subjects and regions."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from pathlib import Path

from sklearn.utils import Bunch

from delssome.files import read_json, reading

__all__ = ["read_population"]


def read_population(folder: str | Path) -> Bunch:
    """Read what ``delssome population`` wrote.

    Parameters
    ----------
    folder : path
        That of its ``population.csv`` and ``summary.json``.

    Returns
    -------
    Bunch
        ``maps``, a pandas.DataFrame of what the model reads out, one row a subject, one
        column a region, both by name, NaN where a fit failed; ``subjects``, a data
        frame of what is known of them beside that: the table of participants, costs,
        rates; ``fitted``, of what would explain maps by themselves: parameters, the
        mean of the map, intervals; ``readout_name``, ``model`` and ``summary``, all
        that was written of the whole.

    Examples
    --------
    >>> from delssome.study import map_effects, read_population
    >>> found = read_population("results")  # doctest: +SKIP
    >>> map_effects(found.maps, found.subjects, "group + age")  # doctest: +SKIP
    """
    import pandas as pd

    wanted = [Path(folder) / name for name in ("population.csv", "summary.json")]
    for path in wanted:
        if not path.is_file():
            raise ValueError(
                f"{path} is missing: name the folder that delssome population wrote."
            )
    remedy = "run delssome population again with the same --store, which takes seconds"
    summary = read_json(wanted[1], "summary of a population", remedy)
    if not isinstance(summary, dict) or "region_names" not in summary:
        raise ValueError(f"{wanted[1]} does not name regions: {remedy}.")
    with reading(wanted[0], "table of a population", remedy):
        # A label may be "None".
        table = pd.read_csv(
            wanted[0],
            dtype={"participant_id": str},
            na_values=["", "nan"],
            keep_default_na=False,
        )
    # As tables keep names that a spreadsheet would take for formulas.
    names = table["participant_id"].str.replace(r"^'(?=[=+\-@\t\r])", "", regex=True)
    table = table.assign(participant_id=names).set_index("participant_id", drop=False)
    key = summary["readout_key"]
    regions = {f"{key}_{name}": name for name in summary["region_names"]}
    own = {"spectral_radius", "pattern_probability", *summary.get("param_names", [])}
    own |= {name for name in table if name.startswith(f"{key}_")} - {*regions}
    known = [name for name in table if name not in regions and name not in own]
    return Bunch(
        maps=table[list(regions)].rename(columns=regions).astype(float),
        subjects=table[known],
        fitted=table[[name for name in table if name in own]],
        readout_name=summary["readout_name"],
        model=summary["model"],
        summary=summary,
    )
