"""Training of the network on labelled groups of any size and scan."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import Parameter, functional

from delssome.costs import expected_cost_terms, fcd_ks_cost
from delssome.evaluation import Target, at_points
from delssome.models import Candidates, Model
from delssome.saying import progress_bar
from delssome.surrogate.circuit.circuits import Circuit, circuits
from delssome.surrogate.circuit.domain import covered, describe_context
from delssome.surrogate.circuit.features import scan_features
from delssome.surrogate.circuit.module import CircuitNet
from delssome.surrogate.circuit.plain import upper_triangle
from delssome.surrogate.circuit.surrogate import BATCH
from delssome.surrogate.shard import model_of_shard, read_shard, scan_of_shard
from delssome.surrogate.torch_state import own_generator

__all__ = ["Labelled", "Training", "load_group", "train"]

Array = NDArray[Any]

# Candidates of many groups in a step of what reads features, where matrices are not
# needed any more; folds of groups for errors to expect.
BIG_BATCH, N_FOLDS = 256, 4


@dataclass(frozen=True)
class Labelled:
    """The stable candidates of a shard, those in range first.

    Attributes
    ----------
    circuit : Circuit of ndarrays
    model : Model
    scan : ndarray of shape (7,)
    context : dict of str to float
        As :func:`.describe_context` gives it.
    target : Target
        With the FCD distribution at the points of the network.
    n_in_range : int
    fc, cdf, noise, escape : tensor of shape (n, ...)
        Labels: FC, FCD distribution, variance that a scan adds to FC, and probability
        of an escape.
    """

    circuit: Circuit[Array]
    model: Model
    scan: Array
    context: dict[str, float]
    target: Target
    n_in_range: int
    fc: torch.Tensor
    cdf: torch.Tensor
    noise: torch.Tensor
    escape: torch.Tensor

    def __len__(self) -> int:
        return len(self.escape)


def load_group(file: Path | str, own: Model | None, points: Array) -> Labelled:
    """Read a shard for training.

    Parameters
    ----------
    file : path
    own : Model or None
        A model that the package does not ship, if the shard may be of that.
    points : ndarray of shape (n_points,)
        Where the network predicts the FCD distribution.

    Returns
    -------
    Labelled
    """
    shard = read_shard(file)
    model, scan = model_of_shard(shard, own), scan_of_shard(shard)
    order = np.argsort(shard.violation > 0, kind="stable")
    params = {name: shard[name][order] for name in model.searched}
    circuit, instability = circuits(Candidates(model, params, shard.sc), scan.step)
    kept = order[instability == 0]
    target = Target(shard.sc, shard.target_fc, shard.target_cdf)
    return Labelled(
        circuit=circuit,
        model=model,
        scan=scan_features(scan),
        context=describe_context(target, scan, model),
        target=target._replace(fcd_cdf=at_points(target.fcd_cdf, points)),
        n_in_range=int((shard.violation[kept] == 0).sum()),
        fc=torch.from_numpy(shard.fc[kept]),
        cdf=torch.from_numpy(shard.cdf[kept]),
        noise=torch.from_numpy(shard.fc_noise[kept]),
        escape=torch.from_numpy(1.0 - shard.p_in_range[kept]).float(),
    )


def train(
    files: Sequence[Path | str],
    own: Model | None,
    *,
    width: int,
    start: Mapping[str, Array] | None,
    rng: np.random.RandomState,
    **settings: Any,
) -> tuple[CircuitNet, dict[str, Array], list[str], dict[str, list[float]]]:
    """Train a network on shards.

    Parameters
    ----------
    files : sequence of paths
    own : Model or None
        As of :func:`load_group`.
    width : int
    start : dict of str to ndarray, or None
        Weights to start from. None: random ones.
    rng : numpy.random.RandomState
    **settings
        Of :class:`Training`.

    Returns
    -------
    net : CircuitNet
    history : dict of str to ndarray
    models : list of str
        Names of those in the shards.
    domain : dict
        As of :func:`.covered`.
    """
    with own_generator(int(rng.randint(2**31))):  # initial weights
        net = CircuitNet(width)
    if start is not None:
        net = CircuitNet.of(start, width).train()
    groups = [load_group(file, own, net.points.numpy()) for file in files]
    models = sorted({type(group.model).__name__ for group in groups})
    domain = covered([group.context for group in groups])
    groups = [group for group in groups if group.n_in_range]
    if not groups:
        raise ValueError("No candidate in X is within range; label more.")
    history = Training(net, groups, rng=rng, **settings).run(anew=start is None)
    return net.eval(), history, models, domain


class Training:
    """Train the correction of the diagonal, then all that reads features.

    Parameters
    ----------
    net : CircuitNet
    groups : sequence of Labelled
        Each with candidates in range.
    n_repeats : int
        Simulations behind the costs whose errors are expected.
    n_steps, batch_size, lr, verbose
        As of :class:`.CircuitSurrogate`.
    rng : numpy.random.RandomState
    """

    def __init__(
        self,
        net: CircuitNet,
        groups: Sequence[Labelled],
        *,
        n_repeats: int,
        n_steps: int,
        batch_size: int,
        lr: float,
        verbose: int,
        rng: np.random.RandomState,
    ) -> None:
        self.net, self.groups, self.rng = net, groups, rng
        self.n_repeats, self.n_steps = n_repeats, n_steps
        self.batch_size, self.lr, self.verbose = batch_size, lr, verbose

    def run(self, anew: bool) -> dict[str, Array]:
        """Train in place; `anew`: features are not standardised yet.

        Returns
        -------
        dict of str to ndarray of shape (n_steps,)
            Losses of the parts; of "escape" there are twice as many.
        """
        net, n = self.net, self.n_steps
        parameters = [
            *net.correct.parameters(),
            net.mix,
            *net.mix_of_band.parameters(),
        ]
        history = {"fc": self._optimise(parameters, self._fc_loss, n, "FC", 1e-4)}
        self.examples = _Examples(net, self.groups, self.n_repeats, self.rng)
        if anew:
            net.centre, net.spread = self.examples.moments()
        self.examples.features = net.scaled(self.examples.features)
        # Errors to expect are those on groups that took no part in training.
        for fold in range(N_FOLDS):
            apart = deepcopy(net)
            others = [k for k in range(N_FOLDS) if k != fold]
            self._fit_fcd(apart, others, -(-n // 2), f", apart {fold + 1}/{N_FOLDS}")
            self.examples.note_errors(apart, fold)
        history["fcd"] = self._fit_fcd(net, range(N_FOLDS), n)
        noise, escape = net.noise.parameters(), net.escape.parameters()
        history["noise"] = self._optimise(noise, self._noise_loss, n, "noise of FC")
        # What leaves lies apart from what stays in many ways: this one wants more.
        history["escape"] = self._optimise(
            escape, self._escape_loss, 2 * n, "escape", 0.03
        )
        errors = net.error.parameters()
        history["error"] = self._optimise(errors, self._error_loss, n, "errors")
        return history

    def _fit_fcd(
        self, net: CircuitNet, folds: Iterable[int], n_steps: int, which: str = ""
    ) -> Array:
        parameters = net.fcd.parameters()

        def loss() -> torch.Tensor:
            return self._fcd_loss(net, folds)

        return self._optimise(parameters, loss, n_steps, f"FCD{which}")

    def _fc_loss(self) -> torch.Tensor:
        group = self.groups[self.rng.randint(len(self.groups))]
        n = group.n_in_range
        which = self.rng.permutation(n)[: self.batch_size]
        circuit = group.circuit.select(which).tensors()
        fc = self.net.expected_fc(circuit, torch.from_numpy(group.scan))
        found, true = upper_triangle(fc), group.fc[which].float()
        gap = found - true
        goal = torch.from_numpy(group.target.fc).float()
        fit = _correlation(found, goal) - _correlation(true, goal)
        loss = gap.square().mean() + gap.mean(1).square().mean()
        return 100 * loss + 10 * fit.square().mean()

    def _fcd_loss(self, net: CircuitNet, folds: Iterable[int]) -> torch.Tensor:
        rows = self.examples.draw(BIG_BATCH, folds)
        predicted = net.distribution(self.examples.features[rows])
        gap = (predicted - self.examples.cdf[rows]).abs()
        return 50 * gap.square().mean() + gap.amax(1).mean()

    def _noise_loss(self) -> torch.Tensor:
        rows = self.examples.draw(BIG_BATCH)
        predicted = self.net.log_noise(self.examples.features[rows])
        return (predicted - self.examples.log_noise[rows]).square().mean()

    def _escape_loss(self) -> torch.Tensor:
        rows = self.examples.draw(BIG_BATCH, in_range=False)
        odds = self.net.log_odds(self.examples.features[rows])
        return functional.binary_cross_entropy_with_logits(
            odds, self.examples.escape[rows]
        )

    def _error_loss(self) -> torch.Tensor:
        rows = self.examples.draw(BIG_BATCH)
        log_error = self.net.log_error(self.examples.features[rows])
        return (self.examples.error[rows] * (-log_error).exp() + log_error).mean()

    def _optimise(
        self,
        parameters: Iterable[Parameter],
        loss_of_batch: Callable[[], torch.Tensor],
        n_steps: int,
        what: str,
        weight_decay: float = 0.1,
    ) -> Array:
        """Lower a loss by AdamW with one cycle of the learning rate."""
        parameters = list(parameters)
        optimiser = torch.optim.AdamW(parameters, lr=self.lr, weight_decay=weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, self.lr, total_steps=n_steps
        )
        history = np.empty(n_steps)
        steps = progress_bar(
            range(n_steps), total=n_steps, desc=f"train {what}", verbose=self.verbose
        )
        for step in steps:
            optimiser.zero_grad()
            loss = loss_of_batch()
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            if torch.isfinite(norm):
                optimiser.step()
            schedule.step()
            history[step] = loss.detach()
        return history


def _correlation(rows: torch.Tensor, pattern: torch.Tensor) -> torch.Tensor:
    """Correlation of rows with a pattern."""
    return torch.cosine_similarity(
        rows - rows.mean(dim=1, keepdim=True), (pattern - pattern.mean())[None]
    )


class _Examples:
    """Candidates of all groups with their features, to be drawn from together.

    Groups are equally likely, however many candidates they have, and belong to one
    of `N_FOLDS` folds each.
    """

    def __init__(
        self,
        net: CircuitNet,
        groups: Sequence[Labelled],
        n_repeats: int,
        rng: np.random.RandomState,
    ) -> None:
        self.groups, self.rng = groups, rng
        self.size = np.array([len(group) for group in groups])
        self.n_in_range = np.array([group.n_in_range for group in groups])
        self.start = np.cumsum(self.size) - self.size
        self.fold = rng.permutation(len(groups)) % N_FOLDS
        self.cdf = torch.cat([group.cdf for group in groups])
        self.log_noise = torch.cat([group.noise for group in groups]).log()
        self.escape = torch.cat([group.escape for group in groups])
        features, errors, apart = [], [], net.in_numpy()
        for group in groups:
            for start in range(0, len(group), BATCH):
                part = slice(start, start + BATCH)
                circuit = group.circuit.select(part)
                edges, described = apart.describe(circuit, group.scan)
                features.append(described)
                errors.append(_errors(group, part, edges, n_repeats))
        self.features = torch.from_numpy(np.concatenate(features))
        self.error = torch.from_numpy(np.concatenate(errors)).float()

    def moments(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and standard deviation of the features of candidates in range."""
        rows = self.draw(20_000)
        return self.features[rows].mean(0), self.features[rows].std(0) + 1e-3

    def draw(
        self, n: int, folds: Iterable[int] = range(N_FOLDS), in_range: bool = True
    ) -> torch.Tensor:
        """Draw rows."""
        groups = np.flatnonzero(np.isin(self.fold, list(folds)))
        groups = self.rng.choice(groups if len(groups) else len(self.fold), n)
        among = (self.n_in_range if in_range else self.size)[groups]
        rows = self.start[groups] + (self.rng.random_sample(n) * among).astype(int)
        return torch.from_numpy(rows)

    @torch.no_grad()
    def note_errors(self, net: CircuitNet, fold: int) -> None:
        """Note how far a network errs in the KS cost in the groups of a fold."""
        for k in np.flatnonzero(self.fold == fold):
            group, start = self.groups[int(k)], int(self.start[k])
            rows = torch.arange(start, start + group.n_in_range)
            predicted, true = (
                fcd_ks_cost(cdf.numpy(), group.target.fcd_cdf)
                for cdf in (net.distribution(self.features[rows]), self.cdf[rows])
            )
            self.error[rows, 2] = torch.from_numpy(np.abs(predicted - true)).float()


def _errors(group: Labelled, part: slice, edges: Array, n_repeats: int) -> Array:
    """Give how far predicted FC is off in each cost, (n, 3)."""
    predicted, true = (
        expected_cost_terms(
            fc,
            group.cdf[part].numpy(),
            group.noise[part].numpy() / n_repeats,
            group.target.fc,
            group.target.fcd_cdf,
        )
        for fc in (edges, group.fc[part].float().numpy())
    )
    return np.abs(predicted - true)
