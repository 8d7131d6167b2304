"""What the data know of the map that is read out: in numbers, and in words."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delssome.fitting import MeanFieldPosterior
from delssome.plotting.source import Fitted
from delssome.plotting.wording import in_sentence, three_digits, two_digits

__all__ = ["known", "known_text"]

Array = NDArray[np.float64]

# Spread over regions, as a share of the readout, below which there is no pattern.
FLAT = 1e-6


def known(estimator: Fitted) -> dict[str, Any] | None:
    """Give what the data know of the map that is read out.

    Parameters
    ----------
    estimator : MeanFieldFitter or MeanFieldPosterior
        Fitted. Of a fit, this is what the FC can know of the winner, if it were the
        truth (``identifiability_``); of a posterior, what its draws say.

    Returns
    -------
    dict or None
        ``n_scans``, whose noise is as large as all that is left of FC; ``mean_sd`` and
        ``mean_prior_sd`` of the average over regions, of posteriors with
        ``mean_interval``, its probability ``interval`` and ``mean_flat_prior`` (mean
        and interval, had the prior been flat in it); where regions differ,
        ``pattern_r``, expected correlation over regions with the truth but for the
        sign, ``pattern_range``, 90 % of the pattern's spread over regions in units of
        the spread that is shown, and ``p_upside_down``. None if theory does not
        describe the fit.

    Examples
    --------
    ::

        found = known(fitter)
        found["mean_sd"], found["mean_prior_sd"]  # alike: the level is not known
        found["p_upside_down"]  # near 0.5: nor which way up the pattern is
    """
    if isinstance(estimator, MeanFieldPosterior):
        return _of_draws(estimator)
    found = estimator.identifiability_
    if found is None:
        return None
    result: dict[str, Any] = {
        "n_scans": found.n_scans,
        "mean_sd": found.mean_readout_sd,
        "mean_prior_sd": found.mean_readout_prior_sd,
    }
    if _has_pattern(found.readout):
        result["pattern_r"] = found.pattern_r
        result["pattern_range"] = found.pattern_range.tolist()
        result["p_upside_down"] = found.p_upside_down
    return result


def _of_draws(posterior: MeanFieldPosterior) -> dict[str, Any]:
    """Take every draw for the truth, and the mean map for what is said of it."""
    draws, shown = posterior.readout_draws_, posterior.readout_
    result: dict[str, Any] = {
        "n_scans": float(posterior.n_scans_effective_[0]),
        "mean_sd": posterior.mean_readout_sd_,
        "mean_prior_sd": float(posterior.prior_readout_draws_.mean(axis=1).std()),
        "mean_interval": posterior.mean_readout_interval_.tolist(),
        "mean_flat_prior": posterior.mean_readout_flat_.tolist(),
        "interval": posterior.interval,
    }
    if _has_pattern(shown):
        pattern = shown - shown.mean()
        centred = draws - draws.mean(axis=1, keepdims=True)
        spread = np.maximum(centred.std(axis=1), 1e-300)
        r = centred @ pattern / (len(pattern) * spread * pattern.std())
        result["pattern_r"] = float(np.abs(r).mean())
        ends = np.quantile(spread / pattern.std(), (0.05, 0.95))
        result["pattern_range"] = ends.tolist()
        result["p_upside_down"] = 1.0 - posterior.pattern_probability_
    return result


def _has_pattern(readout: Array) -> bool:
    return bool(np.ptp(readout) > FLAT * np.abs(readout).max())


def known_text(results: Mapping[str, Any]) -> str:
    """Say what the data know, after the words "these data know".

    Parameters
    ----------
    results : dict
        As :func:`delssome.report.summary` gives it.

    Returns
    -------
    str
    """
    what, found = in_sentence(results["readout_name"]), results.get("known")
    if found is None:
        return (
            f"nothing that can be said here of the {what}: theory does not describe "
            "the model, or not these parameters"
        )
    sd, prior = two_digits(found["mean_sd"]), two_digits(found["mean_prior_sd"])
    said = f"mean {what} to +-{sd} (prior {prior}"
    if "mean_interval" in found:
        low, high = map(three_digits, found["mean_interval"])
        said += f"; {low} to {high} with probability {found['interval']:g}"
    said += ")"
    if "pattern_r" in found:
        p = found["p_upside_down"]
        said += (
            "; the pattern over regions up to its sign with r "
            f"{found['pattern_r']:.2f}; upside down with probability "
            f"{'below 0.01' if p < 0.005 else f'{p:.2f}'}"
        )
    return said
