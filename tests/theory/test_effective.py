import numpy as np

from delssome.theory import effective_parameters
from delssome.theory.linearisation import Equations, jacobian


def full_jacobian(model, params, sc):
    """Jacobians of whole networks, states of all regions at once."""
    equations = Equations(model, params, sc)
    slopes = jacobian(equations, equations.fixed_point())
    n = len(sc)
    whole = np.zeros((len(params["G"]), 2 * n, 2 * n))
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
    effective = effective_parameters(model, params, sc)
    growth = np.linalg.eigvals(full_jacobian(model, params, sc)).real.max(axis=1)
    alone = (effective.relaxation > 0).all(axis=1)
    assert alone.sum() > 50
    stable = effective.spectral_radius[alone] < 1
    assert 5 < stable.sum() < len(stable) - 5
    np.testing.assert_array_equal(stable, growth[alone] < 0)


def test_relaxation_is_the_slow_mode_of_a_region_alone(model, params, sc):
    params["G"] = np.zeros_like(params["G"])
    effective = effective_parameters(model, params, sc)
    growth = np.linalg.eigvals(full_jacobian(model, params, sc)).real
    slow = np.sort(growth, axis=1)[:, -len(sc) :]
    expected = -np.sort(slow, axis=1)[:, ::-1]
    found = np.sort(effective.relaxation, axis=1)
    np.testing.assert_allclose(found, expected, rtol=0.15)
    assert (effective.coupling == 0).all()
    assert (effective.spectral_radius == 0).all()
