"""Both networks together as an evaluator of candidates."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import hashlib
from collections.abc import Sequence
from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from delssome.connectome import pack_rows
from delssome.evaluation import Evaluation, Evaluator, Target
from delssome.models import Candidates, Model
from delssome.surrogate.published.columns import flatten_params
from delssome.surrogate.published.corpus import N_REPEATS, Corpus
from delssome.surrogate.published.estimators import (
    CostPredictor,
    WithinRangeClassifier,
)

__all__ = ["PublishedSurrogate"]

Array = NDArray[Any]


class PublishedSurrogate(Evaluator, BaseEstimator):
    """Within-range classifier and cost predictor, together an evaluator.

    Parameters
    ----------
    classifier : WithinRangeClassifier, default=None
        None: one with default settings.
    predictor : CostPredictor, default=None
        None: one with default settings.
    model : Model, default=None
        Whose candidates the corpus holds. None: that of `classifier` or `predictor`,
        by default ``FIC()``.
    random_state : int, RandomState instance or None, default=None
        Seeds both where they have no seed of their own.

    Attributes
    ----------
    classifier_, predictor_ : estimators
        The fitted clones. There is no classifier (None) where the model bounds no rate
        and no candidate of the corpus diverged.
    model_ : Model
        The model that it can serve.

    See Also
    --------
    delssome.surrogate.simulate_corpus : Makes what `fit` takes.

    Examples
    --------
    Of a corpus as :func:`simulate_corpus` makes it; training takes minutes::

        surrogate = PublishedSurrogate(random_state=0).fit(corpus)
        fitter = MeanFieldFitter(maps, FrozenEstimator(surrogate)).fit(X)
    """

    n_repeats = N_REPEATS
    classifier_: WithinRangeClassifier | None
    predictor_: CostPredictor
    model_: Model

    def __init__(
        self,
        classifier: WithinRangeClassifier | None = None,
        predictor: CostPredictor | None = None,
        *,
        model: Model | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.classifier = classifier
        self.predictor = predictor
        self.model = model
        self.random_state = random_state

    def fit(self, corpus: Corpus, y: None = None) -> Self:
        """Train both networks on a corpus.

        Parameters
        ----------
        corpus : Corpus
        y : None
            Ignored.

        Returns
        -------
        self
        """
        rng = check_random_state(self.random_state)
        given = [
            default() if estimator is None else clone(estimator)
            for estimator, default in (
                (self.classifier, WithinRangeClassifier),
                (self.predictor, CostPredictor),
            )
        ]
        models = [m for m in (self.model, *(e.model for e in given)) if m is not None]
        model = models[0] if models else None
        for estimator in given:
            if estimator.model is not None and estimator.model != model:
                raise ValueError(
                    "classifier, predictor and surrogate must be for one model, got "
                    f"{estimator.model!r} and {model!r}."
                )
            estimator.set_params(n_fcd_bins=corpus.fcd_cdf.shape[1], model=model)
            if estimator.random_state is None:
                estimator.set_params(random_state=rng.randint(2**31))
        classifier, predictor = given
        X, in_range, contexts = corpus.range_examples()
        unbounded = model is not None and model.rate is None
        if unbounded and in_range.all():
            self.classifier_ = None
        else:
            self.classifier_ = classifier.fit(X, in_range, contexts=contexts)
        X, costs, contexts = corpus.cost_examples()
        self.predictor_ = predictor.fit(X, costs, contexts=contexts)
        self.model_ = self.predictor_.model_
        return self

    def check(self, model: Model) -> None:
        """Refuse a model other than the one of the corpus, with the reason.

        Parameters
        ----------
        model : Model
            Its ranges and constraints do not matter: they bound the search.

        Raises
        ------
        ValueError
        """
        check_is_fitted(self, "predictor_")
        reason, known = "", self.model_
        if type(model) is not type(known):
            reason = "it knows nothing of its parameters"
        elif model.rate_range != known.rate_range:
            reason = f"it learned rates of {known.rate_range}, not {model.rate_range}"
        if reason:
            raise ValueError(
                f"This surrogate was fitted to candidates of {known!r} and cannot "
                f"serve {model!r}: {reason}. Fit one to a corpus of that model, or "
                "search by theory (surrogate='linear') or simulation (surrogate=None)."
            )

    def statistics(
        self, candidates: Candidates, rng: np.random.Generator | None = None
    ) -> NoReturn:
        """Refuse: costs are predicted, not the statistics behind them."""
        raise NotImplementedError(
            "The published networks predict costs against a target and no FC or FCD; "
            "use evaluate, or a CircuitSurrogate."
        )

    def evaluate(
        self,
        candidates: Candidates,
        target: Target,
        rng: np.random.Generator | None = None,
    ) -> Evaluation:
        """Predict costs and the distance from the plausible range.

        Parameters
        ----------
        candidates : Candidates
        target : Target
        rng : None
            Ignored: nothing is drawn.

        Returns
        -------
        Evaluation
            The violation is how far the predicted probability of being within range
            lies below one half.
        """
        X, contexts = self._rows(candidates, target)
        costs = self.predictor_.predict(X, contexts=contexts)
        p = self._p_in_range(X, contexts)
        return Evaluation(costs, np.maximum(0.5 - p, 0.0))

    def p_in_range(self, candidates: Candidates, target: Target) -> Array:
        """Probability that candidates are within range, (n_candidates,)."""
        return self._p_in_range(*self._rows(candidates, target))

    def unlike(self, processing: Sequence[str]) -> list[str]:
        """Say that it knows no pipeline: its corpus is of scans without one."""
        return list(processing)

    def digest(self) -> str:
        """SHA-256 of the weights of both networks."""
        check_is_fitted(self, "predictor_")
        found = hashlib.sha256()
        for estimator in (self.classifier_, self.predictor_):
            if estimator is None:
                continue
            for name, weights in estimator.net_.module_.state_dict().items():
                found.update(name.encode())
                found.update(weights.cpu().numpy().tobytes())
        return found.hexdigest()

    def _p_in_range(self, X: Array, contexts: Array) -> Array:
        if self.classifier_ is None:
            return np.ones(len(X))
        return self.classifier_.predict_proba(X, contexts=contexts)[:, 1]

    def _rows(self, candidates: Candidates, target: Target) -> tuple[Array, Array]:
        """Give candidates as rows, and the contexts that they point at."""
        self.check(candidates.model)
        params = flatten_params(self.model_, candidates.params)
        n, sc = len(candidates), candidates.sc
        goal = target.at(self.predictor_.n_fcd_bins)
        n_contexts = 1 if sc.ndim == 2 else n
        contexts = pack_rows(
            sc,
            np.broadcast_to(goal.fc, (n_contexts, len(goal.fc))),
            np.broadcast_to(goal.fcd_cdf, (n_contexts, len(goal.fcd_cdf))),
        )
        connectome = np.zeros(n) if sc.ndim == 2 else np.arange(n)
        return np.column_stack([params, connectome, np.zeros(n)]), contexts
