import pickle
import random
import signal
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from delssome import (
    CMAES,
    FIC,
    MFM,
    MeanFieldFitter,
    PopulationFitter,
    Simulator,
    Verification,
)
from delssome.connectome import group_average
from delssome.datasets import make_cohort
from delssome.exceptions import StorageWarning
from delssome.fitting.rows import listed
from delssome.saying import warn
from delssome.simulation import Acquisition

N_SUBJECTS, N_ROIS, N_BINS = 6, 8, 50
SCAN = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)

pytestmark = [
    pytest.mark.filterwarnings("ignore::delssome.exceptions.SurrogateDomainWarning"),
    pytest.mark.filterwarnings("ignore::delssome.exceptions.OutOfRangeWarning"),
]


@pytest.fixture(scope="module")
def cohort():
    return make_cohort(
        N_SUBJECTS, N_ROIS, acquisition=SCAN, n_fcd_bins=N_BINS, random_state=0
    )


@pytest.fixture
def fitter(cohort):
    return MeanFieldFitter(
        cohort.maps,
        None,
        acquisition=SCAN,
        search=CMAES(popsize=8, max_iter=2),
        simulator=Simulator(n_repeats=1),
        verification=Verification(n_finalists=2),
        n_fcd_bins=N_BINS,
        random_state=0,
    )


def test_results_have_a_row_for_each_subject(cohort, fitter):
    population = PopulationFitter(fitter).fit(cohort.X)
    assert population.params_.shape == (N_SUBJECTS, 10)
    for name in (
        "readout_",
        "spread_over_restarts_",
        "ei_ratio_",
        "rates_",
        "relaxation_over_coupling_",
    ):
        assert getattr(population, name).shape == (N_SUBJECTS, N_ROIS)
    assert population.model_ == FIC()
    np.testing.assert_array_equal(population.ei_ratio_, population.readout_)
    assert population.costs_.shape == (N_SUBJECTS, 3)
    np.testing.assert_allclose(population.costs_.sum(axis=1), population.cost_)
    assert population.in_range_.dtype == bool
    assert population.failures_ == {}
    assert len(np.unique(population.cost_)) == N_SUBJECTS


def test_results_do_not_depend_on_precision(cohort, fitter):
    single = cohort.X[:2].astype(np.float32)
    here = PopulationFitter(fitter).fit(single)
    there = PopulationFitter(fitter).fit(single.astype(np.float64))
    np.testing.assert_array_equal(here.params_, there.params_)
    np.testing.assert_array_equal(here.transform(single), there.readout_)


