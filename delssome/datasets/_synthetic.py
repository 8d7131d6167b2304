"""A synthetic cohort: connectomes, maps and scans with known parameters."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import logging
from dataclasses import replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from joblib import delayed, effective_n_jobs
from numpy.typing import NDArray
from sklearn.utils import Bunch, check_random_state

from delssome.connectome import pack_subjects, prepare_sc
from delssome.datasets._connectomes import (
    draw_counts,
    draw_maps,
    population_connectome,
)
from delssome.models import FIC, Candidates, ParameterSpace
from delssome.utils import MOST_BINS, check_number, check_running, instance_or_default
from delssome.workers import Parallel

if TYPE_CHECKING:
    from delssome.simulation import Acquisition

__all__ = ["make_cohort"]

logger = logging.getLogger("delssome")

Array = NDArray[Any]

MIN_ROIS = 8
MAP_NAMES = ("myelin", "gradient")
# Coefficients of the group on [1, myelin, gradient]: near published ones for young
# adults (Zhang et al. 2024), but with less recurrent excitation, so that subjects
# have room around them before regions leave their target rate.
GROUP = {
    "w_EE": (2.9, 0.2456, -0.2613),
    "w_EI": (2.413, 0.0036, 0.3084),
    "sigma": (0.0059, -0.0014, 0.0012),
}
# G times the largest eigenvalue of the prepared SC, which decides how strongly
# regions move together and whether they stay near their target rate. With few
# regions the limit on G comes first; w_EE makes up for a share of what is missing.
COUPLING, MAX_G, MADE_UP = 0.92, 2.8, 0.3
MAP_SIGNS, MIN_W_EI_SD = (-1, 1), 0.3  # published constraints on individuals
MAX_DRAWS, MAX_ROUNDS = 1000, 20

DESCR = """\
Synthetic cohort of {n_subjects} subjects with {n_rois} regions.

