from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

from delssome.connectome import matrix_to_edges, pack_subjects, prepare_sc
from delssome.datasets import _connectomes, _synthetic, make_cohort
from delssome.models import FIC, MFM, ParameterSpace
from delssome.observables import fc_matrix, fcd_cdf
from delssome.simulation import Acquisition

SCAN = Acquisition(tr=0.5, n_frames=30, window=8, burn_in=10.0, warm_up=1.0)
N_BINS = 100


def small_cohort(n_subjects=3, n_rois=13, **kwargs):
    kwargs = {"acquisition": SCAN, "random_state": 0, **kwargs}
    return make_cohort(n_subjects, n_rois, n_fcd_bins=N_BINS, **kwargs)


@pytest.fixture(scope="module")
def cohort():
    return small_cohort()


@pytest.fixture(scope="module")
def population():
    """A connectome of the default size, with 20 subjects, not simulated."""
    rng = np.random.default_rng(0)
    centroids, lengths, expected, faint = _connectomes.population_connectome(68, rng)
    sc = np.stack([_connectomes.draw_counts(expected, faint, rng) for _ in range(20)])
    return SimpleNamespace(centroids=centroids, lengths=lengths, sc=sc)


def test_shapes_agree_for_an_odd_number_of_regions(cohort):
    assert cohort.X.shape == (3, 13 * 12 + N_BINS)
    assert cohort.bold.shape == (3, 30, 13)
    assert cohort.maps.shape == (13, 2)
    assert cohort.centroids.shape == (13, 3)
    assert cohort.lengths.shape == (13, 13)
    assert cohort.rates.shape == cohort.ei_ratio.shape == (3, 13)
    assert cohort.theta.shape == (3, 10)
    assert len(cohort.region_names) == len(set(cohort.region_names)) == 13
    assert sum(name.startswith("L") for name in cohort.region_names) == 7


def test_X_packs_what_stands_beside_it(cohort):
    packed = pack_subjects(cohort.sc, cohort.fc, cohort.fcd_cdf)
    np.testing.assert_array_equal(cohort.X, packed)


def test_fc_and_fcd_are_those_of_the_bold(cohort):
    assert cohort.bold.dtype == np.float32
    np.testing.assert_array_equal(cohort.fc, fc_matrix(cohort.bold))
    cdf = fcd_cdf(cohort.bold, SCAN.fcd_window, N_BINS)
    np.testing.assert_array_equal(cohort.fcd_cdf, cdf)


def test_the_same_seed_gives_the_same_cohort(cohort):
    again = small_cohort()
    np.testing.assert_array_equal(again.X, cohort.X)
    np.testing.assert_array_equal(again.theta, cohort.theta)


def test_another_seed_gives_another_cohort(cohort):
    other = small_cohort(random_state=np.random.RandomState(1))
    assert not np.array_equal(other.maps, cohort.maps)
    assert not np.array_equal(other.sc, cohort.sc)


def test_without_a_seed_every_cohort_differs_and_global_states_stay(cohort):
    # The fixture global_state_untouched looks after the second half.
    first, second = (small_cohort(1, random_state=None) for _ in range(2))
    assert not np.array_equal(first.X, second.X)


def test_a_subject_does_not_depend_on_how_many_follow(cohort):
    fewer = small_cohort(2)
    np.testing.assert_array_equal(fewer.sc, cohort.sc[:2])
    np.testing.assert_array_equal(fewer.theta, cohort.theta[:2])
    # Another batch may round differently in float32.
    np.testing.assert_allclose(fewer.fc, cohort.fc[:2], atol=1e-3)


def test_results_do_not_depend_on_n_jobs(cohort):
    parallel = small_cohort(n_jobs=2)
    np.testing.assert_array_equal(parallel.theta, cohort.theta)
    # Other batches may round differently in float32.
    np.testing.assert_allclose(parallel.fc, cohort.fc, atol=1e-3)


