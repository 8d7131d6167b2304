"""The networks as scikit-learn estimators, and both together as an evaluator."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral, Real

import numpy as np
import skorch
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.model_selection import GroupShuffleSplit
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted, check_X_y
from skorch.callbacks import EarlyStopping, LRScheduler
from skorch.helper import predefined_split

from delssome.connectome import SC_MAX, matrix_to_edges, pack_rows, unpack_subjects
from delssome.costs import Evaluation
from delssome.models import FIC
from delssome.surrogate.networks import CostNet, RangeNet
from delssome.utils import check_device, check_number

__all__ = ["CostPredictor", "DeepSurrogate", "WithinRangeClassifier"]


class _DeepEstimator(BaseEstimator):
    """What the classifier and the predictor share: training and prediction."""

    def __init__(
        self,
        *,
        d_model=64,
        n_layers=4,
        n_heads=8,
        max_epochs=15,
        lr=1e-3,
        lr_decay=0.98,
        batch_size=256,
        held_out=0.1,
        model=None,
        n_fcd_bins=10_000,
        device="cpu",
        verbose=0,
        random_state=None,
    ):
        self.d_model = d_model
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.max_epochs = max_epochs
        self.lr = lr
        self.lr_decay = lr_decay
        self.batch_size = batch_size
        self.held_out = held_out
        self.model = model
        self.n_fcd_bins = n_fcd_bins
        self.device = device
        self.verbose = verbose
        self.random_state = random_state

    def _check_settings(self):
        for name, kind, low, high in (
            ("d_model", Integral, 2, None),
            ("n_layers", Integral, 1, None),
            ("n_heads", Integral, 1, None),
            ("max_epochs", Integral, 1, None),
            ("lr", Real, 1e-12, None),
            ("lr_decay", Real, 1e-3, 1.0),
            ("batch_size", Integral, 2, None),
            ("held_out", Real, 0.01, 0.9),
            ("n_fcd_bins", Integral, 2, None),
        ):
            check_number(name, getattr(self, name), kind, low, high)
        if self.d_model % (2 * self.n_heads):
            raise ValueError(
                f"d_model must be a multiple of twice n_heads={self.n_heads}, "
                f"got {self.d_model}."
            )
        check_device(self.device)

    def _fit(self, X, y, contexts):
        self._check_settings()
        X, y = check_X_y(X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        self.model_ = FIC() if self.model is None else self.model
        contexts = unpack_subjects(contexts, self.n_fcd_bins)
        self.n_rois_, self.n_features_in_ = contexts.n_rois, X.shape[1]
        inputs = self._inputs(X, len(contexts.sc))
        # Rows that share parameters come from one simulation: keep them together.
        _, groups = np.unique(inputs[:, :-1], axis=0, return_inverse=True)
        seed = check_random_state(self.random_state).randint(2**31)
        splitter = GroupShuffleSplit(1, test_size=self.held_out, random_state=seed)
        train, held_out = next(splitter.split(X, groups=groups))
        y = y.astype(np.float32)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            net = self._net((inputs[held_out], y[held_out]), groups[train])
            net.initialize()
            self._set_contexts(net, contexts)
            net.partial_fit(inputs[train], y[train])
        net.module_.bank = None  # data stay out of what is pickled
        net.set_params(train_split=None)
        net.iterator_train__sampler = None
        self.net_ = net
        self.history_ = {
            name: np.array(net.history[:, name])
            for name in ("train_loss", "valid_loss")
        }
        return self

    def _net(self, held_out, groups):
        callbacks = [
            (
                "decay",
                LRScheduler(
                    torch.optim.lr_scheduler.ExponentialLR, gamma=self.lr_decay
                ),
            ),
            # Never stops early, but ends with the weights of the best epoch.
            ("best", EarlyStopping(patience=self.max_epochs + 1, load_best=True)),
        ]
        n_edges = self.n_rois_ * (self.n_rois_ - 1) // 2
        return skorch.NeuralNet(
            self._module,
            module__n_rois=self.n_rois_,
            module__n_edges=n_edges,
            module__n_fcd_bins=self.n_fcd_bins,
            module__d_model=self.d_model,
            module__n_layers=self.n_layers,
            module__n_heads=self.n_heads,
            criterion=self._criterion,
            optimizer=torch.optim.Adam,
            lr=self.lr,
            batch_size=self.batch_size,
            max_epochs=self.max_epochs,
            iterator_train__sampler=_Together(groups),
            train_split=predefined_split(skorch.dataset.Dataset(*held_out)),
            callbacks=callbacks,
            device=self.device,
            verbose=self.verbose,
        )

    def _set_contexts(self, net, contexts):
        def tensor(x):
            return torch.tensor(x, dtype=torch.float32, device=self.device)

        pdf = np.diff(contexts.fcd_cdf, axis=1, prepend=0.0)
        net.module_.set_contexts(
            tensor(contexts.sc / SC_MAX),
            tensor(matrix_to_edges(contexts.fc)),
            tensor(pdf),
        )

    def _inputs(self, X, n_contexts):
        """Scale parameters to their ranges and check the index."""
        n = self.n_rois_
        if X.shape[1] != 3 * n + 3:
            raise ValueError(
                f"X must have 3 * n_rois + 3 = {3 * n + 3} columns (w_EE, w_EI, G, "
                f"sigma, rows of contexts with SC and with FC) for {n} regions, got "
                f"{X.shape[1]}."
            )
        index = X[:, -2:]
        if (
            (index != index.round()).any()
            or index.min() < 0
            or index.max() >= n_contexts
        ):
            raise ValueError(
                f"The last two columns of X must be row numbers of contexts, 0 to "
                f"{n_contexts - 1}, got {index.min():g} to {index.max():g}."
            )
        ranges = [getattr(self.model_, name) for name in self.model_.searched]
        sizes = [
            n if name in self.model_.regional else 1 for name in self.model_.searched
        ]
        low = np.repeat([r[0] for r in ranges], sizes)
        width = np.repeat([r[1] - r[0] for r in ranges], sizes)
        scaled = (X[:, :-2] - low) / width
        return np.column_stack([scaled, index]).astype(np.float32)

    def _forward(self, X, contexts):
        check_is_fitted(self, "net_")
        X = check_array(X, dtype=np.float64)
        contexts = unpack_subjects(contexts, self.n_fcd_bins)
        if contexts.n_rois != self.n_rois_:
            raise ValueError(
                f"This surrogate was fitted on {self.n_rois_} regions, "
                f"got contexts with {contexts.n_rois}."
            )
        inputs = self._inputs(X, len(contexts.sc))
        self._set_contexts(self.net_, contexts)
        try:
            with torch.random.fork_rng(devices=[]):  # loaders draw from it
                output = self.net_.forward(inputs)
        finally:
            self.net_.module_.bank = None
        return output.cpu().numpy().astype(np.float64)


class _Together(torch.utils.data.Sampler):
    """Shuffle candidates, not their targets: the network encodes neighbours once."""

    def __init__(self, groups):
        self.groups = torch.from_numpy(groups)

    def __iter__(self):
        order = torch.randperm(int(self.groups.max()) + 1)
        return iter(order[self.groups].argsort(stable=True).tolist())

    def __len__(self):
        return len(self.groups)


class WithinRangeClassifier(ClassifierMixin, _DeepEstimator):
    """Predict whether all firing rates of a candidate stay within range.

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
    model : FIC, default=None
        Model whose ranges scale the parameters. None: ``FIC()``.
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
    """

    _module = RangeNet
    _criterion = torch.nn.BCEWithLogitsLoss

    def fit(self, X, y, *, contexts):
        """Train on labelled candidates.

        Parameters
        ----------
        X : array-like of shape (n_samples, 3 * n_rois + 3)
            w_EE, w_EI (a column per region), G, sigma (a column per region), the
            row of `contexts` with the connectome and that with FC and FCD.
        y : array-like of bool, shape (n_samples,)
            Whether all rates stayed within range.
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

    def predict_proba(self, X, *, contexts):
        """Probability of being out of and within range, (n_samples, 2)."""
        p = 1.0 / (1.0 + np.exp(-self._forward(X, contexts)))
        return np.column_stack([1.0 - p, p])

    def predict(self, X, *, contexts):
        """Whether candidates are within range, (n_samples,) of bool."""
        return self.predict_proba(X, contexts=contexts)[:, 1] > 0.5

    def score(self, X, y, *, contexts):
        """Share of candidates that are classified correctly."""
        return float(np.mean(self.predict(X, contexts=contexts) == np.asarray(y)))


