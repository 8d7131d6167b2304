"""Estimators made of components, of which None is the default."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable
from typing import Any, ClassVar, Self

from sklearn.base import BaseEstimator

__all__ = ["ComposedEstimator"]


class ComposedEstimator(BaseEstimator):  # type: ignore[misc]
    """An estimator whose components can be set by name, also where they are None.

    ``set_params(search__popsize=50)`` of an estimator with ``search=None`` sets it on
    the default, so that grid searches need not spell defaults out.
    """

    _defaults: ClassVar[dict[str, Callable[[], Any]]] = {}

    def set_params(self, **params: Any) -> Self:
        """Set parameters of this estimator and of its components."""
        for name, default in self._defaults.items():
            nested = any(key.startswith(f"{name}__") for key in params)
            if nested and params.get(name, getattr(self, name)) is None:
                params[name] = default()
        super().set_params(**params)
        return self