def test_single_precision_is_not_copied_as_a_whole(fitter):
    """Twelve thousand subjects would be 1.3 GiB more."""
    n_bins, n_edges = 10_000, N_ROIS * (N_ROIS - 1) // 2
    X = np.full((500, 2 * n_edges + n_bins), np.nan, dtype=np.float32)
    population = PopulationFitter(fitter.set_params(n_fcd_bins=n_bins))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="None of 500 fits"):
            population.fit(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < X.nbytes / 2


def test_a_row_depends_neither_on_order_nor_on_company_nor_on_workers(cohort, fitter):
    whole = PopulationFitter(fitter).fit_transform(cohort.X)
    turned = PopulationFitter(fitter, n_jobs=2).fit_transform(cohort.X[::-1])
    np.testing.assert_array_equal(turned[::-1], whole)
    alone = PopulationFitter(fitter).fit(cohort.X[:1]).transform(cohort.X[3:4])
    np.testing.assert_array_equal(alone, whole[3:4])


def test_subjects_have_noise_of_their_own(cohort, fitter):
    twins = np.repeat(cohort.X[:1], 2, axis=0)
    twins[1, 0] += 1.0  # a streamline
    population = PopulationFitter(fitter).fit(twins)
    assert (population.params_[0] != population.params_[1]).all()


def test_what_was_fitted_is_not_fitted_again(cohort, fitter, monkeypatch):
    population = PopulationFitter(fitter).fit(cohort.X)
    monkeypatch.setattr(MeanFieldFitter, "fit", None)
    np.testing.assert_array_equal(
        population.transform(cohort.X[::-1]), population.ei_ratio_[::-1]
    )


def test_rounding_makes_no_other_subject(cohort, fitter):
    population = PopulationFitter(fitter).fit(cohort.X[:1])
    nearly = cohort.X[:1] * (1 + 1e-14)
    assert (nearly != cohort.X[:1]).any()
    np.testing.assert_array_equal(population.transform(nearly), population.ei_ratio_)


def test_one_bad_subject_costs_one_row(cohort, fitter):
    X = cohort.X.copy()
    X[1, 3] = np.nan
    X[4, :28] = 0.0  # no connection
    with pytest.warns(FitFailedWarning, match=r"2 of 6 .*1: ValueError.* NaN.*4: "):
        population = PopulationFitter(fitter).fit(X)
    assert set(population.failures_) == {1, 4}
    bad = np.isnan(population.ei_ratio_).all(axis=1)
    assert np.flatnonzero(bad).tolist() == [1, 4]
    assert not population.in_range_[[1, 4]].any()
    good = PopulationFitter(fitter).fit_transform(cohort.X)
    np.testing.assert_array_equal(population.ei_ratio_[~bad], good[~bad])
    frame = population.to_frame()
    assert frame.loc[4, "failure"].startswith("ValueError")
    assert frame["failure"].astype(bool).sum() == 2
    with pytest.warns(FitFailedWarning, match="1 of 2"):
        assert np.isnan(population.transform(X[:2])[1]).all()


def test_if_all_fail_the_run_fails(cohort, fitter):
    with pytest.raises(ValueError, match=r"None of 6 fits succeeded.*NaN"):
        PopulationFitter(fitter).fit(np.full_like(cohort.X, np.nan))


def test_a_reason_that_many_rows_share_is_said_once():
    failures = {k: "ValueError: no." for k in range(12)} | {20: "ValueError: other."}
    assert listed(failures) == (
        "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...: ValueError: no.; 20: ValueError: other."
    )


def test_new_rows_that_all_fail_are_nan(cohort, fitter):
    population = PopulationFitter(fitter).fit(cohort.X[:1])
    with pytest.warns(FitFailedWarning, match=r"2 of 2 .*0, 1: ValueError"):
        maps = population.transform(np.full_like(cohort.X[:2], np.nan))
    assert maps.shape == (2, N_ROIS)
    assert np.isnan(maps).all()


def test_groups_are_fitted_as_groups(cohort, fitter):
    groups = np.array(["b", "a", "b", "a", "b", "a"])
    population = PopulationFitter(fitter).fit(cohort.X, groups=groups)
    assert population.groups_.tolist() == ["a", "b"]
    assert population.ei_ratio_.shape == (2, N_ROIS)
    # One subject that is the average of its group has the same data.
    average = group_average(cohort.X[groups == "a"], N_BINS)
    single = clone(fitter).fit(cohort.X[groups == "a"])
    np.testing.assert_allclose(single.fc_, average.fc)
    assert list(population.to_frame().index) == ["a", "b"]


@pytest.mark.parametrize("held_out", [0.0, 0.34])
def test_groups_do_not_depend_on_the_order_of_their_subjects(cohort, fitter, held_out):
    fitter.set_params(verification__validation_fraction=held_out)
    groups = np.array(["b", "a", "b", "a", "b", "a"])
    one = PopulationFitter(fitter).fit(cohort.X, groups=groups)
    order = np.random.default_rng(0).permutation(N_SUBJECTS)
    other = PopulationFitter(fitter).fit(cohort.X[order], groups=groups[order])
    for name in ("params_", "cost_", "validation_cost_", "readout_"):
        np.testing.assert_array_equal(getattr(other, name), getattr(one, name))
    # And are found again, in whatever order.
    assert len(one._store._results) == 2
    known = one._store
    one.fit(cohort.X[order], groups=groups[order])
    assert one._store is known
    assert len(known._results) == 2


def test_maps_are_features_of_a_pipeline(cohort, fitter, tmp_path):
    age = np.linspace(8, 20, N_SUBJECTS)
    store = tmp_path / "store"
    model = make_pipeline(PopulationFitter(fitter, store=store), Ridge())
    predicted = cross_val_predict(model, cohort.X, age, cv=3)
    assert np.isfinite(predicted).all()
    assert len(list(store.glob("*.npz"))) == N_SUBJECTS  # once for all folds
    names = model.fit(cohort.X, age)[:-1].get_feature_names_out()
    assert names[:2].tolist() == ["ei_ratio_0", "ei_ratio_1"]


def test_table_names_regions(cohort, fitter):
    population = PopulationFitter(fitter).fit(cohort.X[:2])
    names = [f"area {k}" for k in range(N_ROIS)]
    frame = population.to_frame(names)
    assert frame.shape[0] == 2
    np.testing.assert_array_equal(
        frame[[f"ei_ratio_{name}" for name in names]], population.ei_ratio_
    )
    assert list(frame["w_EE_0"]) == population.params_[:, 0].tolist()
    with pytest.raises(ValueError, match="region_names must have 8"):
        population.to_frame(names[:3])


def test_a_fitted_population_can_be_pickled(cohort, fitter):
    population = PopulationFitter(fitter).fit(cohort.X[:2])
    again = pickle.loads(pickle.dumps(population))
    np.testing.assert_array_equal(again.transform(cohort.X[:2]), population.ei_ratio_)


def test_a_store_of_other_settings_is_refused(cohort, fitter, tmp_path):
    PopulationFitter(fitter, store=tmp_path).fit(cohort.X[:1])
    other = clone(fitter).set_params(search__popsize=9)
    with pytest.raises(ValueError, match="search__popsize: 8 there, 9 now"):
        PopulationFitter(other, store=tmp_path).fit(cohort.X[:1])
    changed = clone(fitter).set_params(maps=cohort.maps * 2.0)
    with pytest.raises(ValueError, match="maps: array"):
        PopulationFitter(changed, store=tmp_path).fit(cohort.X[:1])
    model = clone(fitter).set_params(model__map_signs=(-1, 1))
    with pytest.raises(ValueError, match="model__map_signs: None there"):
        PopulationFitter(model, store=tmp_path).fit(cohort.X[:1])
    same = clone(fitter).set_params(n_jobs=2, verbose=0)
    PopulationFitter(same, store=tmp_path).fit(cohort.X[:1])


def test_what_is_damaged_is_fitted_again_and_gives_the_same(cohort, fitter, tmp_path):
    first = PopulationFitter(fitter, store=tmp_path).fit(cohort.X[:2])
    file, other = sorted(tmp_path.glob("*.npz"))
    file.write_bytes(file.read_bytes()[:100])
    before = other.stat().st_mtime_ns
    with pytest.warns(StorageWarning, match=f"{file.name} is damaged"):
        again = PopulationFitter(fitter, store=tmp_path).fit(cohort.X[:2])
    np.testing.assert_array_equal(again.readout_, first.readout_)
    np.testing.assert_array_equal(again.cost_, first.cost_)
    assert other.stat().st_mtime_ns == before


def test_a_store_opened_with_equal_settings_in_another_dress_is_the_same(
    cohort, fitter, tmp_path
):
    PopulationFitter(fitter, store=tmp_path).fit(cohort.X[:1])
    file = next(tmp_path.glob("*.npz"))
    before = file.stat().st_mtime_ns
    dressed = clone(fitter).set_params(
        maps=cohort.maps.astype(np.float32).tolist(),
        n_fcd_bins=np.int64(fitter.n_fcd_bins),
        search__sigma0=np.float32(fitter.search.sigma0),
    )
    PopulationFitter(dressed, store=tmp_path).fit(cohort.X[:1])
    assert file.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"fitter": "deep"}, TypeError, "MeanFieldFitter"),
        ({"fitter": MeanFieldFitter(checkpoint="a")}, ValueError, "store"),
        ({"fitter": MeanFieldFitter(), "store": "a"}, ValueError, "random_state"),
    ],
)
def test_wrong_settings_are_named(settings, error, message):
    with pytest.raises(error, match=message):
        PopulationFitter(**settings).fit(np.zeros((2, 10_056)))


