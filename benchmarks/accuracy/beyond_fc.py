"""Bound what FCD, or anything else that gain does not touch, adds to FC.

Fisher's information of all cross-spectra of BOLD, with a gain of every region that is
not known, holds that of every statistic of the scan that is blind to gain: FC, FCD,
lagged correlations, shares of bands. Beside it the information of FC alone, both with
the covariance of the prior: standard deviation of mean E/I after the data.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import each, main, middle, span, table
from _worlds import World

from delssome import Acquisition
from delssome.theory import (
    Sensitivity,
    Spectra,
    averages_at_rest,
    choose_edges,
    noise_of_z,
)

SCANS = {"1 scan": 1, "8 scans": 8, "200 scans": 200}
STEP, N_PRIOR = 1e-3, 400
# Power below which a frequency is not told from the noise of a scanner.
FLOOR = 1e-4


def unscaled(world, x):
    """Cross-spectra in units of BOLD, and the candidate's."""
    spectra = Spectra.of(world.candidates(world.space.theta(x)[None]), world.scan)
    return spectra.cross * spectra.sd[:, None] * spectra.sd, spectra


def slopes_of(function, x):
    """Central differences, one row a coordinate."""
    unit = STEP * np.eye(len(x))
    return np.array([(function(x + u) - function(x - u)) / (2 * STEP) for u in unit])


def of_everything(world, x):
    """Information of all cross-spectra, gains of regions taken out."""
    cross, spectra = unscaled(world, x)
    n_rois = cross.shape[1]
    moved = slopes_of(lambda at: unscaled(world, at)[0], x)
    gains = np.zeros((n_rois, *cross.shape), dtype=complex)
    for i in range(n_rois):
        gains[i, :, i] += cross[:, i]
        gains[i, :, :, i] += cross[:, :, i]
    power = np.einsum("fii->f", cross.real)
    kept = power > FLOOR * power.max()
    bins = spectra.weights * spectra.n_frames / 2
    total = 0.0
    for f in np.flatnonzero(kept):
        inverse = np.linalg.inv(cross[f])
        whitened = inverse @ np.concatenate([moved[:, f], gains[:, f]])
        flat = whitened.reshape(len(whitened), -1)
        turned = np.swapaxes(whitened, 1, 2).reshape(len(whitened), -1)
        total = total + bins[f] * (flat @ turned.T).real
    k = len(x)
    own, across, rest = total[:k, :k], total[:k, k:], total[k:, k:]
    return own - across @ np.linalg.solve(rest, across.T)


def of_fc(world, x):
    """Information of FC."""
    candidates = world.candidates(world.space.theta(x)[None])
    spectra = Spectra.of(candidates, world.scan)
    edges, _ = choose_edges(world.space.n_rois)
    noise, slope = noise_of_z(spectra, edges)
    moved = Sensitivity.at(spectra, candidates, edges).of_coefficients(world.space)
    white = np.linalg.solve(np.linalg.cholesky(noise), (moved * slope).T)
    return white.T @ white


def measure(run, scans, seed):
    rng = np.random.default_rng(seed)
    world = World.draw(12 if run.quick else 68, Acquisition(), rng)
    theta = world.prior(N_PRIOR, rng)
    x = world.space.x(theta)

    def mean(at):
        candidates = world.candidates(world.space.theta(at)[None])
        return world.space.model.readout(averages_at_rest(candidates)).mean()

    prior, by_readout = np.cov(x.T), slopes_of(mean, x[0])
    found = {"prior": np.sqrt(by_readout @ prior @ by_readout)}
    for name, information in (("FC", of_fc), ("everything", of_everything)):
        known = SCANS[scans] * information(world, x[0])
        after = np.linalg.inv(np.linalg.inv(prior) + known)
        found[name] = np.sqrt(by_readout @ after @ by_readout)
    return found


def tables(rows):
    lines = [
        f"{scans} | "
        + " | ".join(
            span(middle([row[name] for row in own]), ".2f")
            for name in ("prior", "FC", "everything")
        )
        + f" | {np.median([row['everything'] / row['FC'] for row in own]):.2f}"
        for scans, own in each(rows, "scans").items()
    ]
    columns = (
        "scans | SD of mean E/I before | after FC | after all but gain | the last two"
    )
    return table(columns, lines)


if __name__ == "__main__":
    main(measure, tables, seeds=10, scans=SCANS)