Connectomes are streamline counts between points on two folded ellipsoids; FC and
FCD come from one simulated scan of the FIC model per subject ({n_frames} frames at a
TR of {tr} s), with that subject's connectome and parameters. No empirical data.
{n_redrawn} draws of parameters left the range of plausible firing rates in their
simulation and were replaced.
"""


def make_cohort(
    n_subjects: int = 10,
    n_rois: int = 68,
    *,
    acquisition: "Acquisition | None" = None,
    model: FIC | None = None,
    subject_sd: float = 0.03,
    age_range: tuple[float, float] = (8.0, 23.0),
    age_effect: float = 0.0,
    n_fcd_bins: int = 10_000,
    n_jobs: int | None = None,
    verbose: int = 0,
    random_state: int | np.random.RandomState | None = None,
) -> Bunch:
    """Make a synthetic cohort whose parameters and E/I ratios are known.

    Parameters
    ----------
    n_subjects : int, default=10
    n_rois : int, default=68
        Regions, at least 8. The left hemisphere comes first; it has one region more
        if the number is odd.
    acquisition : Acquisition, default=None
        Scan to simulate. None: ``Acquisition()``, 1200 frames at a TR of 0.72 s,
        which takes less than a minute for 10 subjects with 68 regions. Time grows
        with the length of the scan and its burn-in.
    model : FIC, default=None
        Model with its ranges; no other kind, as the truth is one of E/I ratios. Signs
        of maps and spread of w_EI are the published ones, whatever the model's own.
        None: ``FIC()``.
    subject_sd : float, default=0.03
        Standard deviation over subjects of every coefficient, as a share of the
        group's. With more than about 0.05, many draws leave the plausible rates and
        have to be replaced.
    age_range : tuple of float (low, high), default=(8.0, 23.0)
        Ages are spread evenly at random, in years.
    age_effect : float, default=0.0
        By how much w_EI grows for each year above the youngest age, as a share of the
        group's intercept: E/I falls with age. 0.025 takes mean E/I from 2.65 to about
        2.2 over 15 years.
    n_fcd_bins : int, default=10_000
        Bins of the FCD CDF.
    n_jobs : int, default=None
        Workers among which subjects are shared (joblib).
    verbose : int, default=0
        With 1 or more, logger "delssome" tells (level INFO) how far it is.
    random_state : int, RandomState or None, default=None
        None makes another cohort every time. A subject depends on its position, not
        on how many follow (FC and FCD up to rounding).

    Returns
    -------
    Bunch
        What a study would have:

        - ``X``: ndarray of shape (n_subjects, n_features); packed subjects, as
          estimators take them.
        - ``sc``, ``fc``: ndarray of shape (n_subjects, n_rois, n_rois); streamline
          counts; Pearson correlations.
        - ``fcd_cdf``: ndarray of shape (n_subjects, n_fcd_bins).
        - ``bold``: ndarray of shape (n_subjects, n_frames, n_rois); float32, as the
          pipeline of the acquisition leaves it.
        - ``maps``: ndarray of shape (n_rois, 2); smooth maps like T1w/T2w ratio and
          principal gradient of FC.
        - ``map_names``: tuple of str.
        - ``region_names``: list of str.
        - ``centroids``: ndarray of shape (n_rois, 3); positions (right, front, up), in
          mm.
        - ``lengths``: ndarray of shape (n_rois, n_rois); fibre lengths, in mm.
        - ``acquisition``: Acquisition.

        and the truth:

        - ``params``: dict of str to ndarray; w_EE, w_EI and sigma (n_subjects, n_rois),
          G (n_subjects,).
        - ``theta``: ndarray of shape (n_subjects, 10); coefficients on [1, maps], named
          by `theta_names`.
        - ``theta_names``: list of str.
        - ``group_theta``: ndarray of shape (10,); what subjects scatter about, at the
          youngest age.
        - ``age``: ndarray of shape (n_subjects,).
        - ``ei_ratio``: ndarray of shape (n_subjects, n_rois); E/I ratio, <S_E>/<S_I> of
          the simulated scan.
        - ``rates``: ndarray of shape (n_subjects, n_rois); mean excitatory firing
          rates, in Hz; all plausible.
        - ``n_draws``: ndarray of int, shape (n_subjects,); simulated draws of
          parameters until the rates were plausible.
        - ``DESCR``: str.

    Notes
    -----
    A draw of parameters counts only if it is in the feasible box of the model, obeys
    the published constraints on individuals, and keeps all simulated rates within
    the plausible range; a draw that does not is replaced by another one for the same
    subject. FC and FCD are those of one noisy scan, so that even the true parameters
    fit them only up to noise. The group's G is at most 2.8: with fewer than about 50
    regions, coupling and thus mean FC are lower.

    Examples
    --------
    >>> from delssome.datasets import make_cohort
    >>> from delssome.simulation import Acquisition
    >>> scan = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)
    >>> cohort = make_cohort(n_subjects=2, n_rois=8, acquisition=scan, random_state=0)
    >>> cohort.X.shape, cohort.ei_ratio.shape
    ((2, 10056), (2, 8))
    """
    acquisition, model = _check_settings(
        n_subjects, n_rois, acquisition, model, subject_sd, age_range, age_effect
    )
    check_number("n_fcd_bins", n_fcd_bins, Integral, 2, MOST_BINS)
    check_running(n_jobs, verbose)

    # One stream for the population and one per subject.
    population, *streams = _seeds(random_state).spawn(1 + n_subjects)
    rng = np.random.default_rng(population)
    centroids, lengths, expected, faint = population_connectome(n_rois, rng)
    constrained = replace(model, map_signs=MAP_SIGNS, min_w_EI_sd=MIN_W_EI_SD)
    space = ParameterSpace(constrained, draw_maps(centroids, rng))
    group_theta = _group_theta(expected, faint)
    age = rng.uniform(*age_range, n_subjects)
    own_theta = np.repeat(group_theta[None], n_subjects, axis=0)
    w_EI = list(space.names).index("w_EI_0")
    own_theta[:, w_EI] *= 1.0 + age_effect * (age - age_range[0])

    subjects = [np.random.default_rng(stream) for stream in streams]
    sc = np.stack([draw_counts(expected, faint, rng) for rng in subjects])
    scans = _scan_until_plausible(
        space, own_theta, subject_sd, sc, subjects, acquisition, n_jobs, verbose
    )
    fc, fcd_cdf = _statistics(scans.bold, acquisition, n_fcd_bins, n_jobs)
    return Bunch(
        X=pack_subjects(sc, fc, fcd_cdf),
        sc=sc,
        fc=fc,
        fcd_cdf=fcd_cdf,
        maps=space.maps,
        map_names=MAP_NAMES,
        region_names=_region_names(n_rois),
        centroids=centroids,
        lengths=lengths,
        acquisition=acquisition,
        params=space.expand(scans.theta),
        theta_names=list(space.names),
        group_theta=group_theta,
        age=age,
        DESCR=_describe(scans, acquisition),
        **scans,
    )


def _check_settings(
    n_subjects: int,
    n_rois: int,
    acquisition: "Acquisition | None",
    model: FIC | None,
    subject_sd: float,
    age_range: tuple[float, float],
    age_effect: float,
) -> "tuple[Acquisition, FIC]":
    """Check what a cohort is made of, and fill in what is not given."""
    from delssome.simulation import Acquisition

    check_number("n_subjects", n_subjects, Integral, 1, 1_000_000)
    check_number("n_rois", n_rois, Integral, MIN_ROIS, 10_000)
    check_number("subject_sd", subject_sd, Real, 0)
    check_number("age_effect", age_effect, Real, 0)
    if len(age_range) != 2 or not age_range[0] < age_range[1]:
        raise ValueError(f"age_range must be (low, high), got {age_range!r}.")
    if model is not None and not isinstance(model, FIC):
        raise TypeError(
            "model must be None or a FIC model: make_cohort makes cohorts whose E/I "
            f"ratios are known, which other models have not; got {model!r}."
        )
    return (
        instance_or_default("acquisition", acquisition, Acquisition),
        FIC() if model is None else model,
    )


def _describe(scans: Bunch, acquisition: "Acquisition") -> str:
    n_subjects, n_rois = scans.rates.shape
    return DESCR.format(
        n_subjects=n_subjects,
        n_rois=n_rois,
        n_frames=acquisition.n_frames,
        tr=acquisition.tr,
        n_redrawn=int((scans.n_draws - 1).sum()),
    )


def _region_names(n_rois: int) -> list[str]:
    n_left = (n_rois + 1) // 2
    return [
        *(f"L{i + 1:02d}" for i in range(n_left)),
        *(f"R{i + 1:02d}" for i in range(n_rois - n_left)),
    ]


def _seeds(
    random_state: int | np.random.RandomState | None,
) -> np.random.SeedSequence:
    # Without random_state, fresh entropy: scikit-learn's rule would move the global
    # random state.
    if random_state is None:
        return np.random.SeedSequence()
    return np.random.SeedSequence(check_random_state(random_state).randint(2**31))


def _group_theta(expected: Array, faint: Array) -> Array:
    typical = prepare_sc(np.where(expected < faint, 0.0, expected))
    largest = np.linalg.eigvalsh(typical)[-1]
    G = min(COUPLING / largest, MAX_G)
    theta = np.array([*GROUP["w_EE"], *GROUP["w_EI"], G, *GROUP["sigma"]])
    theta[0] += MADE_UP * (COUPLING - G * largest)
    return theta


def _scan_until_plausible(
    space: ParameterSpace,
    own_theta: Array,
    subject_sd: float,
    sc: Array,
    subjects: list[np.random.Generator],
    acquisition: "Acquisition",
    n_jobs: int | None,
    verbose: int,
) -> Bunch:
    """Simulate all subjects, and those that leave the plausible rates again."""
    low, high = space.model.rate_range
    result = Bunch(n_draws=np.zeros(len(sc), dtype=int))
    todo = np.arange(len(sc))
    for _ in range(MAX_ROUNDS):
        if verbose:
            logger.info("make_cohort: simulate %d subjects", len(todo))
        theta = np.stack(
            [_draw(space, own_theta[i], subject_sd, subjects[i]) for i in todo]
        )
        seeds = np.array([subjects[i].integers(2**63) for i in todo])
        scans = _simulate(space, theta, sc[todo], acquisition, seeds, n_jobs)
        for name, values in {"theta": theta, **scans}.items():
            if name not in result:
                result[name] = np.empty_like(values)
            result[name][todo] = values
        result.n_draws[todo] += 1
        rates = scans["rates"]  # NaN, if a simulation diverged, is not plausible
        todo = todo[~((rates >= low) & (rates <= high)).all(axis=1)]
        if len(todo) == 0:
            return result
    raise RuntimeError(
        f"No draw of {MAX_ROUNDS} kept the firing rates of subjects "
        f"{', '.join(map(str, todo))} within {low:.3g} to {high:.3g} Hz; use a smaller "
        f"subject_sd than {subject_sd!r}, a longer scan, or another random_state."
    )


def _draw(
    space: ParameterSpace,
    own_theta: Array,
    subject_sd: float,
    rng: np.random.Generator,
) -> Array:
    for _ in range(MAX_DRAWS):
        theta: Array = own_theta * (1.0 + rng.normal(0.0, subject_sd, space.n_dim))
        if space.feasible(theta[None])[0]:
            return theta
    raise ValueError(
        f"No draw of {MAX_DRAWS} with subject_sd={subject_sd!r} was inside the ranges "
        "of the model; use a smaller subject_sd or wider ranges."
    )


def _simulate(
    space: ParameterSpace,
    theta: Array,
    sc: Array,
    acquisition: "Acquisition",
    seeds: Array,
    n_jobs: int | None,
) -> dict[str, Array]:
    """Simulate one scan per subject: dict of arrays, subjects first."""
    prepared = prepare_sc(sc)
    parts = np.array_split(np.arange(len(sc)), min(effective_n_jobs(n_jobs), len(sc)))
    scans = Parallel(n_jobs, prefer="threads")(
        delayed(_simulate_part)(
            space.candidates(theta[part], prepared[part]), acquisition, seeds[part]
        )
        for part in parts
    )
    return {name: np.concatenate([scan[name] for scan in scans]) for name in scans[0]}


def _simulate_part(
    candidates: Candidates, acquisition: "Acquisition", seeds: Array
) -> dict[str, Array]:
    from delssome.simulation import simulate

    bold, averages = simulate(candidates, acquisition, seeds[:, None])
    return {
        "bold": bold[:, 0],
        "rates": averages["r_E"][:, 0],
        "ei_ratio": candidates.model.readout(averages)[:, 0],
    }


def _statistics(
    bold: Array, acquisition: "Acquisition", n_fcd_bins: int, n_jobs: int | None
) -> tuple[Array, Array]:
    from delssome.observables import fc_matrix, fcd_cdf

    cdf = Parallel(n_jobs, prefer="threads")(
        delayed(fcd_cdf)(scan, acquisition.fcd_window, n_fcd_bins, acquisition.mask)
        for scan in bold
    )
    return fc_matrix(bold, acquisition.mask), np.stack(cdf)
