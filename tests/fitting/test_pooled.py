import numpy as np
import pytest
from sklearn.base import clone

from delssome import FIC, Acquisition, Hopf, Linear, PooledPosterior
from delssome.connectome import order_of
from delssome.datasets import make_cohort
from delssome.exceptions import MisfitWarning
from delssome.fitting import pool, pool_outcome
from delssome.fitting.pool_design import Coordinates, Direction
from delssome.fitting.pool_outcome import widened
from delssome.fitting.posing_pool import pose_pool
from delssome.models import ParameterSpace

SCAN = Acquisition(n_frames=300, window=40)
N, N_ROIS = 6, 8


@pytest.fixture(scope="module", autouse=True)
def short(briefly_pooled):
    with briefly_pooled():
        yield


@pytest.fixture(scope="module")
def cohort():
    return make_cohort(
        N, N_ROIS, age_effect=0.05, acquisition=SCAN, n_fcd_bins=50, random_state=0
    )


def pooled(cohort, **given):
    settings = {
        "affects": ["w_EI"],
        "model": FIC(map_signs=(-1, 1)),
        "acquisition": SCAN,
        "n_draws": 40,
        "n_fcd_bins": 50,
        "random_state": 0,
    }
    return PooledPosterior(cohort.maps, **(settings | given))


@pytest.fixture(scope="module")
def found(cohort):
    return pooled(cohort).fit(cohort.X, cohort.age)


def test_effects_are_read_out_with_intervals(found, cohort):
    assert found.covariate_names_ == ("covariate_1",)
    assert found.effect_draws_.shape == (40, 1, N_ROIS)
    assert found.effect_interval_.shape == (1, N_ROIS, 2)
    low, high = found.effect_interval_[..., 0], found.effect_interval_[..., 1]
    assert ((low < found.effect_) & (found.effect_ < high)).all()
    assert (
        found.mean_effect_[0, 1] < found.mean_effect_[0, 0] < found.mean_effect_[0, 2]
    )
    assert found.readouts_.shape == (N, N_ROIS)
    assert found.readouts_interval_.shape == (N, N_ROIS, 2)
    assert found.ei_ratio_.shape == (N_ROIS,)
    levels, over = ["w_EE", "w_EI", "sigma"], " over maps"
    assert set(found.scatter_) == {*levels, *(name + over for name in levels), "G"}
    # All draws are candidates of the model.
    assert found.space_.feasible(found.draws_).all()


