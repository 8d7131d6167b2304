"""PooledPosterior: many scans in, what they know together of what differs."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from delssome.exceptions import MisfitWarning
from delssome.fitting.components import ComposedEstimator, ReadsOut
from delssome.fitting.known import mean_and_interval
from delssome.fitting.posing_pool import pose_pool
from delssome.models import FIC, Model
from delssome.saying import warn
from delssome.simulation import Acquisition
from delssome.study._design import subjects_of
from delssome.utils import check_number, check_running, make_generator

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["PooledPosterior"]

Array = NDArray[Any]

# Variance of what is left of a scan, in that of its noise, and of what is left of all
# alike, from which on the model fits worse than where intervals were tried: there, in
# synthetic cohorts, they were up to 1.1 and 0.004; few short scans give more by chance.
MOST_NOISE, MOST_ERROR = 1.5, 0.5


class PooledPosterior(ReadsOut, ComposedEstimator):
    r"""Infer from many scans at once how a model's parameters differ between them.

    A scan alone leaves open which of many parameters made it, and separate fits end
    anywhere on such ridges. What scans share adds up instead: here all have the same
    coefficients but for effects of covariates, such as age or a drug, and for what
    people differ in.

    On synthetic cohorts, with free ranges and people who scatter, intervals of 95 %
    held the true effect in 49 of 52, and signs were right wherever they excluded 0
    (`doc/results.md`, *Differences between scans*). For that draws of what is read out
    are widened by 1.3: by so much errors were larger than chains had said.
    Where the model leaves much more than noise, a warning says that they were not
    tried.

    Parameters
    ----------
    maps : array-like of shape (n_rois, n_maps), default=None
        As of :class:`~delssome.MeanFieldFitter`.
    formula : str, default=None
        How the columns of covariates enter, as in ``"age + sex + C(site)"`` (needs
        formulaic, ``pip install "delssome[study]"``). None: as they are.
    affects : sequence of str, default=None
        Parameters that covariates may move, linearly in the maps. None: all that are
        searched. The fewer, the more is known, if it is right.
    along : dict of str to dict of str to array-like, default=None
        For a covariate, parameters that it moves, each along a pattern over regions
        (n_rois,) of its own, such as the density of a receptor, instead of the maps.
        There is nothing of it at the smaller of two values, or at 0 of a dose.
    scatter : sequence of str, default=None
        Parameters in which people differ at random. None: all that are searched.
    model : Model, default=None
        With its ranges and constraints. None: ``FIC()``.
    acquisition : Acquisition, default=None
        Of all scans.
    interval : float, default=0.95
        Probability that intervals hold.
    n_draws : int, default=400
    n_fcd_bins : int, default=10_000
    sc_transform : {"log", "log_weights", None}, default="log"
        As of :class:`~delssome.MeanFieldFitter`.
    store : path, default=None
        Folder that keeps every round: a call that was stopped goes on there, and
        another question to the same scans starts from the same draws.
    n_jobs : int, default=None
        Threads of theory. Results do not depend on it.
    verbose : int, default=0
        1 or more shows a progress bar.
    random_state : int, RandomState instance or None, default=None

    Attributes
    ----------
    covariate_names_ : tuple of str
    effect_draws_ : ndarray of shape (n_draws, n_covariates, n_rois)
        By how much what the model reads out changes with one unit of a covariate, about
        the mean of the others.
    effect_ : ndarray of shape (n_covariates, n_rois)
        Means of these.
    effect_interval_ : ndarray of shape (n_covariates, n_rois, 2)
    mean_effect_ : ndarray of shape (n_covariates, 3)
        Mean and interval of the effect on the average over regions.
    sign_probability_ : ndarray of shape (n_covariates,)
        Probability that this is positive.
    draws_ : ndarray of shape (n_draws, n_params)
        Coefficients, named by `param_names_`, where covariates are at their mean, and
        there is nothing of those in `along`.
    readout_, readout_interval_ : ndarray of shape (n_rois,) and (n_rois, 2)
        What the model reads out there.
    mean_readout_interval_ : ndarray of shape (2,)
        Of its average over regions.
    people_ : ndarray
        Labels of people, sorted.
    readouts_ : ndarray of shape (n_people, n_rois)
        What is read out of each of them, with the effects of their covariates.
    readouts_interval_ : ndarray of shape (n_people, n_rois, 2)
    scatter_ : dict of str to ndarray of shape (3,)
        Mean and interval of the standard deviation over people: of levels, as a share
        of the range of a parameter, and of slopes ("w_EI over maps"), as that of a
        quarter of it for a standard deviation of a map.
    noise_scale_ : ndarray of shape (3,)
        Variance of what is left of a scan, in that of its noise: mean and interval.
    model_error_ : float
        Variance of what is left of all scans alike, in the same unit.
    share_feasible_ : float
        Share of draws that are within the ranges at both ends of all covariates.
    n_replaced_ : int
        Scans on whose own connectome a typical draw has no stable state, so that the
        group's stands in.
    model_, acquisition_, space_ : components
        As used.
    n_rois_, n_features_in_ : int

    See Also
    --------
    MeanFieldPosterior : One scan, or one average, without an approximation.

    Notes
    -----
    A scan has the coefficients of the group, effects of its covariates, and what its
    person differs in, normal in search coordinates. Its FC is normal, on Fisher's
    scale, about what theory expects, with noise in closed form. What own connectomes
    add is taken at one point; else expected FC is a polynomial of third degree in the
    coordinates and in the logarithm of the decay rate of the slowest mode, with which
    FC grows towards the edge of stability; it is learned where chains are, and again
    after each of four rounds. Scans that are unlike any that it was learned from count
    less. Effects and people are integrated out by Laplace's approximation at every
    point of the chains, about the places where scans are likeliest (first-order
    conditional estimation; Lindstrom and Bates 1990). Chains start from the posterior
    of the mean FC and move by slopes and by each other. Priors: uniform in the ranges
    and within the plausible range for coefficients, normal with 0.3 of a range for the
    effect of a standard deviation, or of a contrast, and half-normal with 0.1 of a
    range for scatter, one of levels and one of slopes over maps for each parameter. FC
    alone speaks.

    References
    ----------
    Zeng et al. 2026, Nature Methods (model, box); Brillinger 1981, section 7.6 (noise
    of covariances); Lindstrom and Bates 1990, Biometrics 46, 673-687.

    Examples
    --------
    Sixteen scans take a minute or two::

        from delssome import Acquisition, PooledPosterior
        from delssome.datasets import make_cohort

        scan = Acquisition(n_frames=800)
        cohort = make_cohort(16, 24, age_effect=0.025, acquisition=scan)
        pooled = PooledPosterior(
            cohort.maps, affects=["w_EI"], acquisition=scan, random_state=0
        ).fit(cohort.X, cohort.age)
        pooled.mean_effect_     # change of mean E/I a year, with its interval
        pooled.readouts_        # E/I of every person
    """

    _defaults: ClassVar[dict[str, Any]] = {"model": FIC, "acquisition": Acquisition}

    def __init__(
        self,
        maps: ArrayLike | None = None,
        *,
        formula: str | None = None,
        affects: Sequence[str] | None = None,
        along: Mapping[str, Mapping[str, ArrayLike]] | None = None,
        scatter: Sequence[str] | None = None,
        model: Model | None = None,
        acquisition: Acquisition | None = None,
        interval: float = 0.95,
        n_draws: int = 400,
        n_fcd_bins: int = 10_000,
        sc_transform: str | None = "log",
        store: str | Path | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.maps = maps
        self.formula = formula
        self.affects = affects
        self.along = along
        self.scatter = scatter
        self.model = model
        self.acquisition = acquisition
        self.interval = interval
        self.n_draws = n_draws
        self.n_fcd_bins = n_fcd_bins
        self.sc_transform = sc_transform
        self.store = store
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike,
        covariates: Any = None,
        people: ArrayLike | None = None,
    ) -> Self:
        """Draw from the posterior of all scans together.

        Parameters
        ----------
        X : array-like of shape (n_scans, n_features)
            Packed subjects. The index of a data frame names them.
        covariates : array-like of shape (n_scans,) or (n_scans, n_covariates), or \