def test_groups_belong_to_fit(cohort, fitter):
    with pytest.raises(TypeError, match="groups"):
        PopulationFitter(fitter).fit_transform(cohort.X, groups=[0] * N_SUBJECTS)


def test_warnings_of_fits_are_told_once(cohort, fitter):
    def fit_and_warn(self, X, y=None):
        warn("left", OutOfRangeWarning)
        return fit(self, X, y)

    from delssome.exceptions import OutOfRangeWarning

    fit = MeanFieldFitter.fit
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MeanFieldFitter, "fit", fit_and_warn)
        with pytest.warns(OutOfRangeWarning, match=r"in 2 of 2 fits \(0, 1\)"):
            population = PopulationFitter(fitter).fit(cohort.X[:2])
    assert "left" in population.warnings_[1]


def test_defaults_spelled_out_are_no_other_settings(cohort, fitter, tmp_path):
    first = PopulationFitter(fitter, store=tmp_path).fit(cohort.X[:1])
    assert fitter.model is None
    spelled = clone(fitter).set_params(model=FIC())
    again = PopulationFitter(spelled, store=tmp_path).fit(cohort.X[:1])
    np.testing.assert_array_equal(again.params_, first.params_)
    with pytest.raises(ValueError, match="model: 'FIC' there, 'MFM' now"):
        PopulationFitter(clone(fitter).set_params(model=MFM()), store=tmp_path).fit(
            cohort.X[:1]
        )