def test_draws_are_widened_by_what_errors_were_larger(rng):
    draws = rng.standard_normal((50, 2, 3))
    wide = widened(draws)
    np.testing.assert_allclose(wide.mean(axis=0), draws.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(wide.std(axis=0), 1.3 * draws.std(axis=0))


def test_what_is_read_out_is_wide_and_coefficients_are_not(cohort, found, monkeypatch):
    monkeypatch.setattr(pool_outcome, "WIDENED", 1.0)
    narrow = clone(found).fit(cohort.X, cohort.age)
    np.testing.assert_array_equal(narrow.draws_, found.draws_)
    for name in ("effect_draws_", "readout_draws_"):
        one, other = getattr(narrow, name), getattr(found, name)
        np.testing.assert_allclose(other.std(axis=0), 1.3 * one.std(axis=0), rtol=1e-6)
    wide, other = np.diff(found.readouts_interval_), np.diff(narrow.readouts_interval_)
    np.testing.assert_allclose(wide, 1.3 * other, rtol=1e-6)


def test_the_table_has_networks_and_regions(found):
    pytest.importorskip("pandas")
    table = found.to_frame(networks=["a"] * 4 + ["b"] * 4)
    assert table.index.names == ["covariate", "kind", "name"]
    assert len(table) == 1 + 2 + N_ROIS
    mean = table.loc[("covariate_1", "mean", "mean")]
    assert mean["effect"] == pytest.approx(found.mean_effect_[0, 0])
    assert mean["p_positive"] == pytest.approx(found.sign_probability_[0])


def test_same_seed_same_draws_whatever_the_store_and_threads(cohort, found, tmp_path):
    again = pooled(cohort, store=tmp_path, n_jobs=2).fit(cohort.X, cohort.age)
    np.testing.assert_array_equal(again.effect_draws_, found.effect_draws_)
    np.testing.assert_array_equal(again.readouts_, found.readouts_)
    assert len(list(tmp_path.glob("*.npz"))) == 3  # the start, and two rounds


def test_what_is_kept_is_not_done_again(cohort, found, tmp_path, monkeypatch):
    pooled(cohort, store=tmp_path).fit(cohort.X, cohort.age)
    monkeypatch.setattr(pool.Pool, "_start", None)  # would fail
    # Another question to the same scans starts from the same draws.
    again = pooled(cohort, store=tmp_path, scatter=["sigma"], affects=["w_EE"])
    again.fit(cohort.X, cohort.age)
    assert set(again.scatter_) == {"sigma", "sigma over maps"}
    monkeypatch.setattr(pool.Pool, "_round", None)
    same = pooled(cohort, store=tmp_path).fit(cohort.X, cohort.age)
    np.testing.assert_array_equal(same.effect_draws_, found.effect_draws_)


def test_the_order_of_scans_changes_nothing_but_the_order_of_people(cohort, found):
    order = np.array([3, 0, 5, 1, 4, 2])
    again = pooled(cohort).fit(cohort.X[order], cohort.age[order])
    np.testing.assert_array_equal(again.draws_, found.draws_)
    np.testing.assert_array_equal(again.effect_draws_, found.effect_draws_)
    np.testing.assert_array_equal(again.readouts_, found.readouts_[order])


def test_scans_of_people_come_in_any_order_and_dress(cohort):
    pd = pytest.importorskip("pandas")
    people = np.array(["b", "a", "c", "a", "b", "c"])
    drug = np.array([0.0, 1.0, 0.0, 0.0, 1.0, 1.0])
    order = np.array([4, 1, 3, 0, 2, 5])
    first = pooled(cohort).fit(cohort.X, drug, people)
    # In the order of X by name, whatever the order of its own.
    names = np.array([f"scan {k}" for k in range(6)])
    X = pd.DataFrame(cohort.X, names).iloc[order]
    again = pooled(cohort).fit(X, pd.DataFrame({"drug": drug}, names), people[order])
    assert first.people_.tolist() == again.people_.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(again.readouts_, first.readouts_)
    np.testing.assert_array_equal(again.mean_effect_, first.mean_effect_)


def test_a_drug_moves_along_a_pattern_in_the_same_people(cohort):
    pattern = np.linspace(0.0, 1.0, N_ROIS)
    along = {"covariate_1": {"w_EI": pattern}}
    people = ["a", "a", "b", "b", "c", "c"]
    drug = [0, 1, 0, 1, 0, 1]
    one = pooled(cohort, along=along).fit(cohort.X, drug, people)
    assert one.people_.tolist() == ["a", "b", "c"]
    assert one.readouts_.shape == (3, N_ROIS)
    # No effect where the pattern is 0, and more than nothing where it is not.
    assert np.abs(one.effect_[0, 0]) < 1e-12
    assert np.abs(one.effect_[0, 1:]).min() > 0


def test_scans_that_the_model_does_not_explain_are_warned_of(cohort):
    """Such as scans that are said to be ten times as long as they are."""
    longer = Acquisition(n_frames=3000, window=40)
    with pytest.warns(MisfitWarning, match="times the variance of its noise"):
        pooled(cohort, acquisition=longer).fit(cohort.X, cohort.age)


def test_without_covariates_people_are_read_out(cohort):
    one = pooled(cohort).fit(cohort.X)
    assert one.effect_draws_.shape == (40, 0, N_ROIS)
    assert one.readouts_.shape == (N, N_ROIS)


def test_a_pattern_that_is_a_map_moves_as_its_coordinate_does(cohort):
    space = ParameterSpace(FIC(), cohort.maps)
    flat = Coordinates(space, [Direction("w_EI", np.ones(N_ROIS))])
    x = flat.padded(space.x(cohort.group_theta)[None])
    along, own = x.copy(), x.copy()
    along[:, -1] += 0.1
    own[:, space.slices["w_EI"].start] += 0.1
    one, other = (flat.params(at) for at in (along, own))
    for name in one:
        np.testing.assert_allclose(one[name], other[name])


@pytest.mark.parametrize("given", [[1, 2, 1, 2, 1, 2], [0.0, 0.5, 1.0, 0.0, 2.0, 1.0]])
def test_along_a_pattern_there_is_nothing_without_the_drug(cohort, given):
    """Of a drug, the smaller of two values is none; of a dose, 0."""
    along = {"covariate_1": {"w_EI": np.linspace(0.0, 1.0, N_ROIS)}}
    posed = pose_pool(pooled(cohort, along=along), cohort.X, given, None)
    values = posed.design.covariates.values[:, 0]
    given = np.array(given)[order_of(cohort.X)]
    none = np.min(given) == given
    np.testing.assert_allclose(values[none], 0.0, atol=1e-12)
    assert (values[~none] > 0).all()


def test_it_survives_cloning(found):
    assert clone(found).get_params()["affects"] == ["w_EI"]
    with pytest.raises(AttributeError):
        _ = clone(found).effect_


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"affects": "w_EI"}, TypeError, r"such as \['w_EI'\], got a str"),
        ({"affects": ["w_IE"]}, ValueError, "affects names w_IE, but FIC has w_EE"),
        ({"scatter": ["x"]}, ValueError, "scatter names x"),
        ({"along": {"drug": {}}}, ValueError, "drug, which is no covariate: there are"),
        (
            {"along": {"covariate_1": {"G": np.ones(N_ROIS)}}},
            ValueError,
            "moves G over regions",
        ),
        (
            {"along": {"covariate_1": {"w_EI": np.ones(3)}}},
            ValueError,
            "each of the 8 regions",
        ),
        ({"interval": 95}, ValueError, "interval must be"),
        ({"n_draws": 1}, ValueError, "n_draws must be"),
        ({"model": "FIC"}, TypeError, "model must be a Model"),
    ],
)
def test_bad_settings_are_named_before_work_starts(
    cohort, monkeypatch, change, kind, message
):
    monkeypatch.setattr(pool.Pool, "run", None)  # never reached
    with pytest.raises(kind, match=message):
        pooled(cohort, **change).fit(cohort.X, cohort.age)


