"""How what the network says of one candidate moves with all regional parameters."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from delssome.costs import rounded_cost
from delssome.evaluation import Target
from delssome.models import Candidates, Model
from delssome.simulation import Acquisition
from delssome.surrogate.circuit import plain
from delssome.surrogate.circuit.circuits import Circuit, describe_regions
from delssome.surrogate.circuit.features import (
    FASTER,
    SLOWER,
    is_regressed,
    scale,
    scan_features,
)
from delssome.surrogate.circuit.module import CircuitNet
from delssome.surrogate.circuit.regions import describe_alone
from delssome.theory import price_of_escape

__all__ = ["CostSlopes", "Differentiable", "Said", "rests_alone"]

Array = NDArray[Any]

# Share of its range by which a parameter is moved to either side.
STEP = 1e-4


def rests_alone(model: Model, sc: Array) -> bool:
    """Tell whether regions rest whatever the others do: known in closed form."""
    middle = {
        name: np.array([np.mean(getattr(model, name))]) for name in model.searched
    }
    some = Candidates(model, middle, sc)
    return model.solve(some.params, some.sc).states is not None


class Said(NamedTuple):
    """What the network says of one candidate, as tensors with a derivative.

    Attributes
    ----------
    fc : tensor of shape (n_edges,)
    cdf : tensor of shape (n_points,)
    noise : tensor
        Variance over edges that one scan adds to FC.
    escape : tensor
        Log odds that a simulation leaves the plausible range.
    """

    fc: torch.Tensor
    cdf: torch.Tensor
    noise: torch.Tensor
    escape: torch.Tensor


class Differentiable:
    """The network in double precision, with derivatives by regional parameters.

    Parameters
    ----------
    net : CircuitNet
    model : Model
    acquisition : Acquisition
    sc : ndarray of shape (n_rois, n_rois)

    Notes
    -----
    A region enters by its decay, reach, power, fastest rate and bends, which depend on
    its own parameters and on G; these derivatives are central differences, for all
    regions at once. All that follows is differentiated by torch.
    """

    def __init__(
        self, net: CircuitNet, model: Model, acquisition: Acquisition, sc: Array
    ) -> None:
        self.net = deepcopy(net).double().cpu().requires_grad_(False)
        self.model, self.step, self.sc = model, acquisition.for_model(model).step, sc
        self.names = [*model.regional, "G"]
        self._sc = torch.from_numpy(np.asarray(sc, dtype=np.float64))[None]
        self._scan = torch.from_numpy(scan_features(acquisition)).double()

    def __call__(self, params: Mapping[str, torch.Tensor]) -> Said | None:
        """Ask it; None if the candidate has no stable state.

        Parameters
        ----------
        params : mapping
            Tensors (n_rois,) of regional parameters, and of none G.
        """
        given = [params[name] for name in self.names]
        numbers = _Numbers.apply(self, *given)
        if not torch.isfinite(numbers).all():
            return None
        decay, reach, power, fastest = numbers[:4, None]
        bends = torch.movedim(numbers[4:, None], 0, -1)
        found = plain.at_frequency_zero(self._sc, reach, decay, power)
        if not found.smallest.item() > 0:
            return None
        slack = 2.0 - fastest * self.step
        described = describe_regions(torch, bends, slack, found, decay, power)
        net = self.net
        circuit = Circuit(*described, self._sc, reach, decay, power)
        slow, corrected = net.correct_regions(circuit, self._scan)
        fc = plain.describe(
            self._sc,
            reach,
            decay,
            slow,
            corrected,
            net.mix_of(self._scan),
            (SLOWER, FASTER),
            is_regressed(self._scan),
        )
        known = fc.sd, fc.share, scale(torch, fc.numbers, fc.share)
        features = net.scaled(net.features(circuit, self._scan, slow, *known))
        return Said(
            fc.edges[0],
            net.distribution(features)[0],
            net.log_noise(features)[0].exp(),
            net.log_odds(features)[0],
        )

    def numbers(self, rows: Mapping[str, Array]) -> Array:
        """Decay, reach, power, fastest rate and bends of regions, (17, n, n_rois)."""
        candidates = Candidates(self.model, dict(rows), self.sc)
        *linear, bends = describe_alone(candidates)
        found = np.stack([*linear, *np.moveaxis(bends, -1, 0)])
        found[:, ~candidates.rests] = np.nan
        return found


class _Numbers(torch.autograd.Function):
    """What describes regions, by central differences."""

    @staticmethod
    def forward(ctx: Any, asked: Differentiable, *given: torch.Tensor) -> torch.Tensor:
        names, model = asked.names, asked.model
        values = {n: x.detach().numpy() for n, x in zip(names, given, strict=True)}
        n = 1 + 2 * len(names)
        rows = {name: np.repeat(x[None], n, axis=0) for name, x in values.items()}
        apart = []
        for k, name in enumerate(names):
            low, high = getattr(model, name)
            above, below = 1 + 2 * k, 2 + 2 * k
            # At a bound to one side alone.
            rows[name][above] = np.minimum(values[name] + STEP * (high - low), high)
            rows[name][below] = np.maximum(values[name] - STEP * (high - low), low)
            apart.append(rows[name][above] - rows[name][below])
        found = asked.numbers(rows)
        slopes = found[:, 1::2] - found[:, 2::2]
        for k, width in enumerate(apart):
            slopes[:, k] /= width
        ctx.save_for_backward(torch.from_numpy(slopes))
        return torch.from_numpy(found[:, 0])

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (slopes,) = ctx.saved_tensors
        by = (gradients[0][:, None] * slopes).sum(dim=0)
        return None, *by[:-1], by[-1].sum()


class CostSlopes:
    """Expected total cost of one candidate, smoothed, with its derivatives.

    Parameters
    ----------
    asked : Differentiable
    target : Target
        With the FCD distribution at the network's points, in single precision there.
    n_repeats : int
        Simulations whose mean FC is compared.

    Attributes
    ----------
    weights : tuple of float
        Of the three terms: all 1.

    Notes
    -----
    Corners are rounded (:func:`~delssome.costs.rounded_cost`). Log odds of an escape
    cost, too, so that candidates stay in range.
    """

    def __init__(self, asked: Differentiable, target: Target, n_repeats: int) -> None:
        self.asked, self.target, self.n_repeats = asked, target, n_repeats
        self.weights = (1.0, 1.0, 1.0)

    def __call__(
        self, params: Mapping[str, Array], sharpness: float
    ) -> tuple[float, dict[str, Array]]:
        """Give the cost, inf without a stable state, and its derivatives.

        Parameters
        ----------
        params : mapping
            Regional parameters, (n_rois,), and G, of none.
        sharpness : float
        """
        given = {
            name: torch.tensor(values, dtype=torch.float64, requires_grad=True)
            for name, values in params.items()
        }
        said = self.asked(given)
        if said is None:
            return np.inf, {name: np.zeros_like(x) for name, x in params.items()}
        noise = said.noise.item() / self.n_repeats
        cost, (by_fc, by_cdf, by_noise) = rounded_cost(
            said.fc.detach().numpy(),
            said.cdf.detach().numpy(),
            noise,
            self.target.fc,
            self.target.fcd_cdf,
            sharpness,
            self.weights,
        )
        price, by_escape = price_of_escape(said.escape.item())
        by = by_fc, by_cdf, by_noise / self.n_repeats, by_escape
        slopes = torch.autograd.grad(
            list(said),
            list(given.values()),
            [torch.tensor(x, dtype=torch.float64) for x in by],
        )
        found = {n: x.numpy() for n, x in zip(given, slopes, strict=True)}
        return cost + price, found
