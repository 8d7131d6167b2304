"""What every model has, and what the rest of the package asks of it."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from delssome.models.declaration import check_declaration, check_equations
from delssome.models.steady import relax
from delssome.utils import Component

__all__ = [
    "Array",
    "Model",
    "Params",
    "Solution",
    "check_model",
    "plain_tuple",
    "transfer",
]

Array = NDArray[np.float64]
Params = Mapping[str, Array]

# Far below rounding for every u but 0, where it turns 0/0 into the limit 1/d.
GUARD = 1e-30


def transfer(
    current: Any, a: float, b: float, d: float, expm1: Callable[[Any], Any]
) -> Any:
    """Give the firing rate (Hz) of a population that receives `current` (nA).

    ``u / (1 - exp(-d u))`` with ``u = a * current - b`` (Deco et al. 2013, 2014).

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.models import transfer
    >>> current = np.array([0.35, 0.40, 0.45])
    >>> transfer(current, a=270.0, b=108.0, d=0.154, expm1=np.expm1).round(1)
    array([ 1.9,  6.5, 15.4])
    """
    u = a * current - b + GUARD
    return u / -expm1(-d * u)


class Solution(NamedTuple):
    """What follows from the searched parameters of candidates.

    Attributes
    ----------
    params : dict of str to ndarray
        The searched parameters, and those that were solved for.
    states : tuple of ndarray of shape (n_candidates, n_rois), or None
        The steady state, where the model knows it in closed form.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.models import FIC
    >>> params = {"w_EE": np.full((1, 3), 3.0), "w_EI": np.full((1, 3), 2.0)}
    >>> params |= {"G": np.array([1.0]), "sigma": np.full((1, 3), 0.005)}
    >>> solution = FIC().solve(params, 0.02 * (1 - np.eye(3)))
    >>> solution.params["w_IE"].round(2)
    array([[1.47, 1.47, 1.47]])
    """

    params: Params
    states: tuple[Array, ...] | None = None


class Model(Component):
    """A circuit model: what couples, what is seen, what is read out, what bounds it.

    A model is one file: a frozen dataclass whose fields are its settings, among them
    the range (low, high) of every searched parameter, and whose class says the rest.
    Its equations are one plain function of numbers, without branches, that NumPy, torch
    and compiled code all run. ``tests/models/test_contract.py --model
    FILE.py:CLASS``, run by pytest, tells what else the package can do for it.

    Attributes
    ----------
    name : str
        As figures and tables call it.
    states, outputs : tuple of str
        What `derivatives` takes first and gives last.
    inputs : tuple of str
        Parameters that it takes last, searched or solved for.
    searched : tuple of str
        Parameters of the search in the order of a candidate's vector. The global
        coupling ``G`` and the noise amplitude ``sigma`` (s**-0.5, the same noise for
        every state) are among them.
    regional : tuple of str
        Those of them that differ between regions.
    initial_state : tuple of float
        Where simulations start.
    largest_step : float
        Longest integration step, in seconds, at which explicit steps do not diverge.
    couples : tuple of str
        States of which ``G * SC @ state`` reaches other regions. Default: the first.
    observed : str
        The state that is seen. Default: the first.
    haemodynamics : bool
        Whether it is seen through the Balloon-Windkessel model (default), which takes
        it to be between 0 and about 1, as gating is, or itself.
    rate : str or None
        Output that `rate_range` bounds, in Hz. None: all that is finite is in range.
    readout_name, readout_key : str
        What users come for, as figures say it and as files and columns are called.
    averages_alike : bool
        Whether maps of searches that end at the same cost are averaged, as published
        for E/I; default: the best one's is given.

    See Also
    --------
    delssome.models.FIC, delssome.models.MFM

    Examples
    --------
    A model of your own, whose only state decays at `k` and is driven by other regions':

    >>> from dataclasses import dataclass
    >>> from delssome.models import Model
    >>> def derivatives(x, coupling, k, expm1):
    ...     return (coupling - k * x,)
    >>> @dataclass(frozen=True)
    ... class Decay(Model):
    ...     k: tuple[float, float] = (0.5, 10.0)
    ...     G: tuple[float, float] = (0.0, 20.0)
    ...     sigma: tuple[float, float] = (0.001, 0.01)
    ...     states, inputs, searched = ("x",), ("k",), ("k", "G", "sigma")
    ...     regional, initial_state, largest_step = ("k", "sigma"), (0.0,), 0.006
    ...     derivatives = staticmethod(derivatives)
    >>> Decay(G=(0.0, 5.0)).observed
    'x'
    """

    name: ClassVar[str]
    states: ClassVar[tuple[str, ...]]
    inputs: ClassVar[tuple[str, ...]]
    outputs: ClassVar[tuple[str, ...]] = ()
    searched: ClassVar[tuple[str, ...]]
    regional: ClassVar[tuple[str, ...]]
    initial_state: ClassVar[Any]
    largest_step: ClassVar[float]
    couples: ClassVar[tuple[str, ...]]
    observed: ClassVar[str]
    haemodynamics: ClassVar[bool] = True
    rate: ClassVar[str | None] = None
    readout_name: ClassVar[str]
    readout_key: ClassVar[str]
    averages_alike: ClassVar[bool] = False
    derivatives: ClassVar[Any]  # (*states, *coupling, *inputs, expm1)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Fill in what a class leaves out."""
        super().__init_subclass__(**kwargs)
        if not hasattr(cls, "states"):  # a class that is still being put together
            return
        if "name" not in vars(cls):  # a variant of a model is another one
            cls.name = cls.__name__
        first = cls.states[0]
        defaults = {
            "couples": (first,),
            "observed": first,
            "readout_name": first,
            "readout_key": "readout",
        }
        for attribute, value in defaults.items():
            if not hasattr(cls, attribute):
                setattr(cls, attribute, value)

    def __post_init__(self) -> None:
        """Check what the class says, and the ranges."""
        check_declaration(type(self))
        check_equations(self)
        for name in self.searched:
            given = getattr(self, name, None)
            if given is None:
                raise ValueError(
                    f"{type(self).__name__} must have a range for {name}, which is "
                    f"searched; write the field {name}: tuple = (low, high)."
                )
            ends = plain_tuple(given, Real, float)
            low, high = ends if ends is not None and len(ends) == 2 else (0.0, 0.0)
            sound = -np.inf < low < high < np.inf
            if not sound or (name in ("G", "sigma") and low < 0):
                raise ValueError(
                    f"The range of {name} must be (low, high), finite, with low < high"
                    f"{' and 0 <= low' * (name in ('G', 'sigma'))}, got {given!r}."
                )
            self._settle(name, ends)

    @property
    def rate_range(self) -> tuple[float, float]:
        """Lowest and highest plausible mean of `rate` (Hz)."""
        return -np.inf, np.inf

    def readout(self, averages: Params) -> Array:
        """Read out of time averages what users come for; default: the first state.

        Parameters
        ----------
        averages : dict of str to ndarray
            Time averages of states and outputs.

        Returns
        -------
        ndarray of the same shape
        """
        return averages[self.states[0]]

    def constrain(self, params: Params, maps: Array) -> NDArray[np.bool_]:
        """Tell which candidates obey what the model demands beyond its ranges.

        Parameters
        ----------
        params : dict of str to ndarray
            Searched parameters.
        maps : ndarray of shape (n_rois, n_maps)

        Returns
        -------
        ndarray of bool, shape (n_candidates,)
        """
        return np.ones(len(params["G"]), dtype=bool)

    def tilts(self, maps: Array) -> dict[str, Array]:
        """Give what `constrain` demands that is linear in a regional parameter.

        Parameters
        ----------
        maps : ndarray of shape (n_rois, n_maps)

        Returns
        -------
        dict of str to ndarray of shape (n_constraints, n_rois)
            Vectors along which a parameter must not fall; sums over regions are 0.
            Default: none.
        """
        return {}

    def solve(self, params: Params, sc: Array) -> Solution:
        """Give parameters that follow from the searched ones; default: none do.

        Parameters
        ----------
        params : dict of str to ndarray
            Searched parameters, (n_candidates, n_rois) or (n_candidates,).
        sc : ndarray of shape (n_rois, n_rois) or (n_candidates, n_rois, n_rois)
            Scaled structural connectivity.

        Returns
        -------
        Solution
        """
        return Solution(params)

    def steady_state(self, params: Params, sc: Array) -> tuple[Array, ...]:
        """Give the states at rest to which the model relaxes from its initial state.

        Parameters
        ----------
        params : dict of str to ndarray
            Searched and solved parameters.
        sc : ndarray of shape (n_rois, n_rois) or (n_candidates, n_rois, n_rois)

        Returns
        -------
        tuple of ndarray of shape (n_candidates, n_rois)
            NaN for candidates that come to no rest.
        """
        return relax(self, params, sc)


def plain_tuple(
    given: Any, kind: type, plain: Callable[[Any], Any]
) -> tuple[Any, ...] | None:
    """Give numbers as a tuple of Python's own, or None if they are none.

    A tuple of such stays the same object, so that scikit-learn can clone what holds it.
    """
    try:
        values = tuple(given)
    except TypeError:
        return None
    if not all(isinstance(x, kind) and not isinstance(x, bool) for x in values):
        return None
    same = type(given) is tuple and all(type(x) is plain for x in values)
    return given if same else tuple(plain(x) for x in values)


def check_model(model: object) -> None:
    """Refuse what is no model."""
    if not isinstance(model, Model):
        raise TypeError(
            f"model must be a model such as FIC(), got {type(model).__name__}."
        )
