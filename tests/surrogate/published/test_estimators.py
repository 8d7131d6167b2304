import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score

from delssome import FIC, MFM
from delssome.connectome import SC_MAX, edges_to_matrix
from delssome.evaluation import Evaluator, Target
from delssome.models import Candidates
from delssome.surrogate import (
    Corpus,
    CostPredictor,
    PublishedSurrogate,
    WithinRangeClassifier,
)

N_ROIS, N_EDGES, N_BINS = 4, 6, 20
SMALL = {"d_model": 16, "n_layers": 1, "n_heads": 2, "lr": 3e-3, "batch_size": 64}


def made_up_corpus(n_candidates, seed=0, n_targets=3):
    """Candidates whose range and costs are a known function of what is given."""
    rng = np.random.default_rng(seed)
    fc = np.linspace(-0.2, 0.6, n_targets)[:, None] + 0.1 * rng.random(
        (n_targets, N_EDGES)
    )
    cdf = np.sort(rng.random((n_targets, N_BINS)), axis=1)
    cdf[:, -1] = 1.0
    sc = edges_to_matrix(rng.random((2, N_EDGES))) * SC_MAX
    w_EE = rng.uniform(1, 10, (n_candidates, N_ROIS))
    w_EI = rng.uniform(0, 5, (n_candidates, N_ROIS))
    G = rng.uniform(0, 3, n_candidates)
    sigma = rng.uniform(0.0005, 0.01, (n_candidates, N_ROIS))
    level = (G / 3 + w_EE.mean(axis=1) / 10) / 2  # what "simulated FC" would be
    gap = np.abs(level[:, None] - fc.mean(axis=1))
    costs = np.stack([gap, 0.5 * gap, 0.2 + 0 * gap], axis=2)
    return Corpus(
        sc=sc,
        fc=fc,
        fcd_cdf=cdf,
        params=np.column_stack([w_EE, w_EI, G, sigma]),
        sc_index=rng.integers(2, size=n_candidates),
        in_range=w_EI.mean(axis=1) > 2.0 + 0.3 * G,
        costs=costs,
    )


@pytest.fixture(scope="module")
def corpus():
    return made_up_corpus(600)


@pytest.fixture(scope="module")
def surrogate(corpus):
    return PublishedSurrogate(
        WithinRangeClassifier(**SMALL, max_epochs=40),
        CostPredictor(**SMALL, max_epochs=30),
        random_state=0,
    ).fit(corpus)


def test_the_classifier_learns_what_decides_the_range(surrogate):
    X, in_range, contexts = made_up_corpus(300, seed=0).range_examples()
    p = surrogate.classifier_.predict_proba(X, contexts=contexts)
    assert roc_auc_score(in_range, p[:, 1]) > 0.95
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    predicted = surrogate.classifier_.predict(X, contexts=contexts)
    np.testing.assert_array_equal(predicted, p[:, 1] > 0.5)
    score = surrogate.classifier_.score(X, in_range, contexts=contexts)
    assert score == np.mean(predicted == in_range)


def test_the_predictor_learns_costs_that_depend_on_the_target(surrogate):
    unseen = made_up_corpus(200, seed=0)
    unseen.params[:, : 2 * N_ROIS] = unseen.params[::-1, : 2 * N_ROIS]  # other rows
    level = (unseen.params[:, 2 * N_ROIS] / 3 + unseen.params[:, :4].mean(1) / 10) / 2
    gap = np.abs(level[:, None] - unseen.fc.mean(axis=1))
    unseen.costs = np.stack([gap, 0.5 * gap, 0.2 + 0 * gap], axis=2)
    X, y, contexts = unseen.cost_examples(in_range_only=False)
    assert surrogate.predictor_.score(X, y, contexts=contexts) > 0.9


def test_the_loss_falls_and_the_best_epoch_is_kept(surrogate, corpus):
    history = surrogate.predictor_.history_
    assert history["valid_loss"].min() < 0.2 * history["valid_loss"][0]


def test_a_seed_determines_training(corpus):
    X, y, contexts = corpus.cost_examples()
    few = CostPredictor(**SMALL, max_epochs=2, n_fcd_bins=N_BINS, random_state=3)
    a, b = (clone(few).fit(X, y, contexts=contexts) for _ in range(2))
    np.testing.assert_array_equal(
        a.predict(X[:9], contexts=contexts), b.predict(X[:9], contexts=contexts)
    )
    c = clone(few).set_params(random_state=4).fit(X, y, contexts=contexts)
    assert not np.array_equal(
        a.predict(X[:9], contexts=contexts), c.predict(X[:9], contexts=contexts)
    )


