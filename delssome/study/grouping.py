"""Groups of subjects of similar age."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_array

from delssome.utils import check_number

__all__ = ["age_groups"]


def age_groups(age: ArrayLike, n_groups: int) -> NDArray[np.int_]:
    """Sort subjects by age into groups of equal size.

    Parameters
    ----------
    age : array-like of shape (n_subjects,)
    n_groups : int
        Sizes differ by one at most; the younger groups are the larger ones.

    Returns
    -------
    ndarray of int, shape (n_subjects,)
        Label of each subject's group, from 0 (youngest), as ``groups`` of
        :meth:`delssome.PopulationFitter.fit` takes them.

    Notes
    -----
    As published for 885 participants in 29 groups of 31 or 30 (Zhang et al. 2024), half
    of each for validation: ``Verification(validation_fraction=0.5)``.

    Examples
    --------
    >>> from delssome.study import age_groups
    >>> age_groups([20.0, 9.0, 15.0, 11.0, 12.0], 2)
    array([1, 0, 1, 0, 0])
    """
    ages = check_array(age, ensure_2d=False, dtype=np.float64, input_name="age")
    check_number("n_groups", n_groups, Integral, 1, len(ages))
    labels = np.empty(len(ages), dtype=int)
    order = np.argsort(ages, kind="stable")
    for label, members in enumerate(np.array_split(order, n_groups)):
        labels[members] = label
    return labels
