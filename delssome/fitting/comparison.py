"""What a comparison of models found, and which model it is."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from delssome.costs import COST_NAMES

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["CRITERIA", "ModelComparison"]

Array = NDArray[Any]

# What can decide between models.
CRITERIA = ("likelihood", "cost")


@dataclass(frozen=True)
class ModelComparison:
    """How well models explain data that they were not fitted to.

    Attributes
    ----------
    names : tuple of str
        Models, as they were given.
    criterion : {"likelihood", "cost"}
        What decides.
    log_likelihood : ndarray of shape (n_models, n_units)
        Of the FC of held-out subjects, means over those of a unit: a subject or, of
        subjects that belong together, a group. -inf where theory finds no stable state,
        NaN if costs decide.
    unexplained : ndarray of shape (n_models, n_units)
        What models leave of held-out FC, in variances of the noise of one scan: 1 if
        nothing but noise is left.
    costs : ndarray of shape (n_models, n_folds, 3)
        Terms of the cost against the held-out subjects of each fold, means of eight
        evaluations; NaN where the winner diverged on their connectome, or if nothing
        was simulated.
    in_range : ndarray of bool, shape (n_models, n_folds)
        Whether the winner kept the plausible range in all of these simulations.
    n_train, n_test : ndarray of int, shape (n_folds,)
        Subjects that were fitted, and held out.
    n_units : ndarray of int, shape (n_folds,)
        Units that were held out.
    level : float
        Of all intervals together.

    Notes
    -----
    Units, or folds where costs decide, are compared in pairs, so that what makes
    held-out subjects hard to explain does not count. Fits of different folds share
    subjects; the variance is enlarged for that, by ``n_test / n_train`` of a fold's
    (Nadeau and Bengio 2003, Machine Learning 52, 239-281), and the level divided among
    the comparisons with the best model (Bonferroni).

    Examples
    --------
    As :func:`~delssome.compare_models` gives it, of four subjects in two folds:

    >>> import numpy as np
    >>> from delssome import ModelComparison
    >>> found = ModelComparison(
    ...     names=("FIC", "MFM"),
    ...     criterion="likelihood",
    ...     log_likelihood=np.array([[310, 295, 322, 301], [283, 270, 299, 272.0]]),
    ...     unexplained=np.array([[1.3, 1.4, 1.2, 1.4], [1.8, 1.9, 1.6, 1.9]]),
    ...     costs=np.full((2, 2, 3), np.nan),
    ...     in_range=np.ones((2, 2), dtype=bool),
    ...     n_train=np.array([2, 2]),
    ...     n_test=np.array([2, 2]),
    ...     n_units=np.array([2, 2]),
    ... )
    >>> found.best, found.alike
    ('FIC', ['FIC'])
    """

    names: tuple[str, ...]
    criterion: str
    log_likelihood: Array
    unexplained: Array
    costs: Array
    in_range: Array
    n_train: Array
    n_test: Array
    n_units: Array
    level: float = 0.95

    @property
    def totals(self) -> Array:
        """Total costs, (n_models, n_folds); inf where the winner diverged."""
        totals = self.costs.sum(axis=2)
        return np.where(np.isnan(totals), np.inf, totals)

    @property
    def losses(self) -> Array:
        """What decides, less is better: (n_models, n_units), or a column a fold."""
        return self.totals if self.criterion == "cost" else -self.log_likelihood

    @property
    def lowest(self) -> str:
        """The model that the criterion puts first, by however little."""
        return self.names[self.order[0]]

    @property
    def order(self) -> Array:
        """Models by what decides, the first the best."""
        return np.argsort(self.losses.mean(axis=1), kind="stable")

    @property
    def alike(self) -> list[str]:
        """Models that the data do not tell from the first, and itself."""
        low, first = self.differences()[1], self.order[0]
        return [
            name for k, name in enumerate(self.names) if k == first or not low[k] > 0
        ]

    @property
    def best(self) -> str | None:
        """The model that explains the data better than each other; None: undecided."""
        decided = len(self.alike) == 1 and np.isfinite(self.losses[self.order[0]]).all()
        return self.lowest if decided else None

    def differences(self) -> tuple[Array, Array, Array]:
        """Give by how much models do worse than the first, with intervals.

        Returns
        -------
        difference, low, high : ndarray of shape (n_models,)
            Log likelihood of a subject, or cost; 0 of the first model, inf of one that
            diverged. Limits are infinite if there is one unit only.
        """
        losses, first = self.losses, self.order[0]
        with np.errstate(invalid="ignore"):  # where both diverged
            paired = losses - losses[first]
        paired = np.where(np.isnan(paired), 0.0, paired)
        n_models, n = paired.shape
        difference = paired.mean(axis=1)
        half = np.full(n_models, np.inf)
        finite = np.isfinite(paired).all(axis=1)
        n_folds = len(self.n_test)
        if n > 1 and n_folds > 1:
            per_fold = 1.0 if self.criterion == "cost" else self.n_units.mean()
            shared = np.mean(self.n_test / self.n_train)
            variance = paired[finite].var(axis=1, ddof=1)
            error = np.sqrt((1.0 / n_folds + shared) * variance / per_fold)
            tail = (1.0 - self.level) / max(n_models - 1, 1) / 2.0
            half[finite] = stats.t.ppf(1.0 - tail, n - 1) * error
        half[first] = 0.0
        with np.errstate(invalid="ignore"):
            low, high = difference - half, difference + half
        return difference, np.where(finite, low, np.inf), np.where(finite, high, np.inf)

    def to_frame(self) -> "DataFrame":
        """Give a table, the best model first.

        Returns
        -------
        pandas.DataFrame
            A row a model: ``log_likelihood`` and ``unexplained`` of a held-out subject,
            ``beyond`` (by how much it does worse than the first, in what decides),
            ``low`` and ``high`` (interval of that), ``cost`` (held-out total), its
            terms, and ``in_range`` (share of folds whose winner kept the plausible
            range). Needs pandas (``pip install "delssome[study]"``).
        """
        import pandas as pd

        difference, low, high = self.differences()
        terms = self.costs.mean(axis=1)
        columns = {
            "log_likelihood": self.log_likelihood.mean(axis=1),
            "unexplained": self.unexplained.mean(axis=1),
            "beyond": difference,
            "low": low,
            "high": high,
            "cost": terms.sum(axis=1),
            **dict(zip(COST_NAMES, terms.T, strict=True)),
            "in_range": self.in_range.mean(axis=1),
        }
        index = pd.Index(self.names, name="model")
        return pd.DataFrame(columns, index=index).iloc[self.order]

    def __str__(self) -> str:
        difference, low, high = self.differences()
        what = "cost" if self.criterion == "cost" else "nats a subject"
        lines = [self.says()]
        for k in self.order:
            said = []
            if k != self.order[0]:
                said += [
                    f"worse than {self.lowest} by {difference[k]:.3g} "
                    f"[{low[k]:.3g}, {high[k]:.3g}] ({what})"
                ]
            if self.criterion == "likelihood":
                said += [f"leaves {self.unexplained[k].mean():.2f} of noise"]
            if not np.isnan(self.costs[k]).all():
                said += [f"held-out cost {self.totals[k].mean():.3f}"]
                if not self.in_range[k].all():
                    said += [f"out of range in {(~self.in_range[k]).sum()} folds"]
            lines.append(f"{self.names[k]}: {', '.join(said)}")
        lines.append(
            f"{len(self.n_test)} folds; intervals hold with {self.level:.0%}, all "
            "together, and count that fits share subjects."
        )
        return "\n".join(lines)

    def says(self) -> str:
        """Say in a sentence which model it is, or that these data cannot tell."""
        if self.best is not None:
            return f"{self.best} explains held-out data best."
        if not np.isfinite(self.losses.mean(axis=1)).any():
            return "No model could be judged in all folds: none was stable."
        *some, last = self.alike
        return f"These data cannot tell {', '.join(some) or 'any model'} from {last}."
