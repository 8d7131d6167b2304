import pickle

import numpy as np
import pytest

from delssome.models import FIC, MFM, Candidates
from delssome.models.candidates import check_candidates

N_ROIS = 4


@pytest.fixture
def sc(rng):
    weights = np.triu(rng.random((N_ROIS, N_ROIS)), 1) * 0.02
    return weights + weights.T


@pytest.fixture
def params(rng):
    return {
        "w_EE": rng.uniform(1, 10, (5, N_ROIS)),
        "w_EI": rng.uniform(0, 5, (5, N_ROIS)),
        "G": rng.uniform(0, 3, 5),
        "sigma": rng.uniform(0.001, 0.01, (5, N_ROIS)),
    }


@pytest.fixture
def solved(monkeypatch):
    """Count what is solved."""
    solve, sizes = FIC.solve, []

    def counting(self, params, sc):
        sizes.append(len(params["G"]))
        return solve(self, params, sc)

    monkeypatch.setattr(FIC, "solve", counting)
    return sizes


@pytest.fixture
def relaxed(monkeypatch):
    """Count what is relaxed."""
    steady_state, sizes = MFM.steady_state, []

    def counting(self, params, sc):
        sizes.append(len(params["G"]))
        return steady_state(self, params, sc)

    monkeypatch.setattr(MFM, "steady_state", counting)
    return sizes


def mfm(sc, n=5):
    params = {"w": [0.4] * n, "I": [0.3] * n, "G": [2.0] * n, "sigma": [0.005] * n}
    return Candidates(MFM(), params, sc)


def test_values_of_a_candidate_spread_over_its_regions(sc):
    given = {"w_EE": [2, 3], "w_EI": [1, 2], "G": [1, 2], "sigma": [0.1, 0.2]}
    candidates = Candidates(FIC(), given, sc)
    assert len(candidates) == 2
    assert candidates.n_rois == N_ROIS
    assert candidates.params["w_EE"].tolist() == [[2.0] * 4, [3.0] * 4]
    assert candidates.params["G"].tolist() == [1.0, 2.0]
    assert candidates.sigma.tolist() == [[0.1] * 4, [0.2] * 4]


def test_nothing_is_solved_before_it_is_asked_for(params, sc, solved):
    candidates = Candidates(FIC(), params, sc)
    candidates.select(slice(0, 2))
    assert solved == []


def test_what_follows_from_parameters_is_solved_once(params, sc, solved):
    candidates = Candidates(FIC(), params, sc)
    for _ in range(2):
        candidates.solved, candidates.inputs, candidates.states, candidates.rests  # noqa: B018
    assert solved == [5]


def test_a_model_without_a_closed_form_relaxes_once(sc, relaxed):
    candidates = mfm(sc)
    for _ in range(2):
        candidates.states, candidates.rests  # noqa: B018
    candidates.select(np.array([0, 3])).states  # noqa: B018
    assert relaxed == [5]


@pytest.mark.parametrize(
    "which", [slice(1, 4), np.array([3, 0]), np.arange(5) > 2], ids=str
)
def test_a_selection_keeps_what_is_solved(params, sc, solved, which):
    candidates = Candidates(FIC(), params, sc)
    candidates.states, candidates.network  # noqa: B018
    part = candidates.select(which)
    np.testing.assert_array_equal(part.solved["w_IE"], candidates.solved["w_IE"][which])
    for one, all_of_them in zip(part.states, candidates.states, strict=True):
        np.testing.assert_array_equal(one, all_of_them[which])
    np.testing.assert_array_equal(part.network, candidates.network[which])
    assert solved == [5]


def test_a_selection_is_what_its_candidates_are_alone(params, sc):
    part = Candidates(FIC(), params, sc).select(np.array([4, 1]))
    alone = Candidates(FIC(), {k: v[[4, 1]] for k, v in params.items()}, sc)
    for name, values in alone.solved.items():
        np.testing.assert_array_equal(part.solved[name], values)
    np.testing.assert_array_equal(part.network, alone.network)


