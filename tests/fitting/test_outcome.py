"""What a fit found belongs together and never changes."""

import pickle
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest

from delssome import (
    CMAES,
    FIC,
    MFM,
    Acquisition,
    MeanFieldFitter,
    Simulator,
    Verification,
    pack_subjects,
)
from delssome.connectome import prepare_sc
from delssome.fitting import outcome as module
from delssome.fitting.outcome import Outcome
from delssome.models import Candidates
from delssome.observables import fc_matrix, fcd_cdf
from delssome.simulation import simulate

N_ROIS, N_BINS = 5, 50

pytestmark = pytest.mark.filterwarnings(
    "ignore::delssome.exceptions.OutOfRangeWarning",
)


@pytest.fixture
def X(make_subjects):
    return make_subjects(2, N_ROIS, N_BINS)


@pytest.fixture
def make(scan):
    def make(**changes):
        settings = {
            "surrogate": None,
            "acquisition": scan,
            "search": CMAES(popsize=5, max_iter=2),
            "simulator": Simulator(n_repeats=1),
            "verification": Verification(n_finalists=2),
            "n_fcd_bins": N_BINS,
            "random_state": 0,
        }
        return MeanFieldFitter(**{**settings, **changes})

    return make


def arrays_of(outcome):
    for field in fields(outcome):
        value = getattr(outcome, field.name)
        parts = value if isinstance(value, dict) else {"": value}
        for name, part in parts.items():
            if isinstance(part, np.ndarray):
                yield f"{field.name}{'.' * bool(name)}{name}", part


def test_no_array_of_an_outcome_can_be_written(make, X):
    outcome = make().fit(X).outcome_
    names = []
    for name, array in arrays_of(outcome):
        names.append(name)
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    assert {"params", "readout", "rates", "sc", "fc", "fcd_cdf"} <= set(names)
    assert {"verification.theta", "history.best_total", "regional_params.w_IE"} <= set(
        names
    )


def test_an_outcome_cannot_be_assigned_to(make, X):
    outcome = make().fit(X).outcome_
    assert isinstance(outcome, Outcome)
    with pytest.raises(FrozenInstanceError):
        outcome.cost = 0.0


def test_fitted_attributes_are_those_of_the_outcome(make, X):
    fitter = make().fit(X)
    for field in fields(fitter.outcome_):
        value = getattr(fitter.outcome_, field.name)
        assert getattr(fitter, f"{field.name}_") is value


def test_what_users_were_given_is_not_that_of_the_next_fit(make, X):
    fitter = make().fit(X)
    first = {name: array.copy() for name, array in arrays_of(fitter.outcome_)}
    kept = fitter.outcome_
    fitter.set_params(random_state=1).fit(X)
    assert (fitter.params_ != kept.params).any()
    for name, array in arrays_of(kept):
        np.testing.assert_array_equal(array, first[name])


def test_an_outcome_survives_pickling(make, X):
    outcome = make().fit(X).outcome_
    again = pickle.loads(pickle.dumps(outcome))
    for (name, a), (_, b) in zip(arrays_of(outcome), arrays_of(again), strict=True):
        np.testing.assert_array_equal(a, b, name)
    assert again.costs == outcome.costs


class BrokenError(Exception):
    pass


@pytest.mark.parametrize("broken", ["search_and_verify", "conclude", "pose"])
def test_a_refit_that_fails_leaves_the_old_fit_whole(make, X, monkeypatch, broken):
    """Model and outcome belong together, wherever the new one fails."""
    fitter = make().fit(X)
    model, outcome, predicted = fitter.model_, fitter.outcome_, fitter.predict(X)

    def fails(*_):
        raise BrokenError

    fitter.set_params(model=MFM(), search=CMAES(popsize=6, max_iter=1))
    with monkeypatch.context() as patch:
        patch.setattr(f"delssome.fitting.fitter.{broken}", fails)
        with pytest.raises(BrokenError):
            fitter.fit(X)
    assert fitter.model_ is model
    assert fitter.outcome_ is outcome
    assert fitter.params_ is outcome.params
    assert fitter.space_.model is model
    assert fitter.search_.popsize == 5
    np.testing.assert_array_equal(fitter.predict(X), predicted)
    assert fitter.fit(X).model_ == MFM()


