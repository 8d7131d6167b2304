"""Vectors are as wide as the processor has registers for, and numbers the same."""

import json
import os
import platform
import subprocess
import sys

import numpy as np
import pytest
from llvmlite import binding

from delssome.simd.vectors import WIDTH, width_of

FEATURES = binding.get_host_cpu_features()
CODE = """
import json, sys
import numpy as np
from delssome import FIC, Acquisition, Simulator
from delssome.models import Candidates
from delssome.simd.vectors import WIDTH
from delssome.simulation import SimulationEvaluator
from delssome.surrogate import CircuitSurrogate, synthetic_group
scan = Acquisition(n_frames=200, window=40)
group = synthetic_group(77, n_rois=20, n_subjects=2, acquisition=scan)
rng = np.random.default_rng(0)
theta = {
    "w_EE": rng.uniform(2.0, 4.0, (21, 20)),
    "w_EI": rng.uniform(2.0, 3.0, (21, 20)),
    "G": rng.uniform(0.2, 3.0, 21),
    "sigma": rng.uniform(0.003, 0.008, (21, 20)),
}
candidates = Candidates(FIC(), theta, group.target.sc)
found = CircuitSurrogate.load(acquisition=scan).statistics(candidates)
simulator = SimulationEvaluator(FIC(), scan, Simulator(n_repeats=1))
bold = simulator.statistics(candidates.select(slice(0, 5)), np.random.default_rng(1))
said = [found.fc, found.fcd_cdf, bold.fc]
print(json.dumps([WIDTH, [x.ravel().tolist() for x in said]]))
"""


def test_width_follows_the_processor():
    assert width_of("+avx2,+avx512f,+fma") == 16
    assert width_of("+avx2,-avx512f") == width_of("+neon") == 8
    assert width_of(FEATURES.flatten()) == WIDTH


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="features of x86")
@pytest.mark.skipif(not FEATURES.get("avx512f"), reason="one width to be had here")
def test_results_are_the_same_on_processors_with_less(tmp_path):
    given = {
        "here": {},
        "avx2": {
            "NUMBA_CPU_NAME": "haswell",
            "NUMBA_CPU_FEATURES": "+avx2,+fma,+bmi2",
            "DELSSOME_CACHE": str(tmp_path / "avx2"),
        },
        # No product and sum in one step: numbers are rounded twice.
        "sse": {
            "NUMBA_CPU_NAME": "nehalem",
            "NUMBA_CPU_FEATURES": "+sse4.2",
            "DELSSOME_CACHE": str(tmp_path / "sse"),
        },
    }
    found = {}
    for name, settings in given.items():
        command = [sys.executable, "-c", CODE]
        run = subprocess.run(
            command,
            env=os.environ | settings,
            capture_output=True,
            text=True,
            check=True,
        )
        found[name] = json.loads(run.stdout)
    assert [width for width, _ in found.values()] == [16, 8, 8]
    here, avx2, sse = (
        [np.array(part, float) for part in parts] for _, parts in found.values()
    )
    np.testing.assert_array_equal(here[2], avx2[2])  # simulations, to the bit
    for one, other, older in zip(here, avx2, sse, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)
        np.testing.assert_allclose(one, older, atol=1e-4)
