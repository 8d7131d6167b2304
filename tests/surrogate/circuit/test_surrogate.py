import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from delssome import FIC, MFM, Acquisition, Hopf
from delssome.costs import cost_terms, expected_cost_terms
from delssome.evaluation import Evaluator, Target
from delssome.models import Candidates
from delssome.surrogate import (
    CircuitSurrogate,
    CorpusSettings,
    build_corpus,
    read_shard,
    synthetic_group,
)
from delssome.surrogate.shard import model_of_shard, scan_of_shard
from delssome.theory import TheoryEvaluator

SCAN = Acquisition(tr=2.0, n_frames=100, window=20, burn_in=20.0, warm_up=6.0)
SETTINGS = CorpusSettings(
    popsize=16,
    n_generations=8,
    n_spread=60,
    n_edge=20,
    n_samples=2,
    n_simulated=2,
    n_repeats=1,
)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    given = {"n_rois": 12, "n_subjects": 2, "acquisition": SCAN}
    groups = [(synthetic_group, given | {"seed": seed}) for seed in (0, 1)]
    manifest = build_corpus(folder, groups, SETTINGS)
    return [folder / shard["file"] for shard in manifest.shards]


@pytest.fixture(scope="module")
def fitted(shards):
    return CircuitSurrogate(SCAN, n_steps=150, random_state=0).fit(shards)


@pytest.fixture(scope="module")
def group():
    return synthetic_group(5, n_rois=14, n_subjects=2, acquisition=SCAN)


@pytest.fixture(scope="module")
def candidates(group):
    """Half of them stable, half not."""
    rng = np.random.default_rng(0)
    w_EE = np.where(np.arange(40) < 20, 2.5, 8.0)[:, None]
    params = {
        "w_EE": w_EE + rng.uniform(0.0, 1.0, (40, 14)),
        "w_EI": rng.uniform(2.0, 3.0, (40, 14)),
        "G": rng.uniform(0.2, 3.0, 40),
        "sigma": rng.uniform(0.002, 0.008, (40, 14)),
    }
    return Candidates(FIC(), params, group.target.sc)


def test_training_lowers_every_loss(fitted):
    for losses in fitted.history_.values():
        assert losses[-30:].mean() < losses[:30].mean()


def test_a_seed_determines_the_training(shards):
    fits = [CircuitSurrogate(n_steps=5, random_state=1).fit(shards) for _ in range(2)]
    for name, losses in fits[0].history_.items():
        np.testing.assert_array_equal(losses, fits[1].history_[name])


def test_other_sizes_are_predicted_and_unstable_candidates_are_out(
    fitted, group, candidates
):
    statistics = fitted.statistics(candidates)
    theory = TheoryEvaluator(FIC(), SCAN, n_samples=0)
    expected = theory.statistics(candidates, np.random.default_rng(0))
    stable = np.isfinite(statistics.fc[:, 0])
    settled = np.isfinite(expected.fc[:, 0])
    assert (stable | ~settled).all()
    assert settled.any()
    gap = np.abs(statistics.fc - expected.fc)[settled]
    assert gap.mean() < 0.05
    assert (statistics.p_in_range[~stable] < 0.1).all()
    evaluation = fitted.evaluate(candidates, group.target)
    assert (evaluation.violation[~stable] > 1).all()
    assert np.isfinite(statistics.error[stable]).all()
    # A search among them can tell which are nearer to stability.
    assert len(np.unique(evaluation.violation[~stable])) == (~stable).sum()


def test_costs_are_those_of_the_predicted_statistics(fitted, group, candidates):
    statistics = fitted.statistics(candidates)
    stable = np.isfinite(statistics.fc[:, 0])
    points = np.linspace(-1, 1, 401)[1:]
    bins = np.linspace(-1, 1, len(group.target.fcd_cdf) + 1)[1:]
    expected = cost_terms(
        statistics.fc[stable],
        statistics.fcd_cdf[stable],
        group.target.fc,
        np.interp(points, bins, group.target.fcd_cdf),
    )
    costs = fitted.evaluate(candidates, group.target).costs[stable]
    np.testing.assert_allclose(costs[:, 1:], expected[:, 1:], atol=1e-4)
    pattern = statistics.fc[stable].var(axis=1)
    dilution = np.sqrt(pattern / (pattern + statistics.fc_noise[stable] / 3))
    np.testing.assert_allclose(
        1 - costs[:, 0], (1 - expected[:, 0]) * dilution, atol=1e-3
    )


