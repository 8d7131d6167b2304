"""What both networks share as scikit-learn estimators: training and prediction."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import skorch
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.model_selection import GroupShuffleSplit
from sklearn.utils import Bunch, check_random_state
from sklearn.utils.validation import check_array, check_is_fitted, check_X_y
from skorch.callbacks import EarlyStopping, LRScheduler
from skorch.helper import predefined_split

from delssome.connectome import SC_MAX, matrix_to_edges, unpack_subjects
from delssome.models import FIC, Model
from delssome.simulation.torch_backend import check_device
from delssome.surrogate.published.columns import column_widths, scale_to_ranges
from delssome.surrogate.torch_state import own_generator
from delssome.utils import MOST_BINS, check_number, instance_or_default

__all__ = ["NetworkEstimator"]

Array = NDArray[Any]


class NetworkEstimator(BaseEstimator):
    """Train and apply a network on candidates, each in a context.

    Subclasses say which network it is, and which loss is lowered.
    """

    _module: ClassVar[type[torch.nn.Module]]
    _criterion: ClassVar[type[torch.nn.Module]]

    def __init__(
        self,
        *,
        d_model: int = 64,
        n_layers: int = 4,
        n_heads: int = 8,
        max_epochs: int = 15,
        lr: float = 1e-3,
        lr_decay: float = 0.98,
        batch_size: int = 256,
        held_out: float = 0.1,
        model: Model | None = None,
        n_fcd_bins: int = 10_000,
        device: str = "cpu",
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
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

    def _check_settings(self) -> None:
        for name, kind, low, high in (
            ("d_model", Integral, 2, 4096),
            ("n_layers", Integral, 1, 100),
            ("n_heads", Integral, 1, 1024),
            ("max_epochs", Integral, 1, 1_000_000),
            ("lr", Real, 1e-12, 10.0),
            ("lr_decay", Real, 1e-3, 1.0),
            ("batch_size", Integral, 2, 1_000_000),
            ("held_out", Real, 0.01, 0.9),
            ("n_fcd_bins", Integral, 2, MOST_BINS),
        ):
            check_number(name, getattr(self, name), kind, low, high)
        if self.d_model % (2 * self.n_heads):
            raise ValueError(
                f"d_model must be a multiple of twice n_heads={self.n_heads}, "
                f"got {self.d_model}."
            )
        check_device(self.device)

    def _fit(self, X: ArrayLike, y: ArrayLike, contexts: ArrayLike) -> Self:
        self._check_settings()
        rows, labels = check_X_y(
            X, y, dtype=np.float64, multi_output=True, y_numeric=True
        )
        given = FIC() if self.model is None else self.model
        self.model_: Model = instance_or_default("model", given, Model)
        unpacked = unpack_subjects(contexts, self.n_fcd_bins)
        self.n_rois_: int = unpacked.n_rois
        self.n_features_in_: int = rows.shape[1]
        inputs = self._inputs(rows, len(unpacked.sc))
        # Rows that share parameters come from one simulation: keep them together.
        _, groups = np.unique(inputs[:, :-1], axis=0, return_inverse=True)
        seed = check_random_state(self.random_state).randint(2**31)
        splitter = GroupShuffleSplit(1, test_size=self.held_out, random_state=seed)
        train, held_out = next(splitter.split(X, groups=groups))
        labels = labels.astype(np.float32)
        with own_generator(seed):
            net = self._net((inputs[held_out], labels[held_out]), groups[train])
            net.initialize()
            self._set_contexts(net, unpacked)
            net.partial_fit(inputs[train], labels[train])
        net.module_.bank = None  # data stay out of what is pickled
        net.set_params(train_split=None)
        net.iterator_train__sampler = None
        self.net_ = net
        self.history_ = {
            name: np.array(net.history[:, name])
            for name in ("train_loss", "valid_loss")
        }
        return self

    def _net(self, held_out: tuple[Array, Array], groups: Array) -> Any:
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
            module__widths=column_widths(self.model_, self.n_rois_),
            module__coupling=self.model_.searched.index("G"),
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

    def _set_contexts(self, net: Any, contexts: Bunch) -> None:
        def tensor(x: Array) -> torch.Tensor:
            return torch.tensor(x, dtype=torch.float32, device=self.device)

        pdf = np.diff(contexts.fcd_cdf, axis=1, prepend=0.0)
        net.module_.set_contexts(
            tensor(contexts.sc / SC_MAX),
            tensor(matrix_to_edges(contexts.fc)),
            tensor(pdf),
        )

    def _inputs(self, X: Array, n_contexts: int) -> Array:
        """Scale parameters to their ranges and check the index."""
        n, model = self.n_rois_, self.model_
        n_columns = sum(column_widths(model, n)) + 2
        if X.shape[1] != n_columns:
            n_regional = len(model.regional)
            rest = n_columns - n_regional * n
            raise ValueError(
                f"X must have {n_regional} * n_rois + {rest} = {n_columns} columns "
                f"({', '.join(model.searched)}, rows of contexts with SC and with FC) "
                f"for {n} regions, got {X.shape[1]}."
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
        scaled = scale_to_ranges(model, X[:, :-2], n)
        return np.column_stack([scaled, index]).astype(np.float32)

    def _forward(self, X: ArrayLike, contexts: ArrayLike) -> Array:
        check_is_fitted(self, "net_")
        rows = check_array(X, dtype=np.float64)
        unpacked = unpack_subjects(contexts, self.n_fcd_bins)
        if unpacked.n_rois != self.n_rois_:
            raise ValueError(
                f"This surrogate was fitted on {self.n_rois_} regions, "
                f"got contexts with {unpacked.n_rois}."
            )
        inputs = self._inputs(rows, len(unpacked.sc))
        self._set_contexts(self.net_, unpacked)
        try:
            with own_generator():  # loaders draw from it
                output = self.net_.forward(inputs)
        finally:
            self.net_.module_.bank = None
        return np.asarray(output.cpu().numpy(), dtype=np.float64)


class _Together(torch.utils.data.Sampler):
    """Shuffle candidates, not their targets: the network encodes neighbours once."""

    def __init__(self, groups: Array) -> None:
        self.groups = torch.from_numpy(groups)

    def __iter__(self) -> Iterator[int]:
        order = torch.randperm(int(self.groups.max()) + 1)
        return iter(order[self.groups].argsort(stable=True).tolist())

    def __len__(self) -> int:
        return len(self.groups)