def test_a_selection_takes_each_candidate_its_own_connectome(params, sc):
    several = sc * np.linspace(0.1, 1.0, 5)[:, None, None]
    candidates = Candidates(FIC(), params, several)
    part = candidates.select(np.array([2, 0]))
    np.testing.assert_array_equal(part.sc, several[[2, 0]])
    alone = Candidates(FIC(), {k: v[[2]] for k, v in params.items()}, several[2])
    np.testing.assert_allclose(part.solved["w_IE"][:1], alone.solved["w_IE"])


def test_batches_solve_nothing_again(params, sc, solved):
    candidates = Candidates(FIC(), params, sc)
    batches = candidates.batches(2)
    assert [len(batch) for batch in batches] == [2, 2, 1]
    together = np.concatenate([batch.solved["w_IE"] for batch in batches])
    np.testing.assert_array_equal(together, candidates.solved["w_IE"])
    assert solved == [5]


def test_what_was_checked_is_not_checked_again(params, sc, monkeypatch):
    candidates = Candidates(FIC(), params, sc)
    for check in ("_check_params", "_check_coupling"):
        monkeypatch.setattr(f"delssome.models.candidates.{check}", None)
    assert len(candidates.select(slice(0, 2)).states[0]) == 2
    assert len(candidates.batches(2)) == 3


def test_what_was_solved_elsewhere_is_used_as_it_is(params, sc, solved):
    w_IE = np.full((5, N_ROIS), 1.25)
    candidates = Candidates(FIC(), {**params, "w_IE": w_IE}, sc)
    np.testing.assert_array_equal(candidates.solved["w_IE"], w_IE)
    np.testing.assert_array_equal(candidates.inputs[2], w_IE)
    assert solved == []


def test_given_feedback_inhibition_moves_the_fixed_point(params, sc):
    """Where it is not the one that holds 3 Hz, the states are not those of 3 Hz."""
    params |= {"w_EE": np.full((5, N_ROIS), 1.5), "w_EI": np.full((5, N_ROIS), 2.0)}
    own = Candidates(FIC(), params, sc)
    same = Candidates(FIC(), dict(own.solved), sc)
    # Relaxed from the initial state, in place of the closed form.
    np.testing.assert_allclose(same.states, own.states, rtol=1e-7)
    weaker = {**params, "w_IE": 0.9 * own.solved["w_IE"]}
    S_E, _ = Candidates(FIC(), weaker, sc).states
    assert (own.states[0] < S_E).all()


def test_they_can_be_sent_to_another_process(params, sc):
    candidates = Candidates(FIC(), params, sc)
    candidates.states  # noqa: B018
    copy = pickle.loads(pickle.dumps(candidates))
    np.testing.assert_array_equal(copy.solved["w_IE"], candidates.solved["w_IE"])
    np.testing.assert_array_equal(copy.states, candidates.states)


def test_what_comes_to_no_rest_is_told(sc):
    given = {"w": [0.4], "I": [0.3], "G": [2.0], "sigma": [0.005]}

    class Runaway(MFM):
        @staticmethod
        def derivatives(S, coupling, w, I, expm1):  # noqa: E741
            return w + 0.0 * S, S

    assert not Candidates(Runaway(), given, sc).rests.any()
    assert Candidates(MFM(), given, sc).rests.all()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"G": None}, ValueError, "missing: G, unknown: none"),
        ({"w": [1.0]}, ValueError, "missing: none, unknown: w"),
        ({"G": [1.0, np.nan]}, ValueError, r"params\['G'\] must be finite"),
        ({"w_EE": "high"}, TypeError, r"params\['w_EE'\] must be numbers"),
        ({"w_EE": np.ones((2, 3))}, ValueError, r"shape \(2,\) or \(2, 4\)"),
        ({"G": np.ones((2, 4))}, ValueError, r"\(8,\).*8 candidates"),
        ({"sigma": [0.1]}, ValueError, r"params\['sigma'\] must have shape"),
    ],
)
def test_parameters_that_cannot_be_are_named(sc, changes, error, message):
    given = {"w_EE": [2, 3], "w_EI": [1, 2], "G": [1, 2], "sigma": [0.1, 0.2]}
    given = {k: v for k, v in {**given, **changes}.items() if v is not None}
    with pytest.raises(error, match=message):
        Candidates(FIC(), given, sc)


