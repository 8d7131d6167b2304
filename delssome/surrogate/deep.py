"""The circuit network as an evaluator: training on shards, weights, prediction."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import hashlib
import json
from copy import deepcopy
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

from delssome._version import __version__
from delssome.costs import Evaluation, Target, expected_cost_terms, fcd_ks_cost
from delssome.models import FIC, check_candidates
from delssome.simulation import Acquisition
from delssome.surrogate.circuit import (
    CircuitNet,
    circuits,
    scan_features,
    upper_triangle,
)
from delssome.surrogate.domain import covered, describe_context, outside
from delssome.surrogate.shards import read_shard
from delssome.theory import range_violation
from delssome.utils import (
    check_number,
    instance_or_default,
    progress_bar,
    write_atomically,
)

__all__ = ["CircuitStatistics", "CircuitSurrogate"]

WEIGHTS = Path(__file__).parent / "weights"
# Counts the forms of the network that read each other's weights.
ARCHITECTURE = 3
# Log odds of an escape of candidates whose fixed point is unstable: 97 % leave.
LOST = 3.5
# Candidates handled at once, of which the matrices stay in the cache.
BATCH = 100
# Candidates of many groups in a step of what reads features, where matrices are not
# needed any more; folds of groups for errors to expect.
BIG_BATCH, N_FOLDS = 256, 4


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
    net_ : CircuitNet
    domain_ : dict
        Range of every number that describes the contexts of the corpus.
    history_ : dict of ndarray of shape (n_steps,)
        Losses of the parts: "fc", "fcd", "rest" (FC noise and escape), "error".

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
        n_steps=10_000,
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

    def fit(self, X, y=None, *, start=None):
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
            net = CircuitNet(self.width)
            if start is not None:
                net.load_state_dict(start.net_.state_dict())
            points = net.points.numpy()
            groups = [_load_group(file, self._model, points) for file in X]
            self.domain_ = covered([group.context for group in groups])
            groups = [group for group in groups if group.n_in_range]
            if not groups:
                raise ValueError("No candidate in X is within range; label more.")
            self.net_ = self._train(net, groups, rng, start is None).eval()
        return self

    def _train(self, net, groups, rng, anew):
        """Train the correction of the diagonal, then all that reads features."""

        def fc_loss():
            group = groups[rng.randint(len(groups))]
            n = group.n_in_range
            which = torch.from_numpy(rng.permutation(n)[: self.batch_size])
            fc = net.expected_fc(group.circuit.select(which), group.scan)
            found, true = upper_triangle(fc), group.fc[which].float()
            gap = found - true
            fit = _correlation(found, group.goal) - _correlation(true, group.goal)
            loss = gap.square().mean() + gap.mean(1).square().mean()
            return 100 * loss + 10 * fit.square().mean()

        parameters = [*net.correct.parameters(), net.mix]
        history = {"fc": self._optimise(parameters, fc_loss, self.n_steps, "FC", 1e-4)}
        examples = _Examples(net, groups, self.n_repeats, rng)
        if anew:
            net.centre, net.spread = examples.moments()
        examples.features = net.scaled(examples.features)

        def fcd_loss(net, folds):
            rows = examples.draw(BIG_BATCH, folds)
            gap = (net.distribution(examples.features[rows]) - examples.cdf[rows]).abs()
            return 50 * gap.square().mean() + gap.amax(1).mean()

        def rest_loss():
            rows = examples.draw(BIG_BATCH)
            features = examples.features[rows]
            gap = net.log_noise(features) - examples.log_noise[rows]
            rows = examples.draw(BIG_BATCH, in_range=False)
            odds = net.log_odds(examples.features[rows])
            escape = functional.binary_cross_entropy_with_logits(
                odds, examples.escape[rows]
            )
            return 0.1 * gap.square().mean() + escape

        def error_loss():
            rows = examples.draw(BIG_BATCH)
            log_error = net.log_error(examples.features[rows])
            return (examples.error[rows] * (-log_error).exp() + log_error).mean()

        # Errors to expect are those on groups that took no part in training.
        for fold in range(N_FOLDS):
            apart = deepcopy(net)
            others = [k for k in range(N_FOLDS) if k != fold]
            self._optimise(
                apart.fcd.parameters(),
                lambda net=apart, others=others: fcd_loss(net, others),
                -(-self.n_steps // 2),
                f"FCD, apart {fold + 1}/{N_FOLDS}",
            )
            examples.note_errors(apart, fold)
        n = self.n_steps
        history["fcd"] = self._optimise(
            net.fcd.parameters(), lambda: fcd_loss(net, range(N_FOLDS)), n, "FCD"
        )
        rest = [*net.noise.parameters(), *net.escape.parameters()]
        history["rest"] = self._optimise(rest, rest_loss, n, "noise and escape")
        errors = net.error.parameters()
        history["error"] = self._optimise(errors, error_loss, n, "errors")
        self.history_ = history
        return net

    def _optimise(self, parameters, loss_of_batch, n_steps, what, weight_decay=0.1):
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
        parts = list(self._parts(params, sc))
        return CircuitStatistics(*map(np.concatenate, zip(*parts, strict=True)))

    @torch.inference_mode()
    def _batch(self, params, sc, scan):
        """Predict the statistics of a few candidates."""
        circuit, instability = circuits(self._model, params, sc, self._scan.step)
        stable = instability == 0
        predicted = self.net_(circuit, scan)
        # Before float32 numbers become probabilities.
        escape = _spread(predicted.escape.double(), stable, LOST)
        return CircuitStatistics(
            _spread(predicted.fc, stable),
            _spread(predicted.cdf, stable),
            _spread(predicted.log_noise.double().exp(), stable),
            1.0 / (1.0 + np.exp(escape)),
            instability,
            _spread(predicted.log_error.double().exp(), stable),
        )

    def _parts(self, params, sc):
        """Predict the statistics of candidates, batch after batch."""
        params, sc = check_candidates(self._model, params, sc)
        scan = scan_features(self._scan)
        for start in range(0, len(params["G"]), BATCH):
            part = slice(start, start + BATCH)
            yield self._batch(
                {name: values[part] for name, values in params.items()},
                sc if sc.ndim == 2 else sc[part],
                scan,
            )

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
        check_is_fitted(self)
        cdf = _at_points(target.fcd_cdf, self.net_.points.numpy())
        costs, violations = [], []
        for predicted in self._parts(params, target.sc):
            noise = predicted.fc_noise / self.n_repeats
            costs.append(
                expected_cost_terms(
                    predicted.fc, predicted.fcd_cdf, noise, target.fc, cdf
                )
            )
            violation = range_violation(predicted.p_in_range, self.n_repeats)
            violations.append(violation + predicted.instability)
        return Evaluation(np.concatenate(costs), np.concatenate(violations))

    def expected_error(self, params, target):
        """Error to expect in the total cost of candidates, (n_candidates,)."""
        return self.statistics(params, target.sc).error.sum(axis=1)

    def outside(self, target):
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
        return outside(describe_context(target, self._scan), self.domain_)

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
            "architecture": ARCHITECTURE,
            "sha256": self.digest(),
            "width": self.width,
            "domain": self.domain_,
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
        if card.get("architecture") != ARCHITECTURE:
            raise ValueError(
                f"{folder / name}.safetensors holds weights of another version of the "
                "network (card: architecture "
                f"{card.get('architecture')}, not {ARCHITECTURE}); train them again "
                "(`delssome train`)."
            )
        surrogate = cls(width=card["width"], **settings)
        with torch.random.fork_rng(devices=[]):  # initial weights are drawn for nothing
            surrogate.net_ = CircuitNet(surrogate.width)
        surrogate.net_.load_state_dict(load_tensors(weights))
        surrogate.net_.eval()
        surrogate.domain_ = card["domain"]
        surrogate.card_ = card
        return surrogate

    @property
    def _model(self):
        return FIC() if self.model is None else self.model

    @property
    def _scan(self):
        return instance_or_default("acquisition", self.acquisition, Acquisition)


def _load_group(file, model, points):
    """Read the stable candidates of a shard as tensors, those in range first."""
    shard = read_shard(file)
    tr, n_frames, window, step = shard.scan
    scan = Acquisition(tr=tr, n_frames=int(n_frames), window=int(window))
    order = np.argsort(shard.violation > 0, kind="stable")
    params = {name: shard[name][order].astype(float) for name in model.searched}
    circuit, instability = circuits(model, params, shard.sc, step)
    kept = order[instability == 0]
    target = Target(shard.sc, shard.target_fc, shard.target_cdf)
    return Bunch(
        circuit=circuit,
        scan=scan_features(scan),
        context=describe_context(target, scan),
        n_in_range=int((shard.violation[kept] == 0).sum()),
        target=target._replace(fcd_cdf=_at_points(target.fcd_cdf, points)),
        goal=torch.from_numpy(target.fc).float(),
        fc=torch.from_numpy(shard.fc[kept]),
        cdf=torch.from_numpy(shard.cdf[kept]),
        noise=torch.from_numpy(shard.fc_noise[kept]),
        escape=torch.from_numpy(1.0 - shard.p_in_range[kept]).float(),
    )


def _correlation(rows, pattern):
    """Correlation of rows with a pattern."""
    return torch.cosine_similarity(
        rows - rows.mean(dim=1, keepdim=True), (pattern - pattern.mean())[None]
    )


class _Examples:
    """Candidates of all groups with their features, to be drawn from together.

    Groups are equally likely, however many candidates they have, and belong to one
    of `N_FOLDS` folds each.
    """

    def __init__(self, net, groups, n_repeats, rng):
        self.groups, self.rng = groups, rng
        self.size = np.array([len(group.escape) for group in groups])
        self.n_in_range = np.array([group.n_in_range for group in groups])
        self.start = np.cumsum(self.size) - self.size
        self.fold = rng.permutation(len(groups)) % N_FOLDS
        self.cdf = torch.cat([group.cdf for group in groups])
        self.log_noise = torch.cat([group.noise for group in groups]).log()
        self.escape = torch.cat([group.escape for group in groups])
        features, errors = [], []
        with torch.no_grad():
            for group in groups:
                for part in torch.arange(len(group.escape)).split(BATCH):
                    circuit = group.circuit.select(part)
                    edges, described = net.describe(circuit, group.scan)
                    features.append(described)
                    predicted, true = (
                        expected_cost_terms(
                            fc.float().numpy(),
                            group.cdf[part].numpy(),
                            group.noise[part].numpy() / n_repeats,
                            group.target.fc,
                            group.target.fcd_cdf,
                        )
                        for fc in (edges, group.fc[part])
                    )
                    errors.append(np.abs(predicted - true))
        self.features = torch.cat(features)
        self.error = torch.from_numpy(np.concatenate(errors)).float()

    def moments(self):
        """Mean and standard deviation of the features of candidates in range."""
        rows = self.draw(20_000)
        return self.features[rows].mean(0), self.features[rows].std(0) + 1e-3

    def draw(self, n, folds=range(N_FOLDS), in_range=True):
        """Draw rows."""
        groups = np.flatnonzero(np.isin(self.fold, folds))
        groups = self.rng.choice(groups if len(groups) else len(self.fold), n)
        among = (self.n_in_range if in_range else self.size)[groups]
        rows = self.start[groups] + (self.rng.random_sample(n) * among).astype(int)
        return torch.from_numpy(rows)

    @torch.no_grad()
    def note_errors(self, net, fold):
        """Note how far a network errs in the KS cost in the groups of a fold."""
        for k in np.flatnonzero(self.fold == fold):
            group, start = self.groups[k], self.start[k]
            rows = torch.arange(start, start + group.n_in_range)
            predicted, true = (
                fcd_ks_cost(cdf.numpy(), group.target.fcd_cdf)
                for cdf in (net.distribution(self.features[rows]), self.cdf[rows])
            )
            self.error[rows, 2] = torch.from_numpy(np.abs(predicted - true)).float()


def _spread(values, stable, fill=np.nan):
    """Give rows to the stable candidates, and something else to the others."""
    values = values.numpy()
    if stable.all():
        return values
    spread = np.full((len(stable), *values.shape[1:]), fill, dtype=values.dtype)
    spread[stable] = values
    return spread


def _at_points(cdf, points):
    """Read a distribution over equal bins of [-1, 1] at some points."""
    return np.interp(points, np.linspace(-1.0, 1.0, len(cdf) + 1)[1:], cdf)
