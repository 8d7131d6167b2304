"""The tables of a fit."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from delssome.fitting import MeanFieldFitter, MeanFieldPosterior
from delssome.plotting.source import Fitted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["region_table", "tables"]

Columns = dict[str, Any]


def tables(
    estimator: Fitted,
    region_names: Sequence[str],
    truth: ArrayLike | None = None,
) -> dict[str, Columns]:
    """Give the tables of a fit, columns by name.

    Parameters
    ----------
    estimator : MeanFieldFitter or MeanFieldPosterior
        Fitted.
    region_names : sequence of str of length n_rois
    truth : array-like of shape (n_rois,), default=None
        Known readout of simulated data, a column of its table.

    Returns
    -------
    dict of str to dict of str to sequence
        By file name: what the model reads out (``ei_ratio.csv`` of FIC), with what is
        known of it; coefficients; regional parameters, with the firing rates if the
        model bounds them. Of a fit verification and history, of a posterior its draws.

    Examples
    --------
    ::

        for name, columns in tables(fitter, data.region_names).items():
            pd.DataFrame(columns).to_csv(name, index=False)
    """
    model, n_rois = estimator.model_, len(region_names)
    parameters: Columns = {"region": region_names}
    for name, values in estimator.regional_params_.items():
        parameters[name] = np.broadcast_to(values, n_rois)
    if model.rate is not None:
        parameters["rate_hz"] = estimator.rates_
    for name in ("relaxation_over_coupling", "relative_noise"):
        parameters[name] = getattr(estimator, f"{name}_")
        if isinstance(estimator, MeanFieldPosterior):
            low, high = getattr(estimator, f"{name}_interval_").T
            parameters |= {f"{name}_low": low, f"{name}_high": high}
    if isinstance(estimator, MeanFieldPosterior):
        found = _of_posterior(estimator, region_names)
    else:
        found = _of_fit(estimator)
    readout = {"region": region_names, **found.pop("readout")}
    if truth is not None:
        readout["truth"] = truth
    return {f"{model.readout_key}.csv": readout, **found, "parameters.csv": parameters}


def region_table(
    estimator: Fitted, region_names: Sequence[str] | None = None
) -> "pd.DataFrame":
    """Give all that a fit says of regions, one row for each.

    Parameters
    ----------
    estimator : MeanFieldFitter or MeanFieldPosterior
        Fitted.
    region_names : sequence of str of length n_rois, default=None
        In the order of the data, as readers give them (``data.region_names``). None:
        regions are numbered from 1.

    Returns
    -------
    pandas.DataFrame
        Indexed by region: what the model reads out (``ei_ratio`` of FIC) with what is
        known of it, parameters, firing rates, relaxation over coupling and relative
        noise; of a posterior with intervals. Needs pandas
        (``pip install "delssome[study]"``).

    See Also
    --------
    write_results : All tables and figures, in a folder.

    Examples
    --------
    >>> from delssome import CMAES, Acquisition, MeanFieldFitter
    >>> from delssome.datasets import make_cohort
    >>> from delssome.report import region_table
    >>> scan = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)
    >>> cohort = make_cohort(n_subjects=1, n_rois=8, acquisition=scan, random_state=0)
    >>> fitter = MeanFieldFitter(
    ...     surrogate=None, acquisition=scan, search=CMAES(popsize=8, max_iter=2),
    ...     random_state=0,
    ... ).fit(cohort.X)
    >>> table = region_table(fitter, cohort.region_names)
    >>> table.index[0], list(table)[:2]  # table.to_csv("regions.csv")
    ('L01', ['ei_ratio', 'sd_known'])
    """
    import pandas as pd

    n_rois = len(estimator.readout_)
    if region_names is None:
        region_names = [f"region_{k + 1}" for k in range(n_rois)]
    if len(region_names) != n_rois:
        raise ValueError(
            f"region_names must have {n_rois} entries, got {len(region_names)}."
        )
    found = tables(estimator, list(region_names))
    readout = found[f"{estimator.model_.readout_key}.csv"]
    return pd.DataFrame({**readout, **found["parameters.csv"]}).set_index("region")


def _of_fit(fitter: MeanFieldFitter) -> dict[str, Columns]:
    readout: Columns = {fitter.model_.readout_key: fitter.readout_}
    coefficients: Columns = {"name": fitter.param_names_, "value": fitter.params_}
    if len(fitter.readouts_) > 1:
        readout["spread_over_restarts"] = fitter.readouts_.std(axis=0, ddof=1)
    known = fitter.identifiability_
    if known is not None:
        readout["sd_known"] = known.readout_sd
        coefficients["sd_known"] = known.sd
    table = fitter.verification_
    return {
        "readout": readout,
        "coefficients.csv": coefficients,
        "verification.csv": {
            **{k: v for k, v in table.items() if np.ndim(v) == 1},
            **dict(zip(fitter.param_names_, table.theta.T, strict=True)),
        },
        "history.csv": dict(fitter.history_),
    }


def _of_posterior(
    posterior: MeanFieldPosterior, region_names: Sequence[str]
) -> dict[str, Columns]:
    key, names = posterior.model_.readout_key, posterior.param_names_
    low, high = posterior.readout_interval_.T
    regions = [f"{key}_{region}" for region in region_names]
    return {
        "readout": {
            key: posterior.readout_,
            "sd": posterior.readout_sd_,
            "prior_sd": posterior.prior_readout_draws_.std(axis=0),
            "low": low,
            "high": high,
        },
        "coefficients.csv": {
            "name": names,
            "mean": posterior.params_,
            "sd": posterior.params_sd_,
            "low": posterior.params_interval_[:, 0],
            "high": posterior.params_interval_[:, 1],
            "p_positive": posterior.sign_probability_,
        },
        "draws.csv": {
            **dict(zip(names, posterior.draws_.T, strict=True)),
            **dict(zip(regions, posterior.readout_draws_.T, strict=True)),
        },
    }
