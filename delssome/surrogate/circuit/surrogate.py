"""The circuit network as an evaluator: training on shards, weights, prediction."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from delssome.evaluation import (
    Evaluation,
    Evaluator,
    Slopes,
    Statistics,
    Target,
    at_points,
)
from delssome.models import FIC, Candidates, Model, check_candidates
from delssome.simulation import Acquisition
from delssome.surrogate.circuit import cards
from delssome.surrogate.circuit.circuits import circuits, spread
from delssome.surrogate.circuit.domain import (
    describe_context,
    outside,
    refuse_form,
    say_strange,
)
from delssome.surrogate.circuit.features import scan_features
from delssome.surrogate.circuit.placed import Placed
from delssome.surrogate.shard import refuse_censoring
from delssome.theory import range_violation
from delssome.utils import check_number, instance_or_default

if TYPE_CHECKING:  # torch takes a second, and most use is without it
    from delssome.surrogate.circuit.module import CircuitNet

__all__ = ["CircuitSurrogate"]

Array = NDArray[Any]

# Candidates handled at once, of which the matrices stay in the cache.
BATCH = 100
# Log odds of an escape of candidates whose fixed point is unstable: 97 % leave.
LOST = 3.5


class CircuitSurrogate(Evaluator, BaseEstimator):
    """Predict costs and plausibility of candidates with one network for many models.

    Parameters
    ----------
    acquisition : Acquisition, default=None
        Scan whose statistics are predicted.
    model : Model, default=None
        Whose candidates it is asked for, and among those of the shards that it is
        fitted to if the package does not ship it. None: ``FIC()``.
    n_repeats : int, default=3
        Simulations whose costs are predicted.
    width : int, default=48
        Hidden units of the networks of a region.
    n_steps : int, default=10_000
        Steps of each part of the training.
    batch_size : int, default=32
        Candidates, all of one group, in a step of the part that predicts FC.
    lr : float, default=3e-3
        Largest learning rate of the one-cycle schedule (AdamW).
    verbose : int, default=0
    random_state : int, RandomState instance or None, default=None

    Attributes
    ----------
    models_ : list of str
        Models in the corpus.
    net_ : CircuitNet
        The network as a module of torch, which is loaded when it is asked for. It
        predicts in NumPy unless its parameters are on a GPU, by ``net_.to("cuda")``.
    network_ : Placed
        Its weights, in torch or not.
    domain_ : dict
        Range of every number that describes the contexts of the corpus.
    history_ : dict of ndarray of shape (n_steps,)
        Losses of the parts: "fc", "fcd", "noise" (of FC), "escape" (twice as many),
        "error".
    card_ : dict
        What was written with the weights, if they were loaded.

    See Also
    --------
    delssome.surrogate.build_corpus : makes the shards to fit to.

    Notes
    -----
    The network reads linear circuits and how their equations bend, no parameter by
    name: it can be asked for any model of its form, and what it says is as good as the
    model is like those of its corpus (`outside`).

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.models import FIC, Candidates
    >>> from delssome.surrogate import CircuitSurrogate
    >>> network = CircuitSurrogate.load()  # as the package ships it
    >>> params = {"w_EE": [3.0], "w_EI": [2.0], "G": [1.0], "sigma": [0.005]}
    >>> candidates = Candidates(FIC(), params, 0.02 * (1 - np.eye(4)))
    >>> network.statistics(candidates).fc.shape
    (1, 6)
    """

    models_: list[str]
    network_: Placed
    domain_: dict[str, list[float]]
    history_: dict[str, Array]
    card_: dict[str, Any]

    def __init__(
        self,
        acquisition: Acquisition | None = None,
        model: Model | None = None,
        *,
        n_repeats: int = 3,
        width: int = 48,
        n_steps: int = 10_000,
        batch_size: int = 32,
        lr: float = 3e-3,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.acquisition = acquisition
        self.model = model
        self.n_repeats = n_repeats
        self.width = width
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.lr = lr
        self.verbose = verbose
        self.random_state = random_state

    def check(self, model: Model) -> None:
        """Refuse a model that is no network of noisy regions with one slow state each.

        Parameters
        ----------
        model : Model
            Its ranges and constraints do not matter: they bound the search.

        Raises
        ------
        ValueError
            With the reason and what to do instead; also of a censored scan.
        """
        refuse_censoring(self._scan)
        refuse_form(model)

    def strange(self, model: Model) -> str:
        """Say why a model is none that it was trained for; empty if it is one."""
        try:
            self.check(model)
        except ValueError as error:
            return str(error)
        return say_strange(model, self.models_)

    @property
    def _scan(self) -> Acquisition:
        return instance_or_default("acquisition", self.acquisition, Acquisition)

    @property
    def _asked_for(self) -> Model:
        return FIC() if self.model is None else self.model

    def fit(
        self,
        X: Sequence[Path | str],
        y: None = None,
        *,
        start: "CircuitSurrogate | None" = None,
    ) -> Self:
        """Train on labelled groups.

        Parameters
        ----------
        X : sequence of paths
            Shards that :func:`delssome.surrogate.build_corpus` wrote, of any number
            of regions and any scan.
        y : None
            Ignored.
        start : CircuitSurrogate, default=None
            Fitted, of the same width: its weights are where training starts, which
            then wants a small `lr`. None: random weights.

        Returns
        -------
        self
        """
        for name, kind, low, high in (
            ("n_repeats", Integral, 1, 1000),
            ("width", Integral, 2, 4096),
            ("n_steps", Integral, 1, 100_000_000),
            ("batch_size", Integral, 2, 1_000_000),
            ("lr", Real, 1e-12, 10.0),
        ):
            check_number(name, getattr(self, name), kind, low, high)
        self.check(self._asked_for)
        if len(X) == 0:
            raise ValueError("X must hold at least one shard of a corpus.")
        from delssome.surrogate.circuit.training import train  # it loads torch

        found = train(
            X,
            self.model,
            width=self.width,
            start=None if start is None else start.network_.weights,
            n_repeats=self.n_repeats,
            n_steps=self.n_steps,
            batch_size=self.batch_size,
            lr=self.lr,
            verbose=self.verbose,
            rng=check_random_state(self.random_state),
        )
        net, self.history_, self.models_, self.domain_ = found
        self.network_ = Placed.of(net, self.width)
        return self

    def statistics(
        self, candidates: Candidates, rng: np.random.Generator | None = None
    ) -> Statistics:
        """Predict the statistics of candidates.

        Parameters
        ----------
        candidates : Candidates
            On a symmetric connectome.
        rng : None
            Ignored: nothing is drawn.

        Returns
        -------
        Statistics
            NaN where the fixed point is unstable. Out of range (violation above 0)
            are candidates of which `n_repeats` simulations would hardly all stay, and
            those are the farther out the faster they leave.
        """
        check_is_fitted(self)
        check_candidates(candidates)
        self.check(candidates.model)
        candidates.check_symmetric("the network")
        scan = self._scan
        if len(candidates) <= BATCH:
            return self._batch(candidates, scan)
        parts = candidates.batches(BATCH)
        return Statistics.join([self._batch(part, scan) for part in parts])

    def _batch(self, candidates: Candidates, acquisition: Acquisition) -> Statistics:
        """Predict the statistics of a few candidates."""
        step = acquisition.for_model(candidates.model).step
        circuit, instability = circuits(candidates, step)
        stable = instability == 0
        predicted = self.network_.predict(circuit, scan_features(acquisition))
        # Before float32 numbers become probabilities.
        escape = spread(predicted.escape.astype(np.float64), stable, LOST)
        p_in_range = 1.0 / (1.0 + np.exp(escape))
        noise, error = (
            np.exp(x.astype(np.float64))
            for x in (predicted.log_noise, predicted.log_error)
        )
        return Statistics(
            fc=spread(predicted.fc, stable),
            fcd_cdf=spread(predicted.cdf, stable),
            violation=range_violation(p_in_range, self.n_repeats) + instability,
            averages={},
            fc_noise=spread(noise, stable),
            p_in_range=p_in_range,
            error=spread(error, stable),
        )

    @property
    def net_(self) -> "CircuitNet":
        """The network as a module of torch."""
        check_is_fitted(self)
        return self.network_.module

    def evaluate(
        self,
        candidates: Candidates,
        target: Target,
        rng: np.random.Generator | None = None,
    ) -> Evaluation:
        """Predict costs, as all evaluators say them; nothing is drawn by `rng`."""
        check_is_fitted(self)
        # At the network's own points, which are single precision.
        cdf = at_points(target.fcd_cdf, self.network_.weights["points"])
        return super().evaluate(candidates, target._replace(fcd_cdf=cdf), rng)

    def expected_error(self, candidates: Candidates, target: Target) -> Array:
        """Error to expect in the total cost of candidates, (n_candidates,)."""
        error = self.statistics(candidates).error
        assert error is not None
        return np.asarray(error.sum(axis=1))

    def slopes(self, model: Model, target: Target) -> Slopes | None:
        """Give expected costs with derivatives by regional parameters.

        None for models whose regions shift each other's rest: where each of them
        stays is then not its own alone.
        """
        check_is_fitted(self)
        self.check(model)
        from delssome.surrogate.circuit.slopes import (
            CostSlopes,
            Differentiable,
            rests_alone,
        )

        if not rests_alone(model, target.sc):
            return None
        asked = Differentiable(self.net_, model, self._scan, target.sc)
        cdf = at_points(target.fcd_cdf, self.network_.weights["points"])
        return CostSlopes(asked, target._replace(fcd_cdf=cdf), self.n_repeats)

    def outside(self, target: Target) -> list[str]:
        """Say in what a context is unlike all of the corpus.

        Parameters
        ----------
        target : Target

        Returns
        -------
        list of str
            Empty if it is like them: then errors are as expected.
        """
        check_is_fitted(self)
        model = self._asked_for
        context = describe_context(target, self._scan, model)
        strange = bool(say_strange(model, self.models_))
        unknown = [f"model {model.name}"] * strange
        return [*unknown, *outside(context, self.domain_)]

    def unlike(self, processing: Sequence[str]) -> list[str]:
        """Say which steps of a pipeline its own acquisition lacks."""
        return [step for step in processing if step not in self._scan.processing]

    def digest(self) -> str:
        """SHA-256 of the weights."""
        check_is_fitted(self)
        return cards.digest(self.network_.weights)

    def save(self, folder: Path | str, name: str = "circuit", **card: Any) -> None:
        """Write weights and a card that says what they are.

        Parameters
        ----------
        folder : path
        name : str, default="circuit"
        **card
            What else the card should say; JSON.
        """
        check_is_fitted(self)
        said = {
            "models": self.models_,
            "width": self.width,
            "domain": self.domain_,
            **card,
        }
        cards.write_weights(folder, name, self.network_.weights, said)

    @classmethod
    def load(
        cls,
        folder: Path | str = cards.WEIGHTS,
        name: str = "circuit",
        **settings: Any,
    ) -> Self:
        """Read weights, by default those shipped with the package.

        Parameters
        ----------
        folder : path
        name : str, default="circuit"
        **settings
            acquisition, model, n_repeats: what to predict for.

        Returns
        -------
        CircuitSurrogate
            Fitted; its `card_` is what was written with the weights.
        """
        state, card = cards.read_weights(folder, name)
        surrogate = cls(width=card["width"], **settings)
        surrogate.network_ = Placed(state, surrogate.width)
        surrogate.domain_, surrogate.models_ = card["domain"], card["models"]
        surrogate.card_ = card
        return surrogate