def test_the_truth_is_feasible_and_expands_to_the_parameters(cohort):
    model = FIC(map_signs=(-1, 1), min_w_EI_sd=0.3)
    space = ParameterSpace(model, cohort.maps)
    assert cohort.theta_names == space.names
    assert space.feasible(cohort.theta).all()
    assert space.feasible(cohort.group_theta[None]).all()
    for name, values in space.expand(cohort.theta).items():
        np.testing.assert_array_equal(cohort.params[name], values)


def test_the_models_own_signs_have_no_say(cohort):
    other = small_cohort(1, model=FIC(map_signs=(1, -1), min_w_EI_sd=2.0))
    np.testing.assert_array_equal(other.theta, cohort.theta[:1])


def test_subjects_differ_but_scatter_about_the_group(cohort):
    deviation = cohort.theta / cohort.group_theta - 1
    assert (cohort.theta.std(axis=0) > 0).all()
    assert np.abs(deviation).max() < 5 * 0.03


def test_without_scatter_every_subject_has_the_parameters_of_the_group():
    cohort = small_cohort(2, subject_sd=0)
    np.testing.assert_array_equal(cohort.theta, np.tile(cohort.group_theta, (2, 1)))


def test_all_simulated_rates_are_plausible(cohort):
    low, high = FIC().rate_range
    assert ((cohort.rates >= low) & (cohort.rates <= high)).all()


def test_the_ei_ratio_is_near_that_of_the_fixed_point(cohort):
    point = FIC().fixed_point(cohort.params["w_EI"])
    # Noise moves the averages of a short scan by a few per cent.
    np.testing.assert_allclose(cohort.ei_ratio, point.S_E / point.S_I, rtol=0.2)
    assert (
        np.corrcoef(cohort.ei_ratio.mean(0), (point.S_E / point.S_I).mean(0))[0, 1]
        > 0.95
    )


def test_subjects_that_leave_the_plausible_rates_are_drawn_again(monkeypatch):
    simulate, calls = _synthetic._simulate, []

    def escape_once(space, theta, sc, *args):
        scans = simulate(space, theta, sc, *args)
        if not calls:
            scans["rates"][1, 0] = 20.0
        calls.append(len(theta))
        return scans

    before = small_cohort()
    monkeypatch.setattr(_synthetic, "_simulate", escape_once)
    after = small_cohort()
    assert calls == [3, 1]
    assert after.n_draws.tolist() == [1, 2, 1]
    assert "1 draws of parameters left" in after.DESCR
    kept = [0, 2]
    np.testing.assert_array_equal(after.theta[kept], before.theta[kept])
    assert not np.array_equal(after.theta[1], before.theta[1])
    np.testing.assert_array_equal(after.sc, before.sc)


def test_rates_that_are_never_plausible_are_an_error(monkeypatch):
    def escape(space, theta, sc, *args):
        return {"rates": np.full(sc.shape[:2], np.nan)}

    monkeypatch.setattr(_synthetic, "_simulate", escape)
    with pytest.raises(RuntimeError, match=r"subjects 0, 1, 2 within 2.7 to 3.3 Hz"):
        small_cohort()


def test_too_much_scatter_is_refused_with_its_remedy():
    with pytest.raises(ValueError, match=r"subject_sd=100\.0.*smaller subject_sd"):
        small_cohort(subject_sd=100.0)


@pytest.mark.parametrize("n_rois", [8, 20, 68, 101])
def test_maps_have_human_statistics_for_any_number_of_regions(n_rois):
    rng = np.random.default_rng(0)
    centroids = _connectomes.population_connectome(n_rois, rng)[0]
    maps = _connectomes.draw_maps(centroids, rng)
    np.testing.assert_allclose(maps.mean(axis=0), (1.31, 0.20))
    np.testing.assert_allclose(maps.std(axis=0), (0.13, 1.22))
    assert np.corrcoef(maps.T)[0, 1] == pytest.approx(-0.5)


