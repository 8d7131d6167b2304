"""Estimators made of components, of which None is the default."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable
from typing import Any, ClassVar, Self

from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone

from delssome.models import Model
from delssome.utils import Component

__all__ = ["ComposedEstimator", "ReadsOut"]


Array = NDArray[Any]


class ReadsOut:
    """An estimator whose `readout_` is also known by the name that its model gives."""

    model_: Model

    @property
    def ei_ratio_(self) -> Array:
        """Excitation/inhibition ratio, of a model that reads it out."""
        return self._ei_ratio("readout_")

    def _ei_ratio(self, name: str) -> Array:
        if self.model_.readout_key != "ei_ratio":
            raise AttributeError(
                f"The {self.model_.name} model reads out {self.model_.readout_name}, "
                f"not E/I: use {name}."
            )
        if name not in vars(self):
            raise AttributeError(f"{type(self).__name__} has no {name} of this fit.")
        found: Array = vars(self)[name]
        return found


class ComposedEstimator(BaseEstimator):  # type: ignore[misc]
    """An estimator whose components can be set by name, also where they are None.

    ``set_params(search__popsize=50)`` of an estimator with ``search=None`` sets it on
    the default, so that grid searches need not spell defaults out.
    """

    _defaults: ClassVar[dict[str, Callable[[], Any]]] = {}

    def set_params(self, **params: Any) -> Self:
        """Set parameters of this estimator and of its components.

        A component that changes gives way to a changed copy: others that hold it, and
        fits made with it, keep what they had.
        """
        nested: dict[str, dict[str, Any]] = {}
        for key in list(params):
            name, _, setting = key.partition("__")
            if setting and name in self._defaults:
                component = params.get(name, getattr(self, name))
                if component is None or isinstance(component, Component):
                    nested.setdefault(name, {})[setting] = params.pop(key)
        for name, settings in nested.items():
            component = params.get(name, getattr(self, name))
            component = self._defaults[name]() if component is None else component
            params[name] = clone(component).set_params(**settings)
        super().set_params(**params)
        return self
