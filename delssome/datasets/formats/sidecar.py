"""What the .json beside a time series says of the scan and its preprocessing."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import json
from numbers import Real
from pathlib import Path
from typing import Any, TypeGuard

from delssome.datasets.formats.file import extension
from delssome.files import BadFileError, reading

__all__ = [
    "check_tr",
    "common_tr",
    "pipeline_facts",
    "read_json",
    "read_tr",
    "tr_of",
]

# No scanner takes longer for a volume; milliseconds are more.
LONGEST_TR = 30.0
# Sets of regressors of XCP-D that hold the global signal, and that do not.
WITH_GLOBAL = ("27P", "36P", "acompcor_gsr", "aroma_gsr", "gsr_only")
WITHOUT_GLOBAL = ("24P", "acompcor", "aroma", "none")


def check_tr(tr: float, name: str = "tr") -> float:
    """Check a repetition time, and tell milliseconds from seconds.

    Parameters
    ----------
    tr : float
        In seconds.
    name : str, default="tr"
        How errors call it.

    Returns
    -------
    float
    """
    if not isinstance(tr, Real) or isinstance(tr, bool):
        raise TypeError(f"{name} must be a number, a time in seconds, got {tr!r}.")
    if not 0 < tr < float("inf"):
        raise ValueError(f"{name} must be a positive time in seconds, got {tr!r}.")
    if tr > LONGEST_TR:
        raise ValueError(
            f"{name} is in seconds, got {tr:g}; did you mean {tr / 1000:g}?"
        )
    return tr


def common_tr(said: dict[str, float | None], tr: float | None) -> float | None:
    """Check that all files say one repetition time, and that it is the one given.

    Parameters
    ----------
    said : dict of str to float or None
        What every file says, in seconds; None: nothing.
    tr : float or None
        What the user gave.

    Returns
    -------
    float or None
        None where nobody says anything.
    """
    known = {name: value for name, value in said.items() if value is not None}
    if tr is None and known:
        tr = next(iter(known.values()))
        source = next(iter(known))
    else:
        source = "given"
    for name, value in known.items():
        if tr is not None and abs(value - tr) > 1e-3 * tr:
            raise ValueError(
                f"tr must be one for all, got {tr:g} s ({source}) and {value:g} s "
                f"({name}); give tr as it was, or files of one scan."
            )
    return tr


def read_json(path: Path) -> dict[str, Any]:
    """Read a .json file that holds an object.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict
    """
    with reading(path, "JSON file", "write it again"):
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        if not isinstance(content, dict):
            raise ValueError("it holds no object")
    return content


def read_tr(path: Path) -> float | None:
    """Give the repetition time that the .json beside a file says, in seconds.

    Parameters
    ----------
    path : Path
        Of the time series.

    Returns
    -------
    float or None
    """
    beside = path.with_name(path.name[: -len(extension(path))] + ".json")
    if extension(path) not in (".tsv", ".csv", ".ptseries.nii") or not beside.is_file():
        return None
    return tr_of(read_json(beside), beside)


def tr_of(facts: dict[str, Any], path: Path) -> float | None:
    """Give the repetition time among facts, in seconds.

    Parameters
    ----------
    facts : dict
    path : Path
        From where they are, for errors.

    Returns
    -------
    float or None
    """
    tr, rate = facts.get("RepetitionTime"), facts.get("SamplingFrequency")
    # XCP-D writes the word "TR" for a rate.
    if _is_number(tr):
        return check_tr(float(tr), f"{path}: RepetitionTime")
    if _is_number(rate):
        if rate <= 0:
            raise BadFileError(
                f"{path}: SamplingFrequency must be positive, in Hz, got {rate}."
            )
        return check_tr(1 / float(rate), f"{path}: 1 / SamplingFrequency")
    return None


def pipeline_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """Give what was done to the scan, as far as it is stated.

    Parameters
    ----------
    facts : dict
        Of the .json that XCP-D writes.

    Returns
    -------
    dict
        ``band`` (lowest and highest frequency that pass, in Hz, None: no limit),
        ``filter_order``, ``global_signal`` (bool); what is not stated is not there.
    """
    found: dict[str, Any] = {}
    filters = facts.get("SoftwareFilters")
    for name, settings in (filters if isinstance(filters, dict) else {}).items():
        if not isinstance(settings, dict):
            continue
        low, high = found.get("band", (None, None))
        for word, value in settings.items():
            if not _is_number(value):
                continue
            said = f"{name} {word}".lower()
            if "order" in said:
                found["filter_order"] = int(value)
            elif "cutoff" in word.lower():
                is_high_pass = (
                    "high" in (word if "pass" in word.lower() else name).lower()
                )
                low, high = (value, high) if is_high_pass else (low, value)
                found["band"] = (low, high)
    regressors = facts.get("NuisanceParameters")
    if regressors in (*WITH_GLOBAL, *WITHOUT_GLOBAL):
        found["global_signal"] = regressors in WITH_GLOBAL
    return found


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