pandas.DataFrame, default=None
            What may move parameters; of a data frame by name, where `X` has names too.
            None: nothing; people differ at random.
        people : array-like of shape (n_scans,), default=None
            Whose scan it is; scans of the same person share what the person has. None:
            every scan is another person's.

        Returns
        -------
        self
        """
        check_number("interval", self.interval, Real, 0.01, 0.999)
        check_running(self.n_jobs, self.verbose)
        check_number("n_draws", self.n_draws, Integral, 2, 1_000_000)
        data = check_array(X, dtype=np.float64, estimator=self, input_name="X")
        rng = make_generator(self.random_state).spawn(1)[0]
        if hasattr(covariates, "columns"):
            named = {"of": "X", "name": "covariates"}
            covariates = subjects_of(X, covariates, len(data), **named)
        # Nothing is set before all is found: a fit that fails changes nothing.
        pool = pose_pool(self, data, covariates, people)
        found = pool.run(rng)
        validate_data(self, X, skip_check_array=True)
        for name, value in found.items():
            setattr(self, name, value)
        self._warn_of_misfit()
        return self

    def _warn_of_misfit(self) -> None:
        """Say that intervals were not tried where a model fits as badly as here."""
        noise, error = self.noise_scale_[0], self.model_error_
        if noise > MOST_NOISE or error > MOST_ERROR:
            warn(
                f"What {self.model_!r} leaves of a scan has {noise:.2g} times the "
                f"variance of its noise, and what it leaves of all alike {error:.2g} "
                "times: intervals were tried where it leaves noise alone "
                "(doc/results.md, 'Differences between scans'), and say little here. "
                "Other maps, or another model, may fit better.",
                MisfitWarning,
            )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "readouts_")

    def to_frame(
        self,
        region_names: Sequence[str] | None = None,
        networks: Sequence[str] | Mapping[str, str] | None = None,
    ) -> "DataFrame":
        """Give the effects of covariates as a table.

        Parameters
        ----------
        region_names : sequence of str of length n_rois, default=None
        networks : sequence of str of length n_rois, or dict by region, default=None
            Which network a region belongs to.

        Returns
        -------
        pandas.DataFrame
            A row for each covariate and the mean, each network and each region:
            ``effect`` (change of what is read out by one unit of the covariate),
            ``sd``, ``low`` and ``high`` (interval), ``p_positive``. Needs pandas
            (``pip install "delssome[study]"``).
        """
        import pandas as pd

        from delssome.study._tables import with_summaries

        check_is_fitted(self)
        tables = {}
        for k, name in enumerate(self.covariate_names_):
            draws, index = with_summaries(
                self.effect_draws_[:, k], region_names, networks
            )
            found = mean_and_interval(draws, self.interval)
            columns = {
                "effect": found[:, 0],
                "sd": draws.std(axis=0),
                "low": found[:, 1],
                "high": found[:, 2],
                "p_positive": (draws > 0).mean(axis=0),
            }
            tables[name] = pd.DataFrame(columns, index=index)
        return pd.concat(tables, names=["covariate"])
