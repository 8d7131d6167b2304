"""The mean-field model against its published equations (Deco 2013, Zeng 2026)."""

import math

import numpy as np
import pytest

from delssome.models import MFM, Candidates
from delssome.models.mfm import derivatives


@pytest.mark.parametrize(
    ("S", "coupled", "w", "I"),
    [(0.001, 0.0, 0.5, 0.3), (0.1, 0.05, 0.9, 0.35), (0.6, 0.4, 0.2, 0.32)],
)
def test_equations_are_the_published_ones(S, coupled, w, I):  # noqa: E741
    """``coupled`` is G * sum_j C_ij S_j."""
    x = w * 0.2609 * S + 0.2609 * coupled + I
    u = 270.0 * x - 108.0
    r = u / (1.0 - math.exp(-0.154 * u))
    dS = -S / 0.1 + (1.0 - S) * 0.641 * r
    found = derivatives(S, coupled, w, I, np.expm1)
    np.testing.assert_allclose(found, (dS, r), rtol=1e-12)


def test_the_box_is_the_published_one():
    model = MFM()
    assert (model.w, model.I) == ((0.0, 1.0), (0.0, 0.5))
    assert (model.G, model.sigma) == ((1.0, 10.0), (0.0005, 0.01))
    assert model.initial_state == (0.001,)


def test_at_rest_gating_follows_from_the_rate():
    """S = tau gamma r / (1 + tau gamma r), region by region."""
    rng = np.random.default_rng(0)
    sc = rng.random((6, 6)) * 0.02
    sc = np.triu(sc, 1) + np.triu(sc, 1).T
    params = {
        "w": rng.uniform(0, 1, (9, 6)),
        "I": rng.uniform(0.2, 0.5, (9, 6)),
        "G": rng.uniform(1, 10, 9),
        "sigma": [0.005] * 9,
    }
    candidates = Candidates(MFM(), params, sc)
    (S,) = candidates.states
    coupled = (candidates.network @ S[..., None])[..., 0]
    r = derivatives(S, coupled, *candidates.inputs, np.expm1)[1]
    np.testing.assert_allclose(S, 0.0641 * r / (1.0 + 0.0641 * r), rtol=1e-8)


def test_it_has_no_settings_of_other_models():
    with pytest.raises(TypeError, match="map_signs"):
        MFM(map_signs=(-1, 1))