def test_bad_scans_are_named_before_work_starts(cohort, monkeypatch):
    monkeypatch.setattr(pool.Pool, "run", None)
    with pytest.raises(ValueError, match="two scans or more to pool, got 1"):
        pooled(cohort).fit(cohort.X[:1])
    with pytest.raises(ValueError, match="label for each of the 6 scans"):
        pooled(cohort).fit(cohort.X, people=[1, 2])
    broken = cohort.X.copy()
    broken[0, 40] = 7.0  # an FC
    with pytest.raises(ValueError, match="FC"):
        pooled(cohort).fit(broken)


@pytest.mark.filterwarnings("ignore::delssome.exceptions.MisfitWarning")
@pytest.mark.parametrize("model", [Linear(), Hopf()], ids=lambda m: m.name)
def test_other_models_are_pooled_too(cohort, model):
    """With a symmetric form, and without; that bend, and that do not."""
    one = PooledPosterior(
        cohort.maps,
        model=model,
        acquisition=SCAN,
        n_draws=20,
        n_fcd_bins=50,
        random_state=0,
    ).fit(cohort.X)
    assert one.readouts_.shape == (N, N_ROIS)
    low, high = np.moveaxis(one.readouts_interval_, 2, 0)
    assert ((low <= one.readouts_) & (one.readouts_ <= high)).all()
