import pickle

import numpy as np
import pytest

from delssome.models import FIC, MFM, Candidates

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
