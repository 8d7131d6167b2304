"""The tables of a fit."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from delssome.fitting import MeanFieldFitter

__all__ = ["tables"]

Columns = dict[str, Any]


def tables(
    fitter: MeanFieldFitter,
    region_names: Sequence[str],
    truth: ArrayLike | None = None,
) -> dict[str, Columns]:
    """Give the tables of a fit, columns by name.

    Parameters
    ----------
    fitter : MeanFieldFitter
        Fitted.
    region_names : sequence of str of length n_rois
    truth : array-like of shape (n_rois,), default=None
        Known readout of simulated data, a column of its table.

    Returns
    -------
    dict of str to dict of str to sequence
        By file name: regional parameters, with the firing rates if the model bounds
        them; coefficients; what the model reads out (``ei_ratio.csv`` of FIC);
        verification and history.
    """
    model, n_rois = fitter.model_, len(region_names)
    parameters: Columns = {"region": region_names}
    for name, values in fitter.regional_params_.items():
        parameters[name] = np.broadcast_to(values, n_rois)
    if model.rate is not None:
        parameters["rate_hz"] = fitter.rates_
    readout: Columns = {"region": region_names, model.readout_key: fitter.readout_}
    if len(fitter.readouts_) > 1:
        readout["sd_over_restarts"] = fitter.readouts_.std(axis=0, ddof=1)
    if truth is not None:
        readout["truth"] = truth
    table = fitter.verification_
    verification = {k: v for k, v in table.items() if np.ndim(v) == 1}
    coefficients = dict(zip(fitter.param_names_, table.theta.T, strict=True))
    return {
        "parameters.csv": parameters,
        "coefficients.csv": {"name": fitter.param_names_, "value": fitter.params_},
        f"{model.readout_key}.csv": readout,
        "verification.csv": {**verification, **coefficients},
        "history.csv": dict(fitter.history_),
    }