def as_candidates(corpus, n):
    params = {
        "w_EE": corpus.params[:n, :4],
        "w_EI": corpus.params[:n, 4:8],
        "G": corpus.params[:n, 8],
        "sigma": corpus.params[:n, 9:],
    }
    return Candidates(FIC(), params, corpus.sc[0])


def test_evaluate_speaks_the_language_of_evaluators(surrogate, corpus):
    n = 5
    candidates = as_candidates(corpus, n)
    target = Target(corpus.sc[0], corpus.fc[1], corpus.fcd_cdf[1])
    assert isinstance(surrogate, Evaluator)
    evaluation = surrogate.evaluate(candidates, target)
    assert evaluation.costs.shape == (n, 3)
    X = np.column_stack([corpus.params[:n], np.tile([0, 1], (n, 1))])
    contexts = corpus.contexts()
    np.testing.assert_allclose(
        evaluation.costs, surrogate.predictor_.predict(X, contexts=contexts)
    )
    p = surrogate.classifier_.predict_proba(X, contexts=contexts)[:, 1]
    np.testing.assert_array_equal(evaluation.in_range, p >= 0.5)
    np.testing.assert_allclose(surrogate.p_in_range(candidates, target), p)
    assert surrogate.expected_error(candidates, target) is None
    with pytest.raises(NotImplementedError, match="use evaluate"):
        surrogate.statistics(candidates)


def test_each_candidate_lives_on_its_own_connectome(surrogate, corpus):
    target = Target(corpus.sc[0], corpus.fc[1], corpus.fcd_cdf[1])
    params = as_candidates(corpus, 2).params
    own = Candidates(FIC(), params, corpus.sc)
    together = surrogate.evaluate(own, target).costs
    for k in range(2):
        shared = Candidates(FIC(), params, corpus.sc[k])
        alone = surrogate.evaluate(shared, target).costs
        np.testing.assert_allclose(together[k], alone[k], rtol=1e-5)
    assert not np.allclose(together[0], surrogate.evaluate(shared, target).costs[0])


def test_targets_with_other_bins_are_read_at_its_own(surrogate, corpus):
    candidates = as_candidates(corpus, 3)
    target = Target(corpus.sc[0], corpus.fc[1], corpus.fcd_cdf[1])
    finer = target.at(5 * N_BINS)
    assert len(finer.fcd_cdf) == 5 * N_BINS
    np.testing.assert_allclose(
        surrogate.evaluate(candidates, finer).costs,
        surrogate.evaluate(candidates, target).costs,
        rtol=1e-5,
    )


def test_models_that_it_was_not_fitted_for_are_refused(surrogate, corpus):
    surrogate.check(FIC(w_EE=(2.0, 4.0), map_signs=(-1, 1)))
    for model, said in (
        (MFM(), "knows nothing of its parameters"),
        (FIC(target_rate=5.0), "learned rates of"),
    ):
        with pytest.raises(ValueError, match=said) as refused:
            surrogate.check(model)
        assert "surrogate=None" in str(refused.value)
    params = {"w": [0.5], "I": [0.3], "G": [1.0], "sigma": [0.005]}
    target = Target(corpus.sc[0], corpus.fc[1], corpus.fcd_cdf[1])
    with pytest.raises(ValueError, match="MFM"):
        surrogate.evaluate(Candidates(MFM(), params, target.sc), target)
    with pytest.raises(NotFittedError):
        PublishedSurrogate().check(FIC())
    with pytest.raises(ValueError, match="for one model"):
        PublishedSurrogate(
            None, CostPredictor(model=FIC()), model=MFM(), random_state=0
        ).fit(corpus)


def made_up_mfm_corpus(n_candidates):
    """Candidates of a model without implausible rates, costs as a function of I."""
    rng = np.random.default_rng(0)
    corpus = made_up_corpus(n_candidates)
    w = rng.uniform(0, 1, (n_candidates, N_ROIS))
    current = rng.uniform(0, 0.5, (n_candidates, N_ROIS))
    sigma = rng.uniform(0.0005, 0.01, (n_candidates, N_ROIS))
    corpus.params = np.column_stack(
        [w, current, rng.uniform(1, 10, n_candidates), sigma]
    )
    gap = np.abs(2 * current.mean(axis=1)[:, None] - corpus.fc.mean(axis=1))
    corpus.costs = np.stack([gap, 0.5 * gap, 0.2 + 0 * gap], axis=2)
    corpus.in_range[:] = True
    return corpus


