import numpy as np

from delssome.models import MFM, Candidates
from delssome.models.steady import jacobian
from delssome.theory import effective_parameters
from delssome.theory.linearisation import Equations


def full_jacobian(candidates):
    """Jacobians of whole networks, states of all regions at once."""
    equations = Equations(candidates)
    slopes = jacobian(equations, equations.fixed_point())
    n = candidates.n_rois
    whole = np.zeros((len(candidates), 2 * n, 2 * n))
    eye = np.arange(n)
    for i in range(2):
        for j in range(2):
            whole[:, i * n + eye, j * n + eye] = slopes[i, j]
    whole[:, :n, :n] += slopes[0, 2][:, :, None] * equations.network
    return whole


def test_a_spectral_radius_of_one_is_where_a_network_loses_stability(model, sc, rng):
    n = 400
    params = {
        "w_EE": rng.uniform(1, 6, (n, len(sc))),
        "w_EI": rng.uniform(1, 5, (n, len(sc))),
        "G": rng.uniform(0.0, 3.0, n),
        "sigma": np.full((n, len(sc)), 0.005),
    }
    candidates = Candidates(model, params, sc)
    effective = effective_parameters(candidates)
    growth = np.linalg.eigvals(full_jacobian(candidates)).real.max(axis=1)
    alone = (effective.relaxation > 0).all(axis=1)
    assert alone.sum() > 50
    stable = effective.spectral_radius[alone] < 1
    assert 5 < stable.sum() < len(stable) - 5
    np.testing.assert_array_equal(stable, growth[alone] < 0)


def test_relaxation_is_the_slow_mode_of_a_region_alone(model, params, sc):
    params["G"] = np.zeros_like(params["G"])
    candidates = Candidates(model, params, sc)
    effective = effective_parameters(candidates)
    growth = np.linalg.eigvals(full_jacobian(candidates)).real
    slow = np.sort(growth, axis=1)[:, -len(sc) :]
    expected = -np.sort(slow, axis=1)[:, ::-1]
    found = np.sort(effective.relaxation, axis=1)
    np.testing.assert_allclose(found, expected, rtol=0.15)
    assert (effective.coupling == 0).all()
    assert (effective.spectral_radius == 0).all()


def test_of_one_state_relaxation_is_its_own_slope(sc):
    given = {"w": [0.3, 0.5], "I": [0.3] * 2, "G": [1.0, 3.0], "sigma": [0.01] * 2}
    candidates = Candidates(MFM(), given, sc)
    effective = effective_parameters(candidates)
    equations = Equations(candidates)
    point = equations.fixed_point()
    step = 1e-30
    slopes = [
        equations(point + 1j * step * np.eye(2)[:, [k], None])[0].imag / step
        for k in (0, 1)
    ]
    # Central differences over 1e-6 against slopes that are exact.
    np.testing.assert_allclose(effective.relaxation, -slopes[0], rtol=1e-6)
    G = candidates.params["G"][:, None]
    np.testing.assert_allclose(effective.coupling, G * slopes[1], rtol=1e-6)
    growth = slopes[0][:, :, None] * np.eye(len(sc)) + (G * slopes[1])[:, :, None] * sc
    stable = np.linalg.eigvals(growth).real.max(axis=1) < 0
    np.testing.assert_array_equal(effective.spectral_radius < 1, stable)


def test_what_comes_to_no_rest_has_none(sc):
    class Runaway(MFM):
        @staticmethod
        def derivatives(S, coupling, w, I, expm1):  # noqa: E741
            return w + S * S + 0.0 * coupling, S

    given = {"w": [0.3], "I": [0.3], "G": [1.0], "sigma": [0.01]}
    effective = effective_parameters(Candidates(Runaway(), given, sc))
    assert all(np.isnan(values).all() for values in effective)
