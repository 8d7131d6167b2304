"""Circuits of random connectomes, as tensors."""

import numpy as np
import pytest
import torch


def make_systems(n, n_rois, shared):
    """Stable circuits: connectome, reach, decay and power, single precision."""
    rng = np.random.default_rng(n_rois)
    sc = rng.uniform(0, 1, (1 if shared else n, n_rois, n_rois)).astype(np.float32)
    sc = np.triu(sc, 1) + np.swapaxes(np.triu(sc, 1), 1, 2)
    reach = rng.uniform(0.3, 1.0, (n, n_rois)).astype(np.float32)
    coupling = sc * reach[:, :, None] * reach[:, None, :]
    decay = (rng.uniform(1.1, 2.0) * coupling.sum(axis=2) + 0.1).astype(np.float32)
    power = rng.uniform(0.01, 1.0, (n, n_rois)).astype(np.float32)
    return tuple(torch.from_numpy(x) for x in (sc, reach, decay, power))


SHAPES = [(5, 11, True), (19, 20, False), (16, 33, True), (3, 68, False)]


@pytest.fixture(
    params=SHAPES, ids=[f"{n}x{r}{'' if s else ' own'}" for n, r, s in SHAPES]
)
def systems(request):
    """Circuits whose number does not fill lanes, nor their regions rows of four."""
    return make_systems(*request.param)


@pytest.fixture(params=SHAPES[:2], ids=["shared connectome", "own connectomes"])
def small_systems(request):
    return make_systems(*request.param)
