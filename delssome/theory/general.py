"""Statistics of a noisy network near any state of rest: all states, all modes."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from delssome.models.steady import network_jacobian
from delssome.theory.linearisation import Equations

__all__ = ["GeneralNetwork"]

Array = NDArray[Any]

# Slopes that moved by less, as a share of the slowest decay, leave the modes as they
# are: an eigenproblem costs more than all else.
SAME = 3e-4
# Modes that are nearly parallel (norm of their duals) are parted by this share of the
# largest rate, region by region: chains of equal rates have fewer modes than states.
PARALLEL, PARTED = 1e6, 1e-5
# Difference, as a share of the largest rate, that rounding explains.
TURNING = 1e-10


class Layout(NamedTuple):
    """Which states couple regions, and which is seen, by their places."""

    n_states: int
    coupled: tuple[int, ...]
    seen: int


@dataclass(frozen=True)
class GeneralNetwork:
    r"""A network of noisy regions with linear equations, without reduction.

    All states of all regions, state by state, have one Jacobian
    :math:`A = V \Lambda V^{-1}`, which may be of any kind: several states that couple,
    slow ones beside the one that is seen, foci, directed connections.

    Attributes
    ----------
    layout : Layout
    slopes : ndarray of shape (n_candidates, n_states, n_variables, n_rois)
        Of which the modes are: of the derivatives of the states, by states and then
        couplings.
    output : ndarray of shape (n_candidates, n_rois, n_outputs, n_variables)
        Slopes of the outputs.
    network : ndarray of shape (n_candidates, n_rois, n_rois)
        Global coupling times structural connectivity.
    sigma : ndarray of shape (n_candidates, n_rois)
        Noise amplitude (s**-0.5), the same for all states of a region.
    roots : ndarray of complex, shape (n_candidates, n_modes)
        Eigenvalues of the modes (1/s), by decay; as many as states of all regions.
    patterns, duals : ndarray of complex, shape (n_candidates, n_modes, n_modes)
        Modes over states, in columns, and the inverse of that.
    noise : ndarray of complex, shape (n_candidates, n_modes, n_modes)
        Covariance of the noise that drives the modes.
    fastest : ndarray of shape (n_candidates, n_modes)
        ``|root|^2 / decay``: explicit steps have to be shorter than 2 over the largest.

    Notes
    -----
    Explicit steps of length dt make :math:`1 + dt \Lambda` of the modes, of which the
    stationary covariance is exactly

    .. math::

        \langle y_a y_b^* \rangle = -\frac{q_{ab}}{\lambda_a + \lambda_b^*
            + dt\, \lambda_a \lambda_b^*} .
    """

    layout: Layout
    slopes: Array
    output: Array
    network: Array
    sigma: Array
    roots: Array
    patterns: Array
    duals: Array
    noise: Array
    fastest: Array

    # Given, the same in all networks of a candidate.
    given: ClassVar[tuple[str, ...]] = ("layout", "network", "sigma")

    @classmethod
    def from_slopes(cls, equations: Equations, slopes: Array) -> Self:
        """Find the modes of a network from the slopes of its regions' equations.

        Parameters
        ----------
        equations : Equations
        slopes : ndarray of shape (n_functions, n_variables, n_candidates, n_rois)
        """
        n_states = len(equations.candidates.model.states)
        layout = Layout(n_states, equations.coupled, equations.seen)
        return cls._solve(layout, slopes, equations.network, equations.sigma)

    @classmethod
    def _solve(
        cls, layout: Layout, slopes: Array, network: Array, sigma: Array
    ) -> Self:
        n = layout.n_states
        system = network_jacobian(slopes[:n], network, layout.coupled)
        # What diverges has no modes; it counts as unstable.
        system[~np.isfinite(system).all(axis=(1, 2))] = np.eye(system.shape[1])
        found = [_modes(A) for A in system]
        roots, patterns, duals = (np.stack(x) for x in zip(*found, strict=True))
        driven = duals * np.tile(sigma, n)[:, None, :]
        with np.errstate(divide="ignore", invalid="ignore"):
            fastest = np.abs(roots) ** 2 / np.maximum(-roots.real, 0.0)
        return cls(
            layout,
            np.moveaxis(slopes[:n], 2, 0),
            np.moveaxis(slopes[n:], (0, 1), (-2, -1)),
            network,
            sigma,
            roots,
            patterns,
            duals,
            driven @ _adjoint(driven),
            fastest,
        )

    def select(self, which: Array) -> Self:
        """Take candidates by indices or a mask; gives itself if that is all of them."""
        index = np.arange(len(self.sigma))[which]
        if np.array_equal(index, np.arange(len(self.sigma))):
            return self
        arrays = (getattr(self, f.name)[index] for f in fields(self)[1:])
        return type(self)(self.layout, *arrays)

    def update(self, which: Array, part: Self) -> None:
        """Replace candidates, by their indices, with those of another network."""
        for name in (f.name for f in fields(self) if f.name not in self.given):
            getattr(self, name)[which] = getattr(part, name)

    def renew(self, slopes: Array) -> tuple[Self, NDArray[np.bool_]]:
        """Give the network whose regions have other slopes, and where it changed.

        Modes of candidates whose slopes are nearly the same (`SAME`) stay.
        """
        n = self.layout.n_states
        moved = np.abs(np.moveaxis(slopes[:n], 2, 0) - self.slopes)
        reached = np.abs(self.network).sum(axis=-1)[:, None, None, :]
        moved[:, :, n:] *= reached
        far = moved.max(axis=(1, 2, 3)) > SAME * self.decay[:, 0]
        output = np.moveaxis(slopes[n:], (0, 1), (-2, -1))
        if not far.any():
            return replace(self, output=output), far
        which = np.flatnonzero(far)
        given = self.network[which], self.sigma[which]
        part = self._solve(self.layout, slopes[:, :, which], *given)
        if far.all():
            return part, far
        changing = (f.name for f in fields(self) if f.name not in self.given)
        new = replace(self, **{name: getattr(self, name).copy() for name in changing})
        new.update(which, part)
        return replace(new, output=output), far

    @property
    def decay(self) -> Array:
        """Decay rates of the modes (1/s), ascending, (n_candidates, n_modes)."""
        return -self.roots.real

    def stable(self, step: float) -> NDArray[np.bool_]:
        """Tell which candidates stay where they are, in steps of a length (s)."""
        return (self.decay[:, 0] > 0) & (self.fastest.max(axis=1) * step < 2.0)

    def mode_covariance(self, step: float) -> Array:
        """Stationary covariance of the modes of stable candidates.

        Parameters
        ----------
        step : float
            Of explicit integration (s); 0: none.

        Returns
        -------
        ndarray of complex, shape (n_candidates, n_modes, n_modes)
        """
        a, b = self.roots[:, :, None], self.roots.conj()[:, None, :]
        return -self.noise / (a + b + step * (a * b))

    def variable_covariance(self, step: float) -> Array:
        """Stationary covariance of the variables of each region (states, couplings).

        Of stable candidates.

        Parameters
        ----------
        step : float
            As of `mode_covariance`.

        Returns
        -------
        ndarray of shape (n_variables, n_variables, n_candidates, n_rois)
        """
        n, coupled = self.layout.n_states, self.layout.coupled
        states = (self.patterns @ self.mode_covariance(step)) @ _adjoint(self.patterns)
        n_rois = self.network.shape[-1]
        blocks = states.real.reshape(len(states), n, n_rois, n, n_rois)
        found = np.empty((n + len(coupled),) * 2 + (len(states), n_rois))
        for i in range(n):
            for j in range(n):
                found[i, j] = np.einsum("kaa->ka", blocks[:, i, :, j])
            for k, b in enumerate(coupled):
                reached = np.einsum("kac,kac->ka", blocks[:, i, :, b], self.network)
                found[i, n + k] = found[n + k, i] = reached
        for j, a in enumerate(coupled):
            reaching = self.network @ blocks[:, a].reshape(len(states), n_rois, -1)
            reaching = reaching.reshape(len(states), n_rois, n, n_rois)
            for k, b in enumerate(coupled):
                found[n + j, n + k] = np.einsum(
                    "kac,kac->ka", reaching[:, :, b], self.network
                )
        return found

    def shift(self, push: Array) -> Array:
        """Answer of all variables to a constant push on the states.

        Of stable candidates.

        Parameters
        ----------
        push : ndarray of shape (n_states, n_candidates, n_rois)
            In 1/s.

        Returns
        -------
        ndarray of shape (n_variables, n_candidates, n_rois)
        """
        n_candidates, n_rois = self.sigma.shape
        pushed = np.moveaxis(push, 0, 1).reshape(n_candidates, -1, 1)
        amplitude = self.duals @ pushed / -self.roots[..., None]
        states = (self.patterns @ amplitude).real.reshape(n_candidates, -1, n_rois)
        states = np.moveaxis(states, 1, 0)
        couplings = [
            (self.network @ states[b][..., None])[..., 0] for b in self.layout.coupled
        ]
        return np.stack([*states, *couplings])

    @property
    def reading(self) -> Array:
        """Modes over regions in the state that is seen, (n_candidates, n_rois, ...)."""
        n_rois = self.network.shape[-1]
        first = self.layout.seen * n_rois
        return self.patterns[:, first : first + n_rois]

    def covariance(self, own: Array, step: float = 0.0) -> Array:
        """Covariance of what is seen, from the share of every mode that is.

        Parameters
        ----------
        own : ndarray of complex, shape (n_candidates, n_modes)
            What is seen of the correlation of a mode with its own past, twice: times
            the stationary covariance of pairs, with that of the other's, it is the
            covariance.
        step : float
            As of `mode_covariance`.

        Returns
        -------
        ndarray of shape (n_candidates, n_rois, n_rois)
        """
        pairs = self.mode_covariance(step)
        pairs = pairs * (own[:, :, None] + own.conj()[:, None, :])
        reading = self.reading
        return np.asarray((reading @ pairs @ _adjoint(reading)).real)

    def excitation(self, k: int) -> tuple[Array, Array]:
        """Give what takes white noise of one candidate to its modes, and these on.

        Returns
        -------
        mix : ndarray of complex, shape (n_states * n_rois, n_modes)
        out : ndarray of complex, shape (n_modes, n_rois)
        """
        sigma = np.tile(self.sigma[k], self.layout.n_states)
        return (self.duals[k] * sigma).T, self.reading[k].T


def _modes(A: Array) -> tuple[Array, Array, Array]:
    """Give eigenvalues by decay, eigenvectors in columns, and their inverse."""
    found = _turning(A) or _eigenvectors(A)
    if found is None:
        # Parted evenly, and the same whenever they are looked at.
        size = PARTED * np.abs(A).max()
        found = _eigenvectors(A + np.diag(np.linspace(-size, size, len(A))), np.inf)
    assert found is not None
    roots, patterns, duals = found
    order = np.argsort(-roots.real, kind="stable")
    return roots[order], patterns[:, order], duals[order]


def _turning(A: Array) -> tuple[Array, Array, Array] | None:
    """Do the same for two states x, y that are one complex one, z = x + iy.

    ``dz/dt = (P + iR) z`` for A of the blocks P, -R, R, P. Otherwise None.
    """
    n = len(A) // 2
    P, R = A[:n, :n], A[n:, :n]
    away = TURNING * np.abs(A).max()
    if len(A) % 2 or np.abs(A[n:, n:] - P).max() > away:
        return None
    if np.abs(A[:n, n:] + R).max() > away or not R.any():
        return None
    found = _eigenvectors(P + 1j * R)
    if found is None:
        return None
    roots, patterns, duals = found
    patterns = np.vstack([patterns, -1j * patterns])
    duals = 0.5 * np.hstack([duals, 1j * duals])
    return (
        np.concatenate([roots, roots.conj()]),
        np.hstack([patterns, patterns.conj()]),
        np.vstack([duals, duals.conj()]),
    )


def _eigenvectors(
    A: Array, largest: float = PARALLEL
) -> tuple[Array, Array, Array] | None:
    """Do the same in no order; None if modes are nearly parallel."""
    roots, patterns = np.linalg.eig(A)
    try:
        duals = np.linalg.inv(patterns)
    except np.linalg.LinAlgError:
        return None
    if not np.abs(duals).max() < largest:  # nor NaN
        return None
    return roots.astype(complex), patterns.astype(complex), duals.astype(complex)


def _adjoint(matrices: Array) -> Array:
    return np.swapaxes(matrices.conj(), -1, -2)
