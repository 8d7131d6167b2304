"""What a reader of a map should be told before he believes it."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delssome.fitting import MeanFieldPosterior
from delssome.fitting.known import CALIBRATED
from delssome.observables import fc_gradients
from delssome.plotting.source import Z_90, Fitted
from delssome.plotting.style import correlation
from delssome.plotting.wording import in_sentence, three_digits
from delssome.report.known import known
from delssome.study.maps import CIRCULAR

__all__ = ["caveats"]

Array = NDArray[Any]

# Probability of an upside-down pattern from which on it is spoken of.
OPEN = 0.05
# Step in the coordinates of a search that tells an active constraint, and distance from
# a bound that counts as being there, as a share of the range.
STEP, AT_BOUND = 0.01, 0.005
# Correlation from which on a map is a gradient of the FC.
GRADIENT = 0.95
# Share of the scans below which what is left of FC is not their noise.
TOO_FEW = 0.5
# Axes of FC that maps are compared with.
N_AXES = 3


def caveats(estimator: Fitted) -> list[str]:
    """Say what speaks against reading a map as it stands.

    Parameters
    ----------
    estimator : MeanFieldFitter or MeanFieldPosterior
        Fitted.

    Returns
    -------
    list of str
        Short sentences; none if nothing was found.

    Examples
    --------
    ::

        for said in caveats(fitter):
            print(said)

    prints, for instance, "The map is flat for what the data know: the E/I ratio
    differs by 0.31 over regions, and one region against the mean is known to within
    0.65 (90 %)."
    """
    found = known(estimator) or {}
    said: list[str] = []
    if "pattern_r" in found:
        said += _flat(estimator)
        said += _orientation(estimator, found["p_upside_down"])
    said += [*_active_constraint(estimator), *_at_bound(estimator)]
    said += [*_signs_of_gradients(estimator), *_circular(estimator)]
    if found:
        said += _model_error(estimator, found["n_scans"])
    return said


def _what(estimator: Fitted) -> str:
    return in_sentence(estimator.model_.readout_name)


def _flat(estimator: Fitted) -> Iterator[str]:
    """Compare what regions differ by with what is open of one against the mean."""
    if isinstance(estimator, MeanFieldPosterior):
        draws = estimator.readout_draws_
        centred = draws - draws.mean(axis=1, keepdims=True)
        low, high = np.quantile(centred, (0.05, 0.95), axis=0)
        width = float(np.median(high - low))
    else:
        found = estimator.identifiability_
        assert found is not None
        # Of all regions the mean square of the deviations from the average.
        variance = np.square(found.readout_sd).mean() - found.mean_readout_sd**2
        width = 2 * Z_90 * float(np.sqrt(max(variance, 0.0)))
    extent = float(np.ptp(estimator.readout_))
    if extent < width:
        yield (
            f"The map is flat for what the data know: the {_what(estimator)} differs "
            f"by {three_digits(extent)} over regions, and one region against the mean "
            f"is known to within {three_digits(width)} (90 %)."
        )


def _orientation(estimator: Fitted, p_upside_down: float) -> Iterator[str]:
    if p_upside_down > OPEN:
        yield (
            f"The data leave open which way up the pattern of the {_what(estimator)} "
            f"is: it is upside down with probability {p_upside_down:.2f}."
        )


def _points(estimator: Fitted) -> tuple[str, Array]:
    """Give the winner, or all draws: (name, coefficients)."""
    if isinstance(estimator, MeanFieldPosterior):
        return "Most of the posterior lies", estimator.draws_
    return "The winner lies", estimator.params_[None]


def _active_constraint(estimator: Fitted) -> Iterator[str]:
    space, (who, theta) = estimator.space_, _points(estimator)
    x, breaking = space.x(theta), []
    # Departures break what the coefficients of the maps break.
    for name in space.following.names:
        k = space.names.index(name)
        broken = np.zeros(len(x), dtype=bool)
        for step in (-STEP, STEP):
            moved = x.copy()
            moved[:, k] += step
            params = space.expand(space.theta(moved))
            broken |= ~space.model.constrain(params, space.maps)
        if broken.mean() > 0.5:
            breaking.append(name)
    if breaking:
        yield (
            f"{who} at a constraint of the {space.model.name} model, which the "
            f"smallest change of {' or '.join(breaking)} breaks: it is the constraint "
            "that decides there, not the data."
        )


def _at_bound(estimator: Fitted) -> Iterator[str]:
    space, (who, theta) = estimator.space_, _points(estimator)
    names = []
    for name, values in space.expand(theta).items():
        low, high = getattr(space.model, name)
        values = values.reshape(len(theta), -1)
        inside = np.minimum(values - low, high - values).min(axis=1)
        if (inside <= AT_BOUND * (high - low)).mean() > 0.5:
            names.append(name)
    if names:
        yield (
            f"{who} at a bound of {' and '.join(names)} in some region: it is the box "
            "that decides there, not the data."
        )


def _signs_of_gradients(estimator: Fitted) -> Iterator[str]:
    """Name maps with a required sign that the FC itself gives, but for the sign."""
    signs = getattr(estimator.model_, "map_signs", None) or ()
    if not any(signs):
        return
    fc = estimator.fc_
    axes = [*np.linalg.eigh(fc)[1].T[::-1][:N_AXES]]
    with suppress(ValueError):  # FC in parts has no gradient
        axes += [*fc_gradients(fc, min(N_AXES, len(fc) - 1)).T]
    for k, (sign, one) in enumerate(zip(signs, estimator.space_.maps.T, strict=True)):
        r = max(abs(correlation(one, axis)) for axis in axes)
        if sign and r > GRADIENT:
            yield (
                f"Map {k + 1} is a gradient of the FC that is fitted (r {r:.2f}), "
                "whose direction is a convention: that map_signs requires "
                f"{sign:+d} of it is an assumption, which orients the pattern."
            )


def _circular(estimator: Fitted) -> Iterator[str]:
    what = _what(estimator)
    for k, one in enumerate(estimator.space_.maps.T):
        r = correlation(estimator.readout_, one)
        if abs(r) > CIRCULAR:
            yield (
                f"The {what} correlates with map {k + 1} by {r:.2f}. Maps are inputs: "
                "that they are alike was put in, and is no finding."
            )


def _model_error(estimator: Fitted, n_scans: float) -> Iterator[str]:
    """Compare what is left of FC with the noise of the scans that there are, or one."""
    if isinstance(estimator, MeanFieldPosterior) and (
        estimator.departure_[0] > CALIBRATED
    ):
        yield (
            f"Regions depart from the maps by {estimator.departure_[0]:.2f} of the "
            f"ranges, and intervals were calibrated up to {CALIBRATED}: they hold "
            "under a model that these data contradict."
        )
    stated = getattr(estimator, "n_scans", None)
    if n_scans < TOO_FEW * (1.0 if stated is None else stated):
        there_are = "" if stated is None else f", and {stated:g} were stated"
        yield (
            f"What is left of the FC is as large as the noise of {n_scans:.2g} scans"
            f"{there_are}: the model errs by more than noise. What the data know is "
            "said as if all were noise, and may be less."
        )