def test_a_failed_fit_leaves_the_old_one(cohort, fitter):
    population = PopulationFitter(fitter).fit(cohort.X[:2])
    before = population.readout_.copy()
    population.set_params(fitter__model=MFM())
    with pytest.raises(ValueError, match="None of 2 fits succeeded"):
        population.fit(np.full_like(cohort.X[:2], np.nan))
    np.testing.assert_array_equal(population.readout_, before)
    assert population.model_ == FIC()
    assert population.get_feature_names_out()[0] == "ei_ratio_0"
    assert population.ei_ratio_.shape == (2, N_ROIS)


def test_after_a_failed_fit_rows_are_fitted_as_in_the_old_one(cohort, fitter):
    """What is transformed goes with the names that it is given."""
    population = PopulationFitter(fitter).fit(cohort.X[:2])
    before = population.transform(cohort.X[:3])
    population.set_params(fitter__model=MFM())
    with pytest.raises(ValueError, match="None of 2 fits succeeded"):
        population.fit(np.full_like(cohort.X[:2], np.nan))
    np.testing.assert_array_equal(population.transform(cohort.X[:3]), before)


@pytest.fixture
def of_mfm(cohort, fitter):
    return PopulationFitter(clone(fitter).set_params(model=MFM())).fit(cohort.X[:2])


def test_another_model_names_what_it_reads_out(of_mfm, cohort):
    assert of_mfm.model_ == MFM()
    assert of_mfm.get_feature_names_out()[:2].tolist() == [
        "firing_rate_0",
        "firing_rate_1",
    ]
    frame = of_mfm.to_frame()
    np.testing.assert_allclose(frame["firing_rate_mean"], of_mfm.readout_.mean(axis=1))
    assert not [name for name in frame.columns if name.startswith("ei_ratio")]
    np.testing.assert_array_equal(of_mfm.transform(cohort.X[:2]), of_mfm.readout_)


def test_another_model_has_neither_ei_ratios_nor_rates(of_mfm):
    with pytest.raises(AttributeError, match="reads out Firing rate"):
        of_mfm.ei_ratio_  # noqa: B018
    assert np.isnan(of_mfm.rates_).all()
    assert of_mfm.rates_.shape == (2, N_ROIS)
    assert np.isfinite(of_mfm.readout_).all()
    assert of_mfm.in_range_.all()


STUDY = """
import sys, warnings
import numpy as np
from delssome import CMAES, Acquisition, MeanFieldFitter, PopulationFitter
from delssome import Simulator, Verification

warnings.simplefilter("ignore")
folder, store = sys.argv[1:]
X, maps = np.load(f"{folder}/X.npy"), np.load(f"{folder}/maps.npy")
fitter = MeanFieldFitter(
    maps, None, acquisition=Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1),
    search=CMAES(popsize=8, max_iter=12), simulator=Simulator(n_repeats=1),
    verification=Verification(n_finalists=2), n_fcd_bins=50, random_state=0,
)
PopulationFitter(fitter, store=store).fit(X).to_frame().to_csv(f"{store}/table.csv")
"""


@pytest.mark.slow
def test_killed_at_any_point_it_goes_on_to_the_same_table(cohort, tmp_path):
    np.save(tmp_path / "X.npy", cohort.X)
    np.save(tmp_path / "maps.npy", cohort.maps)
    command = [sys.executable, "-c", STUDY, str(tmp_path)]
    subprocess.run([*command, str(tmp_path / "whole")], check=True)

    rows = sorted(path.stat().st_mtime for path in (tmp_path / "whole").glob("*.npz"))
    a_fit = float(np.median(np.diff(rows)))  # seconds, on this machine

    store, rng, written, killed = tmp_path / "killed", random.Random(0), {}, 0
    for _ in range(4):
        run = subprocess.Popen([*command, str(store)])
        # Once it has begun to write, a random while longer: kills fall anywhere.
        before = len(list(store.glob("*.npz")))
        while run.poll() is None and len(list(store.glob("*.npz"))) == before:
            time.sleep(0.001)
        time.sleep(rng.uniform(0.0, a_fit))
        run.kill()
        killed += run.wait() == -signal.SIGKILL
        files = {path: path.stat().st_mtime_ns for path in store.glob("*.npz")}
        assert files.items() >= written.items()  # nothing lost, nothing done twice
        written = files
    assert killed >= 2  # a machine that pauses here may end a run or two unkilled
    subprocess.run([*command, str(store)], check=True)
    files = {path: path.stat().st_mtime_ns for path in store.glob("*.npz")}
    assert files.items() >= written.items()
    assert len(files) == N_SUBJECTS

    tables = [
        (folder / "table.csv").read_bytes() for folder in (tmp_path / "whole", store)
    ]
    assert tables[0] == tables[1]
