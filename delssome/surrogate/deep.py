"""The circuit network as an evaluator: training on shards, weights, prediction."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import hashlib
import json
from numbers import Integral, Real
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch, check_random_state
from sklearn.utils.validation import check_is_fitted
from torch.nn import functional
from tqdm import trange

from delssome._version import __version__
from delssome.costs import Evaluation, Target
from delssome.models import FIC
from delssome.simulation import Acquisition
from delssome.surrogate.circuit import CircuitNet, circuits, scan_features
from delssome.surrogate.shards import read_shard
from delssome.theory import range_violation
from delssome.utils import check_number, write_atomically

__all__ = ["CircuitStatistics", "CircuitSurrogate"]

WEIGHTS = Path(__file__).parent / "weights"
# Log odds of an escape of candidates whose fixed point is unstable: 97 % leave.
LOST = 3.5
# Candidates handled at once, of which the matrices stay in the cache.
BATCH = 100


class CircuitStatistics(NamedTuple):
    """Predicted statistics of candidates; NaN where the fixed point is unstable.

    Attributes
    ----------
    fc : ndarray of shape (n_candidates, n_edges)
        Expected FC, upper triangle.
    fcd_cdf : ndarray of shape (n_candidates, n_points)
        FCD distribution at `n_points` equidistant points up to 1.
    fc_noise : ndarray of shape (n_candidates,)
        Variance over edges of what a single scan adds to the expected FC.
    p_in_range : ndarray of shape (n_candidates,)
        Probability that a simulation keeps its rates in range.
    instability : ndarray of shape (n_candidates,)
        0 where the fixed point is stable, otherwise a bound on the rate (1/s) at which
        the network leaves it (Gershgorin).
    error : ndarray of shape (n_candidates, 3)
        Absolute error to expect in each cost.
    """

    fc: np.ndarray
    fcd_cdf: np.ndarray
    fc_noise: np.ndarray
    p_in_range: np.ndarray
    instability: np.ndarray
    error: np.ndarray


class CircuitSurrogate(BaseEstimator):
    """Predict costs and plausibility of candidates with one network for any data.

    Parameters
    ----------
    acquisition : Acquisition, default=None
        Scan whose statistics are predicted.
    model : FIC, default=None
    n_repeats : int, default=3
        Simulations whose costs are predicted.
    width : int, default=48
        Hidden units of the networks of a region.
    n_steps : int, default=20_000
        Steps of training.
    batch_size : int, default=32
        Candidates in a step, all of one group.
    lr : float, default=3e-3
        Largest learning rate of the one-cycle schedule (AdamW).
    verbose : int, default=0
    random_state : int, RandomState instance or None, default=None

    Attributes
    ----------
    net_ : CircuitNet
    history_ : ndarray of shape (n_steps, 5)
        Losses of FC, FCD distribution, FC noise, escape and expected errors.

    See Also
    --------
    delssome.surrogate.build_corpus : makes the shards to fit to.
    """

    def __init__(
        self,
        acquisition=None,
        model=None,
        *,
        n_repeats=3,
        width=48,
        n_steps=20_000,
        batch_size=32,
        lr=3e-3,
        verbose=0,
        random_state=None,
    ):
        self.acquisition = acquisition
        self.model = model
        self.n_repeats = n_repeats
        self.width = width
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.lr = lr
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X, y=None):
        """Train on labelled groups.

        Parameters
        ----------
        X : sequence of paths
            Shards that :func:`delssome.surrogate.build_corpus` wrote, of any number
            of regions and any scan.
        y : None
            Ignored.

        Returns
        -------
        self
        """
        for name, kind, low in (
            ("n_repeats", Integral, 1),
            ("width", Integral, 2),
            ("n_steps", Integral, 1),
            ("batch_size", Integral, 2),
            ("lr", Real, 1e-12),
        ):
            check_number(name, getattr(self, name), kind, low)
        rng = check_random_state(self.random_state)
        if len(X) == 0:
            raise ValueError("X must hold at least one shard of a corpus.")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(rng.randint(2**31))
            self.net_ = CircuitNet(self.width)
            groups = [
                _load_group(file, self.net_, self._model, self.n_repeats) for file in X
            ]
            self.history_ = self._train(groups, rng)
        return self

    def _train(self, groups, rng):
        net = self.net_.train()
        optimiser = torch.optim.AdamW(net.parameters(), lr=self.lr, weight_decay=1e-4)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, self.lr, total_steps=self.n_steps
        )
        history = np.empty((self.n_steps, 5))
        bar = trange(self.n_steps, desc="training", disable=self.verbose < 1)
        for step in bar:
            group = groups[rng.randint(len(groups))]
            n = len(group.escape)
            which = torch.from_numpy(rng.permutation(n)[: self.batch_size])
            losses = _losses(net, group, which, self.n_repeats)
            optimiser.zero_grad()
            sum(losses).backward()
            norm = torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            if torch.isfinite(norm):
                optimiser.step()
            schedule.step()
            history[step] = [float(loss.detach()) for loss in losses]
            if self.verbose and step % 100 == 99:
                recent = history[step - 99 : step + 1].mean(axis=0)
                bar.set_postfix(fc=f"{recent[0]:.4f}", fcd=f"{recent[1]:.4f}")
        net.eval()
        return history

    def statistics(self, params, sc):
        """Predict the statistics of candidates.

        Parameters
        ----------
        params : dict of str to ndarray
            Searched parameters, (n_candidates, n_rois) or (n_candidates,).
        sc : ndarray of shape (n_rois, n_rois) or (n_candidates, n_rois, n_rois)
            Scaled structural connectivity, symmetric.

        Returns
        -------
        CircuitStatistics
        """
        check_is_fitted(self)
        sc = np.asarray(sc)
        n_candidates, n_rois = len(params["G"]), sc.shape[-1]
        n_edges = n_rois * (n_rois - 1) // 2
        fc = np.full((n_candidates, n_edges), np.nan, dtype=np.float32)
        cdf = np.full((n_candidates, len(self.net_.points)), np.nan, dtype=np.float32)
        noise = np.full(n_candidates, np.nan)
        escape = np.full(n_candidates, LOST)
        error = np.full((n_candidates, 3), np.nan)
        instability = np.zeros(n_candidates)
        scan = scan_features(self._scan)
        with torch.inference_mode():
            for start in range(0, n_candidates, BATCH):
                part = slice(start, start + BATCH)
                circuit, instability[part] = circuits(
                    self._model,
                    {name: values[part] for name, values in params.items()},
                    sc if sc.ndim == 2 else sc[part],
                    self._scan.step,
                )
                which = start + np.flatnonzero(instability[part] == 0)
                if len(which) == 0:
                    continue
                predicted = self.net_(circuit, scan)
                fc[which] = predicted.fc.numpy()
                cdf[which] = predicted.cdf.numpy()
                noise[which] = predicted.log_noise.exp().numpy()
                escape[which] = predicted.escape.numpy()
                error[which] = predicted.log_error.exp().numpy()
        p_in_range = 1.0 / (1.0 + np.exp(escape))
        return CircuitStatistics(fc, cdf, noise, p_in_range, instability, error)

    def evaluate(self, params, target, rng=None):
        """Predict costs against a target and the distance from the plausible range.

        Parameters
        ----------
        params : dict of str to ndarray
        target : Target
        rng : None
            Ignored: nothing is drawn.

        Returns
        -------
        Evaluation
            Out of range (violation above 0) are candidates of which three repeats
            would hardly all stay.
        """
        predicted = self.statistics(params, target.sc)
        fc, cdf, noise = map(torch.from_numpy, predicted[:3])
        goal = _goal(target, self.net_.points.numpy())
        costs = _costs(fc, cdf, noise.float(), goal, self.n_repeats).double().numpy()
        violation = range_violation(predicted.p_in_range, self.n_repeats)
        return Evaluation(costs, violation + predicted.instability)

    def digest(self):
        """SHA-256 of the weights."""
        check_is_fitted(self)
        return hashlib.sha256(save_tensors(self.net_.state_dict())).hexdigest()

    def save(self, folder, name="circuit", **card):
        """Write weights and a card that says what they are.

        Parameters
        ----------
        folder : path
        name : str, default="circuit"
        **card
            What else the card should say; JSON.
        """
        check_is_fitted(self)
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        weights = save_tensors(self.net_.state_dict())
        card = {
            "delssome": __version__,
            "sha256": hashlib.sha256(weights).hexdigest(),
            "width": self.width,
            **card,
        }
        write_atomically(folder / f"{name}.safetensors", weights)
        card = json.dumps(card, indent=2) + "\n"
        write_atomically(folder / f"{name}.json", card.encode())

    @classmethod
    def load(cls, folder=WEIGHTS, name="circuit", **settings):
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
        folder = Path(folder)
        card = json.loads((folder / f"{name}.json").read_text())
        weights = (folder / f"{name}.safetensors").read_bytes()
        if hashlib.sha256(weights).hexdigest() != card["sha256"]:
            raise ValueError(
                f"{folder / name}.safetensors is not the file that its card "
                f"{name}.json describes (SHA-256 differs); fetch both again."
            )
        surrogate = cls(width=card["width"], **settings)
        with torch.random.fork_rng(devices=[]):  # initial weights are drawn for nothing
            surrogate.net_ = CircuitNet(surrogate.width)
        surrogate.net_.load_state_dict(load_tensors(weights))
        surrogate.net_.eval()
        surrogate.card_ = card
        return surrogate

    @property
    def _model(self):
        return FIC() if self.model is None else self.model

    @property
    def _scan(self):
        return Acquisition() if self.acquisition is None else self.acquisition


def _load_group(file, net, model, n_repeats):
    """Read a shard as tensors, without the candidates that are linearly unstable."""
    shard = read_shard(file)
    params = {name: shard[name].astype(np.float64) for name in model.searched}
    tr, n_frames, window, step = shard.scan
    scan = Acquisition(tr=tr, n_frames=int(n_frames), window=int(window))
    circuit, instability = circuits(model, params, shard.sc, step)
    keep = instability == 0
    fc, cdf, noise = (
        torch.from_numpy(shard[name][keep]) for name in ("fc", "cdf", "fc_noise")
    )
    goal = _goal(Target(None, shard.target_fc, shard.target_cdf), net.points.numpy())
    return Bunch(
        circuit=circuit,
        scan=scan_features(scan),
        fc=fc,
        cdf=cdf,
        log_noise=noise.log(),
        escape=torch.from_numpy(1.0 - shard.p_in_range[keep]).float(),
        in_range=torch.from_numpy(shard.violation[keep] == 0),
        goal=goal,
        costs=_costs(fc.float(), cdf, noise, goal, n_repeats),
    )


def _losses(net, group, which, n_repeats):
    """Give the losses of FC, FCD distribution, FC noise, escape and expected errors."""
    predicted = net(group.circuit.select(which), group.scan)
    inside = group.in_range[which]
    used = which[inside]
    nothing = torch.zeros(())
    losses = [nothing, nothing, nothing, nothing]
    if len(used):
        fc, cdf, log_noise = (x[inside] for x in predicted[:3])
        gap = fc - group.fc[used].float()
        gap_cdf = (cdf - group.cdf[used]).abs()
        gap_noise = log_noise - group.log_noise[used]
        with torch.no_grad():
            costs = _costs(fc, cdf, log_noise.exp(), group.goal, n_repeats)
            miss = (costs - group.costs[used]).abs()
        log_error = predicted.log_error[inside]
        losses = [
            100.0 * (gap.square().mean() + gap.mean(1).square().mean()),
            50.0 * gap_cdf.square().mean() + gap_cdf.amax(1).mean(),
            0.1 * gap_noise.square().mean(),
            0.02 * (miss * (-log_error).exp() + log_error).mean(),
        ]
    escape = functional.binary_cross_entropy_with_logits(
        predicted.escape, group.escape[which]
    )
    return [*losses[:3], escape, losses[3]]


class _Goal(NamedTuple):
    """What costs are taken against: FC less its mean, mean, variance, distribution."""

    centred: torch.Tensor
    mean: torch.Tensor
    variance: torch.Tensor
    cdf: torch.Tensor


def _goal(target, points):
    fc = torch.tensor(target.fc, dtype=torch.float32)
    edges = np.linspace(-1.0, 1.0, len(target.fcd_cdf) + 1)[1:]
    cdf = np.interp(points, edges, target.fcd_cdf)
    mean = fc.mean()
    return _Goal(
        fc - mean,
        mean,
        fc.var(correction=0),
        torch.tensor(cdf, dtype=torch.float32),
    )


def _costs(fc, cdf, fc_noise, goal, n_repeats):
    """Give the cost terms that the mean of some simulations is expected to have."""
    mean = fc.mean(dim=1)
    square = torch.linalg.vecdot(fc, fc) / fc.shape[1]
    pattern = (square - mean.square()).clamp_min(1e-12)  # rounding
    covariance = fc @ goal.centred / fc.shape[1]
    diluted = pattern + fc_noise / n_repeats
    return torch.stack(
        [
            1.0 - covariance / (diluted * goal.variance).sqrt(),
            (mean - goal.mean).abs(),
            (cdf - goal.cdf).abs().amax(dim=1),
        ],
        dim=1,
    )
