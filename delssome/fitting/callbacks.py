"""Callbacks of scikit-learn (1.9 and newer), told of every generation of a search."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # before 1.9 there are none

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """In place of what scikit-learn does not have yet."""

    def with_callbacks(method: Any) -> Any:
        """Give the method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "Watch", "watching", "with_callbacks"]


@dataclass(frozen=True)
class Watch:
    """Tells the callbacks of an estimator what its fit does; silent without any.

    Attributes
    ----------
    estimator : estimator, default=None
    context : sklearn.callback.CallbackContext, default=None
        Of the task at hand.
    data : dict of str to array-like
        X, and y, which scikit-learn's monitor asks for.
    fitted : dict of str to object
        Attributes that the estimator will have, whatever its fit finds.
    """

    estimator: Any = None
    context: Any = None
    data: Mapping[str, Any] = field(default_factory=dict)
    fitted: Mapping[str, Any] = field(default_factory=dict)

    @contextmanager
    def task(self, name: str, n_steps: int = 0) -> Iterator[Self]:
        """Tell of a part of the fit, and give who watches it.

        Parameters
        ----------
        name : str
        n_steps : int, default=0
            Parts that it has.
        """
        if self.context is None:
            yield self
            return
        inner = self.context.subcontext(task_name=name, max_subtasks=n_steps)
        inner.call_on_fit_task_begin(estimator=self.estimator, **self.data)
        yield replace(self, context=inner)
        inner.call_on_fit_task_end(estimator=self.estimator, **self.data)

    def step(self, name: str, found: Callable[[], dict[str, Any]]) -> bool:
        """Tell of a part that is over, and ask whether to stop.

        Parameters
        ----------
        name : str
        found : callable
            Gives the attributes of a fit that ends here; called where a callback asks
            for a fitted estimator.

        Returns
        -------
        bool
        """
        if self.context is None:
            return False
        step = self.context.subcontext(task_name=name)
        step.call_on_fit_task_begin(estimator=self.estimator, **self.data)
        return bool(
            step.call_on_fit_task_end(
                estimator=self.estimator,
                reconstruction_attributes=lambda: {**self.fitted, **found()},
                **self.data,
            )
        )


@contextmanager
def watching(
    estimator: Any, X: Any, y: Any, n_parts: int | None, fitted: Mapping[str, Any]
) -> Iterator[Watch]:
    """Open the fit of an estimator to its callbacks.

    Parameters
    ----------
    estimator : estimator
    X, y : array-like
        What it is fitted to.
    n_parts : int or None
        Parts of the fit; None: not known before.
    fitted : dict of str to object
        See :class:`Watch`.
    """
    if not getattr(estimator, "_skl_callbacks", None):
        yield Watch()
        return
    context = estimator._init_callback_context(max_subtasks=n_parts)
    data = {"X": X, "y": y}
    context.call_on_fit_task_begin(estimator=estimator, **data)
    fitted = {**fitted, "outcome_": None, "n_features_in_": np.shape(X)[1]}
    yield Watch(estimator, context, data, fitted)
    context.call_on_fit_task_end(estimator=estimator, **data)
