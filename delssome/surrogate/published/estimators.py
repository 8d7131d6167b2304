"""The networks as scikit-learn estimators: classifier and predictor."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, RegressorMixin

from delssome.surrogate.published.networks import CostNet, RangeNet
from delssome.surrogate.published.training import NetworkEstimator

__all__ = ["CostPredictor", "WithinRangeClassifier"]

Array = NDArray[Any]


class WithinRangeClassifier(ClassifierMixin, NetworkEstimator):
    """Predict whether a candidate stays within its model's plausible range.

    Parameters
    ----------
    d_model : int, default=64
        Width of the tokens, a multiple of twice `n_heads`.
    n_layers, n_heads : int, default=4, 8
        Layers and attention heads of the transformer.
    max_epochs : int, default=15
        Passes over the training examples; the weights of the best one are kept.
    lr, lr_decay : float, default=1e-3, 0.98
        Learning rate of Adam and its factor per epoch.
    batch_size : int, default=256
        Examples in a step. All targets of a candidate stand together, so that it is
        encoded once: with many targets, take a multiple of their number.
    held_out : float, default=0.1
        Share of the simulations on which the best epoch is chosen.
    model : Model, default=None
        Whose candidates they are: its ranges scale the parameters. None: ``FIC()``.
    n_fcd_bins : int, default=10_000
        Bins of the FCD distribution in the contexts.
    device : str, default="cpu"
        Where to train and predict.
    verbose : int, default=0
        1 or more prints a line per epoch and shows progress.
    random_state : int, RandomState instance or None, default=None
        Seeds initial weights, order of examples and the split.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        Trained network.
    model_ : Model
        Whose candidates it was fitted to.
    classes_ : ndarray of shape (2,)
        False and True.
    history_ : dict of ndarray of shape (n_epochs,)
        ``train_loss`` and ``valid_loss`` (binary cross-entropy).
    n_rois_ : int
        Number of regions it was fitted on.

    Notes
    -----
    Architecture and training as published for the group-level predictor (Zeng et al.
    2026), with a single output. One difference: parameters enter in units of their
    ranges and SC in units of its maximum, not raw. FC and FCD in the contexts are
    not used.

    Examples
    --------
    Of a :class:`Corpus`; training takes minutes::

        X, in_range, contexts = corpus.range_examples()
        classifier = WithinRangeClassifier(n_fcd_bins=corpus.fcd_cdf.shape[1])
        classifier.fit(X, in_range, contexts=contexts)
        classifier.predict_proba(X, contexts=contexts)  # (n_samples, 2)
    """

    _module: ClassVar[type[torch.nn.Module]] = RangeNet
    _criterion: ClassVar[type[torch.nn.Module]] = torch.nn.BCEWithLogitsLoss

    def fit(self, X: ArrayLike, y: ArrayLike, *, contexts: ArrayLike) -> Self:
        """Train on labelled candidates.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_columns)
            The searched parameters in the order of the model, a column per region
            where they are regional (of FIC 3 * n_rois + 1 columns); then the row of
            `contexts` with the connectome and that with FC and FCD.
        y : array-like of bool, shape (n_samples,)
            Whether candidates stayed within range.
        contexts : array-like of shape (n_contexts, n_features)
            Packed subjects, SC as the model uses it (maximum 0.02).

        Returns
        -------
        self
        """
        y = np.asarray(y)
        if y.ndim != 1 or not np.isin(y, (0, 1)).all():
            raise ValueError(f"y must be boolean, one per row of X, got {y!r}.")
        if len(np.unique(y)) < 2:
            raise ValueError(
                f"y must hold candidates in and out of range, got only {y[0]!r}; "
                "simulate more, or more varied, candidates."
            )
        self._fit(X, y.astype(np.float64), contexts)
        self.classes_ = np.array([False, True])
        return self

    def predict_proba(self, X: ArrayLike, *, contexts: ArrayLike) -> Array:
        """Probability of being out of and within range, (n_samples, 2)."""
        p = 1.0 / (1.0 + np.exp(-self._forward(X, contexts)))
        return np.column_stack([1.0 - p, p])

    def predict(self, X: ArrayLike, *, contexts: ArrayLike) -> Array:
        """Whether candidates are within range, (n_samples,) of bool."""
        return np.asarray(self.predict_proba(X, contexts=contexts)[:, 1] > 0.5)

    def score(self, X: ArrayLike, y: ArrayLike, *, contexts: ArrayLike) -> float:
        """Share of candidates that are classified correctly."""
        return float(np.mean(self.predict(X, contexts=contexts) == np.asarray(y)))


class CostPredictor(RegressorMixin, NetworkEstimator):
    """Predict the three cost terms of a candidate against a scan.

    Parameters, Attributes and Notes are those of :class:`WithinRangeClassifier`; the
    loss is the mean squared error over the three terms.

    Examples
    --------
    Of a :class:`Corpus`; training takes minutes::

        X, y, contexts = corpus.cost_examples()
        predictor = CostPredictor(n_fcd_bins=corpus.fcd_cdf.shape[1], random_state=0)
        predictor.fit(X, y, contexts=contexts)
        predictor.predict(X, contexts=contexts)  # (n_samples, 3)
    """

    _module: ClassVar[type[torch.nn.Module]] = CostNet
    _criterion: ClassVar[type[torch.nn.Module]] = torch.nn.MSELoss

    def fit(self, X: ArrayLike, y: ArrayLike, *, contexts: ArrayLike) -> Self:
        """Train on candidates with known costs.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_columns)
            As for :class:`WithinRangeClassifier`.
        y : array-like of shape (n_samples, 3)
            Cost terms against the FC and FCD that each row points at.
        contexts : array-like of shape (n_contexts, n_features)
            Packed subjects, SC as the model uses it (maximum 0.02).

        Returns
        -------
        self
        """
        if np.shape(y)[1:] != (3,):
            raise ValueError(
                f"y must have three columns, the cost terms, got shape {np.shape(y)}."
            )
        return self._fit(X, y, contexts)

    def predict(self, X: ArrayLike, *, contexts: ArrayLike) -> Array:
        """Cost terms, (n_samples, 3)."""
        return self._forward(X, contexts)

    def score(self, X: ArrayLike, y: ArrayLike, *, contexts: ArrayLike) -> float:
        """Pearson correlation between predicted and true total cost."""
        total = self.predict(X, contexts=contexts).sum(axis=1)
        return float(np.corrcoef(total, np.asarray(y).sum(axis=1))[0, 1])
