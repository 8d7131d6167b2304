"""Fits of a population, row by row: results, or the reasons why there is none."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping, Sequence
from hashlib import sha256
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from joblib import delayed, effective_n_jobs
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning

from delssome.connectome import in_order
from delssome.exceptions import (
    OutOfRangeWarning,
    SearchInterruptedWarning,
    SurrogateDomainWarning,
    UnidentifiedWarning,
)
from delssome.fitting.fitter import MeanFieldFitter
from delssome.fitting.posterior import MeanFieldPosterior
from delssome.fitting.store import Store
from delssome.models import Model
from delssome.saying import listening, progress_bar, warn
from delssome.workers import Parallel

__all__ = [
    "Opened",
    "Result",
    "column",
    "fit_rows",
    "listed",
    "report",
    "warn_once",
]

Array = NDArray[Any]
Result = dict[str, Any]


class Opened(NamedTuple):
    """What rows are fitted with, and where results are kept."""

    fitter: MeanFieldFitter | MeanFieldPosterior
    model: Model
    n_rois: int
    seed: int
    store: Store


def listed(failures: Mapping[Any, str]) -> str:
    """Name rows with their reasons, those that share one together."""
    by: dict[str, list[Any]] = {}
    for label, why in failures.items():
        by.setdefault(why, []).append(label)
    return "; ".join(f"{_some(labels)}: {why}" for why, labels in by.items())


def _some(labels: Sequence[Any]) -> str:
    return ", ".join(map(str, labels[:10])) + ", ..." * (len(labels) > 10)


def report(failures: Mapping[Any, str], n_fits: int) -> None:
    """Warn of rows that are NaN."""
    if failures:
        warn(
            f"{len(failures)} of {n_fits} fits failed and are NaN. {listed(failures)}",
            FitFailedWarning,
        )


def key_of(rows: Array) -> str:
    """Name data, in any order, in single precision: rounding makes no other row."""
    return sha256(in_order(rows).astype(np.float32).tobytes()).hexdigest()[:32]


def column(results: list[Result | None], name: str, shape: tuple) -> Array:
    """Stack one entry of all results, NaN where a fit failed."""
    missing = np.full(shape, np.nan)
    return np.stack([missing if r is None else r[name] for r in results])


def fit_one(
    fitter: MeanFieldFitter | MeanFieldPosterior, X: Array, key: str, seed: int
) -> tuple[str, Result | str]:
    """Fit a row or a group; give its key with the result or the reason of failure."""
    own_seed = np.random.SeedSequence([seed, int(key, 16)]).generate_state(1)[0]
    fitter = clone(fitter).set_params(random_state=int(own_seed))
    started = perf_counter()
    with listening() as heard:
        try:
            fitter.fit(X)
        except Exception as error:  # one bad row must not end the run
            reason = str(error).partition("\n")[0]
            return key, f"{type(error).__name__}: {reason}"
    if any(issubclass(one.category, SearchInterruptedWarning) for one in heard):
        raise KeyboardInterrupt  # half a search is no result
    said = dict.fromkeys(f"{one.category.__name__}: {one.message}" for one in heard)
    return key, {
        **fitter.record(),
        "seconds": np.float64(perf_counter() - started),
        "warnings": np.array("; ".join(said)),
    }


def warn_once(said: Mapping[Any, str], n_fits: int) -> None:
    """Warn once of what many fits may have warned of."""
    for category in (
        SurrogateDomainWarning,
        OutOfRangeWarning,
        UnidentifiedWarning,
    ):
        name = category.__name__
        which = [label for label, text in said.items() if name in text]
        if which:
            warn(
                f"{name} in {len(which)} of {n_fits} fits ({_some(which)}); "
                "what they say stands in warnings_, the column warnings of the table.",
                category,
            )


def fit_rows(
    opened: Opened,
    X: Array,
    members: Sequence[Any],
    labels: Array,
    n_jobs: int | None,
    verbose: int,
) -> tuple[list[Result | None], dict[Any, str]]:
    """Give the result of each, None where it failed, and the reasons."""
    store = opened.store
    # Rows are taken when they are needed: X may be a memory map.
    keys = [key_of(X[rows]) for rows in members]
    todo = {key: k for k, key in enumerate(keys) if key not in store}
    parallel = Parallel(n_jobs=n_jobs, batch_size=1, return_as="generator_unordered")
    jobs = (
        delayed(fit_one)(opened.fitter, X[members[k]], key, opened.seed)
        for key, k in todo.items()
    )
    reasons: dict[str, str] = {}
    with progress_bar(
        total=len(set(keys)),
        initial=len(set(keys)) - len(todo),
        desc="population",
        unit="fit",
        lanes=effective_n_jobs(n_jobs),
        verbose=verbose,
    ) as bar:
        for key, result in parallel(jobs):
            if isinstance(result, str):
                reasons[key] = result
            else:
                store[key] = result
            bar.set_postfix(failed=len(reasons), refresh=False)
            bar.update()
    failures = {
        label: reasons[key]
        for label, key in zip(labels.tolist(), keys, strict=True)
        if key in reasons
    }
    return [None if k in reasons else store[k] for k in keys], failures
