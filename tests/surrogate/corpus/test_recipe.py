import numpy as np
import pytest

from delssome import FIC, MFM, Acquisition, Linear
from delssome.connectome import edges_to_matrix, matrix_to_edges
from delssome.exceptions import StorageWarning
from delssome.models import Candidates
from delssome.surrogate import (
    CircuitSurrogate,
    CorpusSettings,
    corpus_groups,
    synthetic_group,
    train,
    varied_group,
)
from delssome.surrogate.circuit.cards import WEIGHTS
from delssome.surrogate.corpus import recipe
from delssome.surrogate.corpus.shards import shard_name
from delssome.theory import TheoryEvaluator


def test_groups_of_the_shipped_weights_differ_and_leave_the_test_scan_out():
    groups = [*corpus_groups(), *corpus_groups(round=1)]
    groups += corpus_groups("validation") + corpus_groups("test")
    assert len({given["seed"] for _, given in groups}) == len(groups) == 2 * 154 + 27
    assert not {given.get("n_rois", 68) for _, given in groups} & {40, 100, 200}
    assert len({shard_name(*group) for group in groups}) == len(groups)
    scans = [given.get("acquisition", Acquisition()) for _, given in groups]
    assert all(scan.tr != 3.0 for scan in scans)
    done = [scan.processing for scan in scans[:154]]
    assert 0.3 < np.mean([len(steps) > 0 for steps in done]) < 0.5
    assert {len(steps) for steps in done} == {0, 1, 2}
    models = [type(given.get("model", FIC())) for _, given in groups[:154]]
    assert {kind: models.count(kind) for kind in (MFM, Linear)} == {MFM: 24, Linear: 8}


def test_training_on_own_groups_ends_in_weights_and_a_card(tmp_path, monkeypatch):
    scan = Acquisition(tr=2.0, n_frames=60, window=15, burn_in=20.0, warm_up=6.0)
    given = {"seed": 0, "n_rois": 10, "n_subjects": 2, "acquisition": scan}
    settings = CorpusSettings(
        popsize=8,
        n_generations=2,
        n_spread=12,
        n_edge=4,
        n_samples=1,
        n_simulated=1,
        n_repeats=1,
    )
    rounds = [[(synthetic_group, given)], [(varied_group, given)]]
    monkeypatch.setattr(recipe, "LED", {"popsize": 8, "n_generations": 3})
    trained = train(tmp_path, groups=rounds, settings=settings, n_steps=8)
    loaded = CircuitSurrogate.load(tmp_path, acquisition=scan)
    assert loaded.card_["n_groups"] == [1, 1]
    assert 8 * 2 + 12 + 8 <= loaded.card_["n_candidates"] <= 8 * 2 + 12 + 4 + 8
    assert list(loaded.card_["shards"].values())
    for name, weights in loaded.net_.state_dict().items():
        np.testing.assert_array_equal(weights, trained.net_.state_dict()[name])

    times = {p: p.stat().st_mtime_ns for p in tmp_path.glob("circuit*")}
    again = train(tmp_path, groups=rounds, settings=settings, n_steps=8)
    assert again.digest() == trained.digest()
    assert {p: p.stat().st_mtime_ns for p in tmp_path.glob("circuit*")} == times
    with pytest.raises(ValueError, match=r"weights with other settings .n_steps: 8"):
        train(tmp_path, groups=rounds, settings=settings, n_steps=9)

    # What is damaged is trained again, to the same.
    for name in ("circuit_0.json", "circuit.safetensors"):
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-9])
    with pytest.warns(StorageWarning, match=r"circuit(_0\.json|\.safetensors) is"):
        again = train(tmp_path, groups=rounds, settings=settings, n_steps=8)
    assert again.digest() == trained.digest()

    (tmp_path / "settings.json").unlink()
    with pytest.raises(ValueError, match="nothing says what they are"):
        train(tmp_path, groups=rounds, settings=settings, n_steps=8)


def test_shipped_weights_know_what_is_unlike_their_corpus():
    shipped = CircuitSurrogate.load()
    target = synthetic_group(78, n_subjects=2).target
    assert shipped.outside(target) == []
    rng = np.random.default_rng(0)

    # FC that has nothing to do with the connectome.
    order = rng.permutation(len(target.sc))
    fc = edges_to_matrix(target.fc)[np.ix_(order, order)]
    for shuffled in (matrix_to_edges(fc), rng.permutation(target.fc)):
        found = " ".join(shipped.outside(target._replace(fc=shuffled)))
        assert "correlation of FC with paths in SC" in found

    dense = edges_to_matrix(rng.uniform(0.0, 0.02, len(target.fc)))
    unlike = " ".join(shipped.outside(target._replace(sc=dense)))
    assert "SC density 1 " in unlike
    assert "SC strength" in unlike

    slow = Acquisition(tr=8.0, n_frames=100, window=20)
    assert any(
        "TR (s) 8" in x for x in CircuitSurrogate.load(acquisition=slow).outside(target)
    )


def test_shipped_weights_predict_what_theory_computes():
    surrogate = CircuitSurrogate.load()
    size = sum(file.stat().st_size for file in WEIGHTS.iterdir())
    assert size < 20 * 2**20
    group = synthetic_group(77, n_rois=30, n_subjects=2)
    rng = np.random.default_rng(0)
    params = {
        "w_EE": rng.uniform(2.0, 4.0, (40, 30)),
        "w_EI": rng.uniform(2.0, 3.0, (40, 30)),
        "G": rng.uniform(0.2, 3.0, 40),
        "sigma": rng.uniform(0.003, 0.008, (40, 30)),
    }
    candidates = Candidates(FIC(), params, group.target.sc)
    theory = TheoryEvaluator(FIC(), Acquisition(), n_samples=16)
    expected = theory.statistics(candidates, rng)
    costs = expected.compare(group.target, theory.n_repeats).costs
    predicted = surrogate.evaluate(candidates, group.target)
    np.testing.assert_array_equal(predicted.in_range, expected.violation == 0)
    inside = predicted.in_range
    assert inside.sum() > 10
    gap = np.abs(predicted.costs - costs)[inside]
    assert gap[:, 0].mean() < 0.02
    assert gap[:, 1].mean() < 0.01
    assert gap[:, 2].mean() < 0.06