@pytest.mark.parametrize(
    ("sc", "error", "message"),
    [
        ("connectome", TypeError, "sc must be a numeric array"),
        (np.zeros((4, 3)), ValueError, "sc must have shape"),
        (np.zeros((3, 4)), ValueError, "sc must have shape"),
        (np.zeros((3, 4, 4)), ValueError, "one for each of 5 candidates"),
        (np.full((4, 4), 100.0), ValueError, "prepare_sc"),
        (np.full((4, 4), -0.1), ValueError, "sc must be scaled"),
        (np.full((4, 4), np.nan), ValueError, "sc must be scaled"),
    ],
)
def test_a_connectome_that_cannot_be_is_named(params, sc, error, message):
    with pytest.raises(error, match=message):
        Candidates(FIC(), params, sc)


def test_candidates_of_no_shared_parameter_are_counted_by_hand(params, sc):
    """A count can be given, and what does not fit it is refused."""
    assert len(Candidates(FIC(), params, sc, n_candidates=5)) == 5
    with pytest.raises(ValueError, match="4 candidates"):
        Candidates(FIC(), params, sc, n_candidates=4)


def test_one_candidate_of_one_region_is_enough():
    given = {"w_EE": 2.0, "w_EI": 1.0, "G": 1.0, "sigma": 0.1}
    candidates = Candidates(FIC(), given, [[0.0]])
    assert (len(candidates), candidates.n_rois) == (1, 1)
    with pytest.raises(ValueError, match="for 0 candidates"):
        Candidates(FIC(), given | {"G": []}, [[0.0]])
    with pytest.raises(ValueError, match="sc must have shape"):
        Candidates(FIC(), given, np.empty((0, 0)))


@pytest.mark.parametrize("scale", [1.0, 0.0])
def test_weights_of_0_and_of_1_are_scaled(params, scale):
    assert (Candidates(FIC(), params, np.full((4, 4), scale)).sc == scale).all()
    with pytest.raises(ValueError, match="sc must be scaled"):
        Candidates(FIC(), params, np.full((4, 4), scale) + (1e-9 if scale else -1e-9))


@pytest.mark.parametrize("axes", [1, 4])
def test_connectomes_of_other_axes_are_refused(params, axes):
    with pytest.raises(ValueError, match="sc must have shape"):
        Candidates(FIC(), params, np.zeros((4,) * axes))


def test_directed_connectomes_are_told_beyond_rounding(params, sc):
    stack = np.tile(sc, (5, 1, 1))
    for gap, symmetric in ((0.0, True), (0.5e-9, True), (2e-9, False)):
        stack[3, 0, 1] = sc[0, 1] + gap
        candidates = Candidates(FIC(), params, stack)
        assert candidates.symmetric == symmetric
        if symmetric:
            candidates.check_symmetric("theory")
        else:
            with pytest.raises(ValueError, match="sc must be symmetric for theory"):
                candidates.check_symmetric("theory")


def test_coupling_times_connectivity_is_the_network(params, sc):
    network = Candidates(FIC(), params, sc).network
    for k, G in enumerate(params["G"]):
        np.testing.assert_array_equal(network[k], G * sc)


def test_a_candidate_rests_if_all_of_its_states_and_regions_do(params, sc):
    candidates = Candidates(FIC(), params, sc)
    S_E, S_I = (x.copy() for x in candidates.states)
    S_E[1, 2], S_I[3, 0] = np.nan, np.inf
    vars(candidates)["states"] = S_E, S_I
    assert candidates.rests.tolist() == [True, False, True, False, True]


def test_a_selection_of_relaxed_candidates_is_not_relaxed_again(sc, relaxed):
    candidates = mfm(sc)
    whole = candidates.states[0]
    part = candidates.select(slice(1, 3))
    np.testing.assert_array_equal(part.states[0], whole[1:3])
    assert relaxed == [5]
    assert "states" not in vars(mfm(sc).select(slice(1, 3)))


def test_what_is_no_candidates_is_refused(params, sc):
    check_candidates(Candidates(FIC(), params, sc))
    with pytest.raises(TypeError, match=r"candidates must be Candidates, .* got dict"):
        check_candidates(params)