def test_maps_are_smooth_and_alike_in_both_hemispheres(population):
    centroids = population.centroids
    distances = np.linalg.norm(centroids[:34, None] - centroids[:34], axis=-1)
    nearest = (distances + 1e9 * np.eye(34)).argmin(axis=1)
    mirrored, neighbouring = [], []
    for seed in range(10):
        for one in _connectomes.draw_maps(centroids, np.random.default_rng(seed)).T:
            mirrored.append(np.corrcoef(one[:34], one[34:])[0, 1])
            neighbouring.append(np.corrcoef(one[:34], one[nearest])[0, 1])
    assert np.mean(mirrored) > 0.8
    assert np.mean(neighbouring) > 0.5


def test_connectomes_are_symmetric_counts_with_empty_diagonal(population):
    sc = population.sc
    np.testing.assert_array_equal(sc, sc.swapaxes(1, 2))
    np.testing.assert_array_equal(sc, np.round(sc))
    assert (sc >= 0).all()
    assert not sc[:, np.arange(68), np.arange(68)].any()


def test_connectomes_have_realistic_density_and_strength(population):
    edges = matrix_to_edges(population.sc)
    group = (edges > 0).mean(axis=0) >= 0.5
    assert 0.3 < group.mean() < 0.6
    assert 5e3 < edges.max() < 1e5
    strength = prepare_sc(population.sc).sum(axis=-1)
    assert 0.2 < strength.mean() < 0.5


@pytest.mark.parametrize("n_rois", [8, 21, 68])
def test_every_connectome_is_connected_also_after_the_logarithm(n_rois):
    rng = np.random.default_rng(2)
    _, _, expected, faint = _connectomes.population_connectome(n_rois, rng)
    for _ in range(5):
        prepared = prepare_sc(_connectomes.draw_counts(expected, faint, rng))
        assert (prepared > 0).any(axis=1).all()
        assert connected_components(prepared, directed=False)[0] == 1


def test_weights_fall_with_length_and_mirrored_regions_are_linked(population):
    edges = matrix_to_edges(population.sc.mean(axis=0))
    lengths = matrix_to_edges(population.lengths)
    present = edges > 0
    assert np.corrcoef(np.log(edges[present]), lengths[present])[0, 1] < -0.5
    homotopic = population.sc.mean(axis=0)[np.arange(34), np.arange(34) + 34]
    across = population.sc.mean(axis=0)[:34, 34:]
    assert np.median(homotopic) > 10 * np.median(across)


def test_subjects_share_strong_edges_and_differ_in_faint_ones(population):
    edges = matrix_to_edges(population.sc)
    presence = (edges > 0).mean(axis=0)
    assert ((presence > 0) & (presence < 1)).mean() > 0.05
    strong = edges.mean(axis=0) > 1e3
    assert (presence[strong] == 1).mean() > 0.95


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"n_subjects": 0}, ValueError, "n_subjects must be an integer between 1 and"),
        ({"n_rois": 7}, ValueError, "n_rois must be an integer between 8 and"),
        ({"n_rois": 8.0}, TypeError, "n_rois must be an integer"),
        ({"subject_sd": -1.0}, ValueError, "subject_sd must be a number"),
        ({"model": "FIC"}, TypeError, "model must be None or a FIC model"),
        ({"model": MFM()}, TypeError, "model must be None or a FIC model.* got MFM"),
        ({"acquisition": 0.72}, TypeError, "acquisition must be an? Acq"),
    ],
)
def test_settings_out_of_range_are_named(settings, error, message):
    with pytest.raises(error, match=message):
        small_cohort(**settings)


def test_e_i_falls_with_age_where_it_is_asked_to():
    settings = {"n_subjects": 6, "n_rois": 12, "random_state": 1, "acquisition": SCAN}
    flat, falling = make_cohort(**settings), make_cohort(**settings, age_effect=0.02)
    np.testing.assert_array_equal(falling.age, flat.age)
    assert ((flat.age >= 8) & (flat.age < 23)).all()
    drop = flat.ei_ratio.mean(axis=1) - falling.ei_ratio.mean(axis=1)
    assert np.corrcoef(drop, flat.age)[0, 1] > 0.9
    share = falling.theta[:, 3] / flat.theta[:, 3]
    np.testing.assert_allclose(share, 1 + 0.02 * (flat.age - 8))
    with pytest.raises(ValueError, match="age_range"):
        make_cohort(age_range=(20, 10))
