"""Norms over age: what is usual for people of an age, a sex and a scanner."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import json
from collections.abc import Sequence
from copy import deepcopy
from numbers import Integral
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.stats import norm
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from delssome.files import BadFileError, read_json, reading, write_atomically
from delssome.saying import warn
from delssome.study._design import refuse_other_rows
from delssome.study._people import (
    FEWEST_OF_SITE,
    People,
    labels_of,
    refuse_few,
    values_of,
)
from delssome.study._shash import Curve, most_likely, shape, whole
from delssome.utils import check_number

__all__ = ["Norms"]

Array = NDArray[np.float64]

# Numbers of knots that are compared, of the middle and of the spread over age; 0: the
# spread is the same at all ages, or the middle is a line.
KNOTS = ((0, 0), (2, 0), (2, 2), (3, 0), (3, 2), (4, 2), (5, 3))
# Standard deviation of sites, in that of people, where there are too few to know it.
SITES = 0.5
# Share of the range of ages by which people may be beyond it, and count as at its edge.
EDGE = 0.02
FORMAT = 1


class Norms(BaseEstimator):
    r"""Norms of a measure over age, with sex and site, for people of any of them.

    The measure is sinh-arcsinh (Jones and Pewsey 2009): skewed, with tails of any
    weight. Its middle and its spread are smooth over age, and both differ by sex and by
    site; the number of knots is chosen by BIC. People are then given centiles, those of
    the fit and new ones, and those of sites that the fit has not met, from a few
    people of these sites (:meth:`adapt`).

    Parameters
    ----------
    knots : tuple of two int, default=None
        Of the middle and the spread over age, at quantiles of age; 0 is a line and a
        constant. None: those of several that have the least BIC.

    Attributes
    ----------
    knots_ : tuple of two int
        As chosen.
    bic_ : float
    sites_ : tuple of str
    sexes_ : tuple of str
    age_range_ : tuple of two float
    n_ : int
        People that were fitted.

    See Also
    --------
    fit_centiles : Every centile by itself, without a family of distributions.

    Notes
    -----
    With :math:`w = (y - \mu) / \sigma`, :math:`z = \sinh(\delta \,\mathrm{arcsinh}\, w
    - \epsilon)` is standard normal. Maximum likelihood with derivatives in closed form
    (L-BFGS). Sites are fixed effects that add up to 0; one that is adapted is shrunk
    towards their average, by how much the known ones differ.

    References
    ----------
    Jones and Pewsey 2009, https://doi.org/10.1093/biomet/asp053; Rigby and
    Stasinopoulos 2005, https://doi.org/10.1111/j.1467-9876.2005.00510.x (GAMLSS); Zeng
    et al. 2026, Nature Methods (E/I over the lifespan).

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.study import Norms
    >>> rng = np.random.default_rng(0)
    >>> age = rng.uniform(8, 23, 2000)
    >>> value = 2.8 - 0.02 * age + rng.normal(0, 0.1, 2000)
    >>> norms = Norms().fit(value, age)
    >>> norms.values([50.0], [10.0, 20.0]).round(2).tolist()
    [[2.6], [2.4]]
    >>> norms.centiles([2.4], [10.0]).round().tolist()
    [2.0]
    """

    def __init__(self, knots: tuple[int, int] | None = None) -> None:
        self.knots = knots

    def fit(
        self,
        value: ArrayLike,
        age: ArrayLike,
        sex: ArrayLike | None = None,
        site: ArrayLike | None = None,
    ) -> Self:
        """Fit the norms.

        Parameters
        ----------
        value : array-like of shape (n_people,)
            For instance the mean over regions of what a model reads out; NaN (failed
            fits) are left out.
        age : array-like of shape (n_people,)
        sex, site : array-like of shape (n_people,), default=None
            Labels. None: all alike.

        Returns
        -------
        self
        """
        chosen = KNOTS if self.knots is None else (self._check_knots(),)
        refuse_other_rows(value=value, age=age, sex=sex, site=site)
        y, known = values_of(value)
        ages, sexes, sites = labels_of(len(y), age, sex, site)
        y, ages, sexes, sites = (x[known] for x in (y, ages, sexes, sites))
        refuse_few(y, ages, sites)
        names = tuple(str(k) for k in np.unique(sites))
        genders = tuple(str(k) for k in np.unique(sexes))
        people = People(
            ages,
            np.searchsorted(genders, sexes).astype(float),
            np.searchsorted(names, sites),
        )
        if len(genders) > 2:
            raise ValueError(
                f"sex must have two labels at most, got {', '.join(genders)}."
            )
        centre, unit = float(np.median(y)), float(y.std())
        found = []
        for pair in chosen:
            curve = Curve.over(ages, pair)
            middle, spread = curve.designs(people, len(genders), len(names))
            best, log_likelihood = most_likely((y - centre) / unit, middle, spread)
            bic = len(best) * np.log(len(y)) - 2.0 * log_likelihood
            found.append((bic + 2.0 * len(y) * np.log(unit), pair, curve, best))
        bic, pair, curve, best = min(found, key=lambda one: one[0])
        self.knots_, self.bic_ = pair, float(bic)
        self.sites_, self.sexes_ = names, genders
        self.age_range_ = float(ages.min()), float(ages.max())
        self.n_ = len(y)
        self._centre, self._unit = centre, unit
        self._curve, self._best = curve, best
        self._adapted: dict[str, list[float]] = {}
        return self

    def centiles(
        self,
        value: ArrayLike,
        age: ArrayLike,
        sex: ArrayLike | None = None,
        site: ArrayLike | None = None,
    ) -> Array:
        """Give the centiles of people, in percent, (n_people,).

        NaN where the value is.
        """
        return 100.0 * norm.cdf(self.deviations(value, age, sex, site))

    def deviations(
        self,
        value: ArrayLike,
        age: ArrayLike,
        sex: ArrayLike | None = None,
        site: ArrayLike | None = None,
    ) -> Array:
        """Give by how many standard deviations people are unusual, (n_people,).

        Standard normal over those of the norms, whatever the shape.
        """
        check_is_fitted(self)
        refuse_other_rows(value=value, age=age, sex=sex, site=site)
        y, _ = values_of(value)
        middle, spread = self._at(len(y), age, sex, site)
        skew, tail = shape(self._best)
        w = ((y - self._centre) / self._unit - middle) / spread
        return np.asarray(np.sinh(tail * np.arcsinh(w) - skew))

    def values(
        self,
        centiles: Sequence[float],
        age: ArrayLike,
        sex: ArrayLike | None = None,
        site: ArrayLike | None = None,
    ) -> Array:
        """Give the values at centiles, in percent, (n_people, n_centiles): curves."""
        check_is_fitted(self)
        asked = np.asarray(centiles, dtype=np.float64)
        if not ((asked > 0.0) & (asked < 100.0)).all():
            raise ValueError(f"centiles must be between 0 and 100, got {centiles!r}.")
        n = len(np.atleast_1d(np.asarray(age)))
        middle, spread = self._at(n, age, sex, site)
        skew, tail = shape(self._best)
        w = np.sinh((np.arcsinh(norm.ppf(asked / 100.0)) + skew) / tail)
        off = middle[:, None] + spread[:, None] * w
        return np.asarray(self._centre + self._unit * off)

    def adapt(
        self,
        value: ArrayLike,
        age: ArrayLike,
        sex: ArrayLike | None = None,
        *,
        site: str,
    ) -> "Norms":
        """Give norms that know one more site, from people of it who are usual.

        Parameters
        ----------
        value, age, sex
            As of :meth:`fit`, of people without a diagnosis: what they have in common
            is taken for the scanner's.
        site : str
            Its name.

        Returns
        -------
        Norms
        """
        check_is_fitted(self)
        if str(site) in self.sites_ or str(site) in self._adapted:
            raise ValueError(f"site={site!r} is known already.")
        refuse_other_rows(value=value, age=age, sex=sex)
        y, known = values_of(value)
        if known.sum() < FEWEST_OF_SITE:
            raise ValueError(
                f"site={site!r} has {int(known.sum())} people with a value, and a "
                f"site needs {FEWEST_OF_SITE} at least."
            )
        middle, spread = self._at(len(y), age, sex, None)
        y, middle, spread = y[known], middle[known], spread[known]
        y = (y - self._centre) / self._unit
        skew, tail = np.asarray(shape(self._best))
        by_site = self._by_site
        prior = np.array([SITES, SITES])
        if len(self.sites_) > FEWEST_OF_SITE // 3:
            prior = np.maximum(by_site.std(axis=0, ddof=1), 1e-3)

        def misfit(x: Array) -> float:
            w = (y - middle - x[0]) / (spread * np.exp(x[1]))
            t = tail * np.arcsinh(w) - skew
            density = -0.5 * np.sinh(t) ** 2 + np.log(np.cosh(t)) - x[1]
            density -= 0.5 * np.log1p(w**2)
            return float(0.5 * np.square(x / prior).sum() - density.sum())

        best = minimize(misfit, np.zeros(2), method="Nelder-Mead").x
        other = deepcopy(self)
        other._adapted[str(site)] = [float(x) for x in best]
        return other

    def save(self, path: str | Path) -> None:
        """Write the norms to a JSON file."""
        write_atomically(path, self.to_json().encode())

    def to_json(self) -> str:
        """Give the norms as text, which `load` reads from a file."""
        check_is_fitted(self)
        state = {
            "format": FORMAT,
            "knots": self.knots_,
            "bic": self.bic_,
            "sites": self.sites_,
            "sexes": self.sexes_,
            "age_range": self.age_range_,
            "n": self.n_,
            "centre": self._centre,
            "unit": self._unit,
            "curve": [self._curve.middle.tolist(), self._curve.spread.tolist()],
            "coefficients": self._best.tolist(),
            "adapted": self._adapted,
        }
        return json.dumps(state, indent=1)

    @classmethod
    def load(cls, path: str | Path) -> "Norms":
        """Read norms that were written by :meth:`save`."""
        kind, remedy = "file of norms", "fit the norms again"
        state = read_json(Path(path), kind, remedy)
        with reading(Path(path), kind, remedy):
            if state["format"] != FORMAT:
                raise BadFileError(
                    f"{path} is of format {state['format']}, this version reads "
                    f"{FORMAT}; {remedy}."
                )
            norms = cls()
            norms.knots_ = tuple(state["knots"])
            norms.bic_, norms.n_ = state["bic"], state["n"]
            norms.sites_, norms.sexes_ = tuple(state["sites"]), tuple(state["sexes"])
            norms.age_range_ = tuple(state["age_range"])
            norms._centre, norms._unit = state["centre"], state["unit"]
            norms._curve = Curve(*(np.array(x) for x in state["curve"]))
            norms._best = np.array(state["coefficients"])
            norms._adapted = state["adapted"]
        return norms

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "sites_")

    def _check_knots(self) -> tuple[int, int]:
        pair = self.knots
        if not (isinstance(pair, tuple | list) and len(pair) == 2):
            raise TypeError(
                f"knots must be two numbers, of middle and spread, got {pair!r}."
            )
        for k in pair:
            check_number("knots", k, Integral, 0, 20)
        return int(pair[0]), int(pair[1])

    @property
    def _by_site(self) -> Array:
        """Middle and logarithm of the spread of sites, (n_sites, 2)."""
        n = len(self.sites_)
        n_middle = len(self._curve.columns(np.zeros(1), 0)[0]) + len(self.sexes_) - 1
        n_spread = len(self._curve.columns(np.zeros(1), 1)[0]) + len(self.sexes_) - 1
        first = self._best[n_middle : n_middle + n - 1]
        start = n_middle + n - 1 + n_spread
        second = self._best[start : start + n - 1]
        return np.column_stack([whole(first), whole(second)])

    def _at(self, n: int, age: Any, sex: Any, site: Any) -> tuple[Array, Array]:
        """Give middle and spread of people, in units of the fit."""
        ages, sexes, sites = labels_of(n, age, sex, site)
        low, high = self.age_range_
        edge = EDGE * (high - low)
        ages = np.where((ages < low) & (ages > low - edge), low, ages)
        ages = np.where((ages > high) & (ages < high + edge), high, ages)
        if ((ages < low) | (ages > high)).any():
            beyond = ages[(ages < low) | (ages > high)]
            raise ValueError(
                f"age must be between {low:g} and {high:g}, of which the norms are, "
                f"got {beyond[0]:g}"
                + (f" and {len(beyond) - 1} more." if len(beyond) > 1 else ".")
            )
        if sex is None and len(self.sexes_) > 1:
            raise ValueError(
                f"sex is needed, as these norms differ by it: {', '.join(self.sexes_)}."
            )
        known = set(self.sexes_) if sex is not None else set(sexes)
        if not set(sexes) <= known:
            raise ValueError(
                f"sex must be of {', '.join(self.sexes_)}, got "
                f"{', '.join(sorted(set(sexes) - known))}."
            )
        genders = np.searchsorted(self.sexes_, sexes).clip(max=len(self.sexes_) - 1)
        curve = self._curve
        people = People(ages, genders.astype(float), np.full(n, -1))
        parts = curve.designs(people, len(self.sexes_), len(self.sites_))
        first = parts[0].shape[1]
        middle = parts[0] @ self._best[:first]
        log_spread = parts[1] @ self._best[first:-2]
        offsets = dict(zip(self.sites_, self._by_site.tolist(), strict=True))
        offsets |= self._adapted
        if site is not None:
            unknown = sorted(set(sites) - set(offsets))
            if unknown:
                warn(
                    f"site {', '.join(unknown)} is not known to these norms: taken for "
                    "an average one. Norms.adapt learns it from a few of its people.",
                    UserWarning,
                )
            off = np.array([offsets.get(one, [0.0, 0.0]) for one in sites])
            middle, log_spread = middle + off[:, 0], log_spread + off[:, 1]
        return middle, np.exp(log_spread)