def test_expected_errors_are_of_the_size_of_errors(fitted, shards):
    shard = read_shard(shards[0])
    inside = np.flatnonzero(shard.violation == 0)
    params = {name: shard[name][inside] for name in FIC.searched}
    target = Target(shard.sc, shard.target_fc, shard.target_cdf)
    candidates = Candidates(FIC(), params, target.sc)
    expected = expected_cost_terms(
        shard.fc[inside].astype(float),
        shard.cdf[inside],
        shard.fc_noise[inside] / 3,
        target.fc,
        target.fcd_cdf,
    )
    error = np.abs(fitted.evaluate(candidates, target).costs - expected).mean(axis=0)
    said = fitted.statistics(candidates).error
    np.testing.assert_array_equal(
        fitted.expected_error(candidates, target), said.sum(axis=1)
    )
    ratio = error / said.mean(axis=0)
    assert (ratio > 0.15).all()  # expected are errors on other groups: larger
    assert (ratio < 3).all()


def test_training_goes_on_from_given_weights(fitted, shards):
    short = CircuitSurrogate(SCAN, n_steps=20, lr=1e-4, random_state=0)
    alone = clone(short).fit(shards).history_
    on = short.fit(shards, start=fitted).history_
    assert all(on[name].mean() < alone[name].mean() for name in on)


def test_contexts_unlike_the_corpus_are_named(fitted, group, shards):
    shard = read_shard(shards[0])
    known = Target(shard.sc, shard.target_fc, shard.target_cdf)
    assert fitted.outside(known) == []
    random = np.random.default_rng(0).random((12, 12)) * 0.02
    random = np.triu(random, 1) + np.triu(random, 1).T
    unlike = fitted.outside(known._replace(sc=random))
    assert any(text.startswith("SC density 1 (corpus") for text in unlike)
    slower = clone(fitted).set_params(acquisition=Acquisition(tr=9.0, n_frames=100))
    slower.network_, slower.domain_ = fitted.network_, fitted.domain_
    slower.models_ = fitted.models_
    assert any("TR (s) 9" in text for text in slower.outside(known))


def test_candidates_do_not_know_of_each_other(fitted, group, candidates):
    together = fitted.evaluate(candidates, group.target)
    for k in (0, 7):
        one = fitted.evaluate(candidates.select(slice(k, k + 1)), group.target)
        np.testing.assert_allclose(one.costs[0], together.costs[k], atol=1e-4)


def test_connectomes_may_differ_between_candidates(fitted, group, candidates):
    few = candidates.select(slice(3))
    stack = np.repeat(group.target.sc[None], 3, axis=0)
    own = Candidates(FIC(), few.params, stack)
    np.testing.assert_allclose(
        fitted.evaluate(own, group.target).costs,
        fitted.evaluate(few, group.target).costs,
        atol=1e-5,
    )


def test_weights_come_back_as_they_were(fitted, group, candidates, tmp_path):
    fitted.save(tmp_path, note="a test")
    loaded = CircuitSurrogate.load(tmp_path, acquisition=SCAN)
    assert loaded.card_["note"] == "a test"
    assert loaded.card_["models"] == loaded.models_ == ["FIC"]
    assert loaded.digest() == loaded.card_["sha256"] == fitted.digest()
    again = CircuitSurrogate.load(tmp_path, acquisition=SCAN)
    assert again.net_ is again.net_  # in torch, and as such pickled
    copy = pickle.loads(pickle.dumps(again))
    assert copy.network_._module is None
    for surrogate in (loaded, again, copy, pickle.loads(pickle.dumps(fitted))):
        np.testing.assert_array_equal(
            surrogate.evaluate(candidates, group.target).costs,
            fitted.evaluate(candidates, group.target).costs,
        )


def test_weights_that_are_changed_in_torch_are_those_it_predicts_by(
    fitted, group, candidates
):
    changed = pickle.loads(pickle.dumps(fitted))
    known = changed.evaluate(candidates, group.target).costs[:20]
    with torch.no_grad():
        changed.net_.mix += 0.1
    found = changed.evaluate(candidates, group.target).costs[:20]
    assert (found != known).any()
    assert changed.digest() != fitted.digest()


def test_changed_weights_are_refused(fitted, tmp_path):
    fitted.save(tmp_path)
    file = tmp_path / "circuit.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(ValueError, match="SHA-256"):
        CircuitSurrogate.load(tmp_path)
    fitted.save(tmp_path)
    card = json.loads((tmp_path / "circuit.json").read_text())
    assert card["width"] == fitted.width
    for change, said in (({"architecture": 1}, "another version of the network"),):
        (tmp_path / "circuit.json").write_text(json.dumps(card | change))
        with pytest.raises(ValueError, match=said):
            CircuitSurrogate.load(tmp_path)