def test_it_is_trained_for_a_model_that_bounds_no_rate():
    corpus = made_up_mfm_corpus(300)
    surrogate = PublishedSurrogate(
        predictor=CostPredictor(**SMALL, max_epochs=30), model=MFM(), random_state=0
    ).fit(corpus)
    assert surrogate.classifier_ is None  # all that is finite is in range
    surrogate.check(MFM())
    with pytest.raises(ValueError, match="FIC"):
        surrogate.check(FIC())
    n = 20
    parts = np.split(corpus.params[:n], [4, 8, 9], axis=1)
    params = dict(zip(MFM.searched, parts, strict=True))
    candidates = Candidates(MFM(), params | {"G": params["G"][:, 0]}, corpus.sc[0])
    target = Target(corpus.sc[0], corpus.fc[1], corpus.fcd_cdf[1])
    evaluation = surrogate.evaluate(candidates, target)
    assert evaluation.in_range.all()
    true = corpus.costs[:n, 1].sum(axis=1)
    assert np.corrcoef(evaluation.total, true)[0, 1] > 0.8
    # Where simulations diverge, that is learned.
    corpus.in_range[corpus.params[:, 8] > 7.0] = False
    small = WithinRangeClassifier(**SMALL, max_epochs=30, model=MFM())
    diverging = PublishedSurrogate(
        small, CostPredictor(**SMALL, max_epochs=1), random_state=0
    ).fit(corpus)
    assert diverging.predictor_.model_ == MFM()
    p = diverging.p_in_range(candidates, target)
    assert roc_auc_score(corpus.in_range[:n], p) > 0.8


def test_weights_have_a_digest(surrogate, corpus):
    again = pickle.loads(pickle.dumps(surrogate))
    assert again.digest() == surrogate.digest()
    other = PublishedSurrogate(
        surrogate.classifier, CostPredictor(**SMALL, max_epochs=1), random_state=0
    ).fit(corpus)
    assert other.digest() != surrogate.digest()


def test_weights_survive_pickling_and_freezing(surrogate, corpus):
    X, _, contexts = corpus.cost_examples()
    expected = surrogate.predictor_.predict(X[:9], contexts=contexts)
    copy = clone(FrozenEstimator(pickle.loads(pickle.dumps(surrogate))))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = copy.predictor_.predict(X[:9], contexts=contexts)
    np.testing.assert_array_equal(again, expected)


def test_the_training_data_are_not_pickled(surrogate):
    assert surrogate.predictor_.net_.module_.bank is None
    assert surrogate.predictor_.net_.train_split is None
    assert surrogate.predictor_.net_.iterator_train__sampler is None


def test_an_unfitted_predictor_says_so(corpus):
    X, _, contexts = corpus.cost_examples()
    with pytest.raises(NotFittedError):
        CostPredictor().predict(X, contexts=contexts)


def test_bad_input_is_named(corpus, surrogate):
    X, y, contexts = corpus.cost_examples()
    small = CostPredictor(**SMALL, max_epochs=1, n_fcd_bins=N_BINS)
    with pytest.raises(ValueError, match="three columns"):
        small.fit(X, y[:, 0], contexts=contexts)
    with pytest.raises(ValueError, match="3 \\* n_rois \\+ 3 = 15 columns"):
        small.fit(X[:, 1:], y, contexts=contexts)
    with pytest.raises(ValueError, match="row numbers of contexts"):
        small.fit(X + 100, y, contexts=contexts)
    with pytest.raises(ValueError, match="multiple of twice n_heads"):
        clone(small).set_params(d_model=18).fit(X, y, contexts=contexts)
    with pytest.raises(ValueError, match="in and out of range"):
        WithinRangeClassifier(**SMALL, n_fcd_bins=N_BINS).fit(
            X, np.ones(len(X), bool), contexts=contexts
        )
    with pytest.raises(ValueError, match="fitted on 4 regions"):
        surrogate.predictor_.predict(X, contexts=np.zeros((1, 5 * 4 + N_BINS)))