class CostPredictor(RegressorMixin, _DeepEstimator):
    """Predict the three cost terms of a candidate against a scan.

    Parameters, Attributes and Notes are those of :class:`WithinRangeClassifier`; the
    loss is the mean squared error over the three terms.
    """

    _module = CostNet
    _criterion = torch.nn.MSELoss

    def fit(self, X, y, *, contexts):
        """Train on candidates with known costs.

        Parameters
        ----------
        X : array-like of shape (n_samples, 3 * n_rois + 3)
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

    def predict(self, X, *, contexts):
        """Cost terms, (n_samples, 3)."""
        return self._forward(X, contexts)

    def score(self, X, y, *, contexts):
        """Pearson correlation between predicted and true total cost."""
        total = self.predict(X, contexts=contexts).sum(axis=1)
        return float(np.corrcoef(total, np.asarray(y).sum(axis=1))[0, 1])


class DeepSurrogate(BaseEstimator):
    """Within-range classifier and cost predictor, together an evaluator.

    Parameters
    ----------
    classifier : WithinRangeClassifier, default=None
        None: one with default settings.
    predictor : CostPredictor, default=None
        None: one with default settings.
    random_state : int, RandomState instance or None, default=None
        Seeds both where they have no seed of their own.

    Attributes
    ----------
    classifier_, predictor_ : estimators
        The fitted clones.

    See Also
    --------
    delssome.surrogate.simulate_corpus : Makes what `fit` takes.
    """

    def __init__(self, classifier=None, predictor=None, *, random_state=None):
        self.classifier = classifier
        self.predictor = predictor
        self.random_state = random_state

    def fit(self, corpus, y=None):
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
        n_fcd_bins = corpus.fcd_cdf.shape[1]
        rng = check_random_state(self.random_state)
        fitted = []
        for given, default in (
            (self.classifier, WithinRangeClassifier),
            (self.predictor, CostPredictor),
        ):
            estimator = default() if given is None else clone(given)
            estimator.set_params(n_fcd_bins=n_fcd_bins)
            if estimator.random_state is None:
                estimator.set_params(random_state=rng.randint(2**31))
            fitted.append(estimator)
        classifier, predictor = fitted
        X, in_range, contexts = corpus.range_examples()
        self.classifier_ = classifier.fit(X, in_range, contexts=contexts)
        X, costs, contexts = corpus.cost_examples()
        self.predictor_ = predictor.fit(X, costs, contexts=contexts)
        return self

    def evaluate(self, params, target, rng=None):
        """Predict costs and the distance from the plausible range.

        Parameters
        ----------
        params : dict of str to ndarray
            Searched parameters, (n_candidates, n_rois) or (n_candidates,).
        target : Target
        rng : object
            Ignored: predictions are deterministic.

        Returns
        -------
        Evaluation
            The violation is how far the predicted probability of being within range
            lies below one half.
        """
        X, contexts = self._rows(params, target)
        costs = self.predictor_.predict(X, contexts=contexts)
        p = self.classifier_.predict_proba(X, contexts=contexts)[:, 1]
        return Evaluation(costs, np.maximum(0.5 - p, 0.0))

    def p_in_range(self, params, target):
        """Probability that candidates are within range, (n_candidates,)."""
        X, contexts = self._rows(params, target)
        return self.classifier_.predict_proba(X, contexts=contexts)[:, 1]

    def _rows(self, params, target):
        check_is_fitted(self, "predictor_")
        params = flatten_params(self.predictor_.model_, params)
        X = np.column_stack([params, np.zeros((len(params), 2))])
        return X, pack_rows(target.sc, target.fc, target.fcd_cdf)


def flatten_params(model, params):
    """Give searched parameters as rows: w_EE, w_EI, G, sigma."""
    return np.column_stack([params[name] for name in model.searched])