def test_a_refit_to_data_of_another_parcellation_that_fails_leaves_the_old_fit_whole(
    make, X, make_subjects
):
    maps = np.random.default_rng(0).standard_normal((N_ROIS, 1))
    fitter = make(maps=maps).fit(X)
    predicted = fitter.predict(X)
    with pytest.raises(ValueError, match="one row for each of the 6 regions"):
        fitter.fit(make_subjects(2, 6, N_BINS))
    assert fitter.n_features_in_ == X.shape[1]
    np.testing.assert_array_equal(fitter.predict(X), predicted)


@pytest.fixture
def of_mfm(make, X):
    return make(model=MFM()).fit(X)


def test_a_model_without_inhibition_has_no_ei_ratio(of_mfm):
    with pytest.raises(AttributeError, match=r"MFM model reads out Firing rate \(Hz\)"):
        of_mfm.ei_ratio_  # noqa: B018
    with pytest.raises(AttributeError, match="use readouts_"):
        of_mfm.ei_ratios_  # noqa: B018
    assert not hasattr(of_mfm, "ei_ratio_")


def test_a_model_that_bounds_no_rate_has_no_rates(of_mfm):
    with pytest.raises(AttributeError, match="The MFM model bounds no rate"):
        of_mfm.rates_  # noqa: B018
    assert of_mfm.outcome_.rates is None
    assert of_mfm.in_range_
    assert not {"rate_min", "rate_max"} & set(of_mfm.verification_)


def test_another_model_has_all_that_does_not_belong_to_one(of_mfm, X):
    assert of_mfm.model_ == MFM()
    assert of_mfm.param_names_ == ["w_0", "I_0", "G", "sigma_0"]
    assert set(of_mfm.regional_params_) == {"w", "I", "G", "sigma"}
    assert of_mfm.readout_.shape == (N_ROIS,)
    assert (of_mfm.readout_ > 0).all()
    assert np.isfinite(of_mfm.cost_)
    assert np.isfinite(of_mfm.relaxation_over_coupling_).all()
    assert np.isfinite(of_mfm.score(X))
    assert of_mfm.predict(X).shape == (2, 10 + N_BINS)


def test_another_model_can_be_searched_by_theory(make, random_sc):
    """Data of that model, of parameters in the middle of its box."""
    scan = Acquisition(n_frames=300, window=50, burn_in=36.0, warm_up=6.0)
    sc = random_sc(16, density=1.0)
    truth = Candidates(
        MFM(), {"w": [0.5], "I": [0.3], "G": [6.0], "sigma": [0.005]}, prepare_sc(sc)
    )
    bold = simulate(truth, scan, [[7]]).bold[0]
    X = pack_subjects(sc, fc_matrix(bold)[0], fcd_cdf(bold, 50, N_BINS)[0])
    assert X[0, 120:240].mean() > 0.1
    fitter = make(
        model=MFM(),
        surrogate="linear",
        acquisition=scan,
        search=CMAES(popsize=20, max_iter=15),
        simulator=Simulator(n_repeats=3),
        verification=Verification(n_finalists=4),
    ).fit(X)
    table = fitter.verification_
    assert table.predicted_in_range.all()
    # The noise of three simulations, as of FIC.
    assert np.median(np.abs(table.predicted_total - table.simulated_total)) < 0.1
    assert np.isfinite(fitter.relaxation_over_coupling_).all()


def test_regions_that_do_not_reduce_have_no_effective_parameters(make, X):
    class Seen(MFM):
        haemodynamics = False

    fitter = make(model=Seen()).fit(X)
    assert np.isnan(fitter.relaxation_over_coupling_).all()
    assert fitter.relaxation_over_coupling_.shape == (N_ROIS,)
    assert np.isnan(fitter.spectral_radius_)


def test_only_a_refusal_of_theory_is_put_down_to_the_model(make, X, monkeypatch):
    """Any other error is one."""

    def broken(model):
        raise ZeroDivisionError

    monkeypatch.setattr(module, "reason_against_reduction", broken)
    with pytest.raises(ZeroDivisionError):
        make(model=FIC()).fit(X)
