"""The compiled algebra against its twin in torch, in double precision."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from delssome.surrogate.circuit import algebra, plain

# Single precision, and sums over a few thousand edges.
RTOL = 2e-4
MIX, RATES = np.float32([-0.8, 1.5]), np.float32([0.4, 0.25])


def at_frequency_zero(*systems):
    n, n_rois = systems[2].shape
    shapes = [(n, 1), (n, n_rois), (4, n, n_rois), (n, 2)]
    found = [np.full(shape, np.nan, dtype=np.float32) for shape in shapes]
    algebra.at_frequency_zero(*(x.numpy() for x in systems), *found)
    return found


def describe(*given, regressed=False):
    n, n_rois = given[2].shape
    shapes = [(n, n_rois * (n_rois - 1) // 2), (n, n_rois), (n, n_rois), (n, 30)]
    found = [np.full(shape, np.nan, dtype=np.float32) for shape in shapes]
    algebra.describe(*(x.numpy() for x in given), MIX, RATES, regressed, *found)
    return found


def test_response_at_frequency_zero_is_that_of_the_twin(systems):
    smallest, sums, regions, mode = at_frequency_zero(*systems)
    twin = plain.at_frequency_zero(*(x.double() for x in systems))
    # Factors of the determinant, of which the smallest has lost some digits; a row
    # that pads has one of 1.
    padded = systems[2].shape[1] % 4 > 0
    pivots = twin.smallest.clamp(max=1.0) if padded else twin.smallest
    np.testing.assert_allclose(smallest[:, 0], pivots, rtol=1e-3)
    np.testing.assert_allclose(sums, twin.sums, rtol=1e-3, atol=1e-5)
    expected = np.stack([twin.variance, twin.own, twin.together, twin.share])
    np.testing.assert_allclose(regions, expected, rtol=RTOL)
    np.testing.assert_allclose(mode, twin.mode, rtol=RTOL)


def test_unstable_systems_have_a_pivot_that_is_not_positive(systems):
    sc, reach, decay, power = systems
    smallest = at_frequency_zero(sc, reach, 0.3 * decay, power)[0]
    assert not (smallest > 0).any()
    twin = plain.at_frequency_zero(sc, reach, 0.3 * decay, power)
    assert not (twin.smallest > 0).any()


@pytest.mark.parametrize("regressed", [False, True])
def test_description_is_that_of_the_twin(systems, regressed):
    sc, reach, decay, power = systems
    slow = 0.2 * decay.flip(-1)
    edges, sd, share, numbers = describe(
        sc, reach, decay, slow, power, regressed=regressed
    )
    doubles = [x.double() for x in (sc, reach, decay, slow, power)]
    mix, rates = torch.from_numpy(MIX).double(), tuple(RATES.tolist())
    twin = plain.describe(*doubles, mix, rates, regressed)
    np.testing.assert_allclose(sd, twin.sd, rtol=RTOL)
    np.testing.assert_allclose(edges, twin.edges, atol=1e-5)
    np.testing.assert_allclose(share, twin.share, rtol=1e-3, atol=1e-6)
    # Third moments and variances are differences of larger numbers.
    np.testing.assert_allclose(numbers, twin.numbers, rtol=2e-3, atol=1e-6)


def test_candidates_do_not_know_of_others_in_their_lanes(systems):
    sc, reach, decay, power = systems
    together = describe(sc, reach, decay, 0.2 * decay, power)
    k = len(decay) - 1
    own = sc if len(sc) == 1 else sc[k:]
    alone = describe(own, reach[k:], decay[k:], 0.2 * decay[k:], power[k:])
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_array_equal(a[0], b[k])


SCRIPT = """
import hashlib
import numpy as np
from delssome.simd import cache
from delssome.surrogate.circuit import algebra
rng = np.random.default_rng(0)
n, r = 16, 21
sc = np.tril(rng.uniform(0, 1, (1, r, r)), -1).astype(np.float32)
reach, power = rng.uniform(0.3, 1.0, (2, n, r)).astype(np.float32)
decay = rng.uniform(20.0, 30.0, (n, r)).astype(np.float32)
zero = [np.empty(s, np.float32) for s in ((n, 1), (n, r), (4, n, r), (n, 2))]
algebra.at_frequency_zero(sc, reach, decay, power, *zero)
found = [np.empty((n, k), np.float32) for k in (r * (r - 1) // 2, r, r, 30)]
pair = np.float32([-0.8, 1.5]), np.float32([0.4, 0.25])
algebra.describe(sc, reach, decay, decay / 5, power, *pair, True, *found)
digest = hashlib.sha256(b"".join(x.tobytes() for x in (*zero, *found))).hexdigest()
kept = cache.is_kept(algebra.describe), len(algebra.describe.stats.cache_hits)
print(digest, *kept)
"""


@pytest.mark.slow
def test_code_that_was_compiled_and_code_that_is_read_round_alike(tmp_path):
    given = os.environ | {"DELSSOME_CACHE": str(tmp_path)}
    first, second = (
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=given,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        for _ in range(2)
    )
    assert len(first[0]) == len(hashlib.sha256().hexdigest())
    assert first == [second[0], "True", "0"]
    assert second[1:] == ["True", "1"]