def test_unfitted_and_empty_are_errors(group, candidates):
    surrogate = CircuitSurrogate()
    with pytest.raises(NotFittedError):
        surrogate.evaluate(candidates, group.target)
    with pytest.raises(ValueError, match="at least one shard"):
        surrogate.fit([])
    assert clone(surrogate).get_params()["n_steps"] == 10_000


class Quicker(FIC):
    """The model with equations of its own."""

    @staticmethod
    def derivatives(*given):
        return tuple(2 * x for x in FIC.derivatives(*given))


class Bounded(FIC):
    """The model with a constraint of its own."""

    def constrain(self, params, maps):
        return params["G"] < 2.0


def test_models_of_another_form_are_refused(fitted):
    assert isinstance(fitted, Evaluator)
    for model in (FIC(), FIC(w_EE=(2.0, 4.0), map_signs=(-1, 1)), Bounded(), MFM()):
        fitted.check(model)
    with pytest.raises(ValueError, match="cannot serve the Hopf model") as refused:
        fitted.check(Hopf())
    for word in ("couple", "'linear'", "surrogate=None"):
        assert word in str(refused.value)
    with pytest.raises(TypeError, match="model must be a model"):
        fitted.check("FIC")
    with pytest.raises(ValueError, match="Hopf"):
        CircuitSurrogate(model=Hopf()).fit(["shard.npz"])


def test_models_unlike_the_corpus_are_named(fitted, group):
    def said(model):
        asked = clone(fitted).set_params(model=model)
        asked.network_, asked.domain_ = fitted.network_, fitted.domain_
        asked.models_ = fitted.models_
        return " ".join(asked.outside(group.target))

    assert "model" not in said(FIC())
    assert "model" not in said(Bounded())
    assert "model MFM" in said(MFM())
    assert "model Quicker" in said(Quicker())
    # The same equations in a regime that no candidate of the corpus was in.
    assert "model: " in said(FIC(target_rate=30.0))


def test_one_network_learns_several_models_and_pipelines(tmp_path):
    scans = [SCAN, replace(SCAN, band=(0.01, 0.1), global_signal=True)]
    groups = [
        (synthetic_group, {"n_rois": 10, "n_subjects": 2, "seed": 7} | given)
        for given in (
            {"acquisition": scans[0]},
            {"acquisition": scans[1], "model": MFM()},
        )
    ]
    settings = replace(SETTINGS, n_generations=2, n_spread=12, n_edge=4, n_simulated=0)
    manifest = build_corpus(tmp_path, groups, settings)
    files = [tmp_path / shard["file"] for shard in manifest.shards]
    shard = read_shard(files[1])
    assert isinstance(model_of_shard(shard), MFM)
    scan = scan_of_shard(shard)
    assert (scan.band, scan.global_signal, scan.tr) == ((0.01, 0.1), True, SCAN.tr)
    both = CircuitSurrogate(scans[1], MFM(), n_steps=3, random_state=0).fit(files)
    assert both.models_ == ["FIC", "MFM"]
    target = Target(shard.sc, shard.target_fc, shard.target_cdf)
    assert both.outside(target) == []
    candidates = Candidates(MFM(), {n: shard[n][:4] for n in MFM.searched}, shard.sc)
    # Regions whose sum was taken out: FC is low.
    assert np.nanmean(both.statistics(candidates).fc) < 0.1


def test_statistics_are_those_of_all_evaluators(fitted, group, candidates):
    statistics = fitted.statistics(candidates)
    assert statistics.averages == {}
    assert statistics.readout is None
    evaluation = fitted.evaluate(candidates, group.target)
    np.testing.assert_array_equal(statistics.violation, evaluation.violation)
    compared = statistics.compare(group.target, fitted.n_repeats)
    # The network's points of the FCD distribution are single precision.
    np.testing.assert_allclose(evaluation.costs, compared.costs, atol=1e-6)


def test_batches_do_not_matter(fitted, group, candidates):
    many = candidates.select(np.tile(np.arange(40), 4))  # more than one batch
    once, often = (fitted.statistics(x) for x in (candidates, many))
    np.testing.assert_allclose(often.fc, np.tile(once.fc, (4, 1)), atol=1e-5)
    np.testing.assert_array_equal(often.violation > 0, np.tile(once.violation, 4) > 0)


def test_connectomes_that_are_not_symmetric_are_refused(fitted, group, candidates):
    lopsided = group.target.sc.copy()
    lopsided[0, 1] += 1e-3
    with pytest.raises(ValueError, match="sc must be symmetric"):
        fitted.statistics(Candidates(FIC(), candidates.params, lopsided))
