"""People of norms: what was measured, and what is known of them."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    column_or_1d,
)

from delssome.formulas import refuse_case

__all__ = ["FEWEST_OF_SITE", "People", "labels_of", "refuse_few", "values_of"]

Array = NDArray[np.float64]

# People that a fit needs, and those of a site.
FEWEST, FEWEST_OF_SITE = 50, 10


class People(NamedTuple):
    """Who was measured, as columns."""

    age: Array
    sex: Array
    site: NDArray[np.intp]


def values_of(value: ArrayLike) -> tuple[Array, NDArray[np.bool_]]:
    """Check a measure, and tell whose is known."""
    y = check_array(
        value,
        ensure_2d=False,
        dtype=np.float64,
        ensure_all_finite="allow-nan",
        input_name="value",
    )
    y = column_or_1d(y)
    return y, np.isfinite(y)


def labels_of(n: int, age: Any, sex: Any, site: Any) -> tuple[Array, Array, Array]:
    """Check what is known of people; labels as text."""
    try:
        ages = check_array(age, ensure_2d=False, dtype=np.float64, input_name="age")
    except ValueError as error:  # scikit-learn's of words names nothing
        raise ValueError(f"age must be a number of everybody: {error}") from error
    found = [column_or_1d(ages)]
    for name, given in (("sex", sex), ("site", site)):
        if given is None:
            found.append(np.full(n, "all"))
            continue
        labels = column_or_1d(np.asarray(given, dtype=object))
        missing = [one is None or one != one or not str(one).strip() for one in labels]
        if any(missing):
            raise ValueError(f"{name} has {sum(missing)} gaps: leave these people out.")
        found.append(np.array([str(one).strip() for one in labels]))
        refuse_case(name, np.unique(found[-1]), "people")
    check_consistent_length(np.empty(n), *found)
    return found[0], found[1], found[2]


def refuse_few(y: Array, age: Array, site: Array) -> None:
    """Refuse too few people, of all or of a site, or such as are all alike."""
    if len(y) < FEWEST:
        raise ValueError(
            f"Norms need {FEWEST} people with a value at least, got {len(y)}; of fewer "
            "ask for effects alone (map_effects, --formula)."
        )
    if np.ptp(age) == 0:
        raise ValueError("age is the same of all people.")
    if np.ptp(y) == 0:
        raise ValueError("value is the same of all people.")
    names, counts = np.unique(site, return_counts=True)
    few = names[counts < FEWEST_OF_SITE]
    if len(few):
        raise ValueError(
            f"site {', '.join(map(str, few))} has fewer than {FEWEST_OF_SITE} people "
            "with a value: leave it out, or adapt to it."
        )
