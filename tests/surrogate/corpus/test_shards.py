import json
from dataclasses import replace

import numpy as np
import pytest

from delssome import Acquisition
from delssome.exceptions import StorageWarning
from delssome.surrogate import (
    CircuitSurrogate,
    CorpusSettings,
    build_corpus,
    read_shard,
    synthetic_group,
)

SCAN = Acquisition(tr=2.0, n_frames=60, window=15, burn_in=20.0, warm_up=6.0)
SETTINGS = CorpusSettings(
    popsize=8,
    n_generations=3,
    n_spread=12,
    n_edge=4,
    n_samples=2,
    n_simulated=3,
    n_repeats=2,
)


@pytest.fixture(scope="module")
def groups():
    given = {"n_rois": 10, "n_subjects": 2, "acquisition": SCAN}
    return [(synthetic_group, given | {"seed": seed}) for seed in (0, 1)]


@pytest.fixture(scope="module")
def corpus(groups, tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    return folder, build_corpus(folder, groups, SETTINGS)


def test_shards_hold_labels_of_theory_and_simulation(corpus):
    folder, manifest = corpus
    assert len(manifest.shards) == 2
    shard = read_shard(folder / manifest.shards[0]["file"])
    n = 8 * 3 + 12 + 4
    assert shard.w_EE.shape == (n, 10)
    assert shard.fc.shape == (n, 45)
    assert shard.cdf.shape == (n, 400)
    assert shard.sc.shape == (10, 10)
    assert shard.runs_fc.shape == (3, 2, 45)
    settled = np.isfinite(shard.fc[:, 0])
    assert settled[shard.simulated].all()
    inside = shard.violation == 0
    assert inside.any()
    np.testing.assert_allclose(shard.cdf[inside, -1], 1.0)
    assert manifest.shards[0]["n_candidates"] == n
    assert manifest.shards[0]["n_simulations"] == 6


def test_a_surrogate_leads_to_what_is_labelled(corpus, groups, tmp_path):
    folder, manifest = corpus
    files = [folder / shard["file"] for shard in manifest.shards]
    searcher = CircuitSurrogate(n_steps=3, random_state=0).fit(files)
    settings = replace(SETTINGS, n_found=10, n_spread=0, n_edge=0, n_simulated=0)
    led = build_corpus(tmp_path, groups[:1], settings, searcher=searcher, n_jobs=2)
    shard = read_shard(tmp_path / led.shards[0]["file"])
    assert led.shards[0]["n_candidates"] == len(shard.G) == 8
    assert led.shards[0]["n_simulations"] == 0
    assert len(np.unique(shard.G)) == 8
    with pytest.raises(ValueError, match="shards with other settings"):
        build_corpus(tmp_path, groups[:1], settings)


def test_an_interrupted_corpus_is_finished_and_nothing_is_made_twice(corpus, groups):
    folder, manifest = corpus
    files = [folder / shard["file"] for shard in manifest.shards]
    kept = files[0].stat().st_mtime_ns
    files[1].unlink()
    again = build_corpus(folder, groups, SETTINGS)
    assert files[0].stat().st_mtime_ns == kept
    assert [s["sha256"] for s in again.shards] == [s["sha256"] for s in manifest.shards]
    assert not list(folder.glob(".*"))
    assert json.loads((folder / "manifest.json").read_text())["shards"] == again.shards


def test_a_damaged_shard_is_made_anew_and_the_same(corpus, groups):
    folder, manifest = corpus
    files = [folder / shard["file"] for shard in manifest.shards]
    content = files[0].read_bytes()
    damaged = bytearray(content)
    damaged[len(content) // 2] ^= 1
    files[0].write_bytes(damaged)
    with pytest.raises(ValueError, match=f"{files[0].name} is damaged"):
        read_shard(files[0])
    with pytest.warns(StorageWarning, match=f"{files[0].name} is damaged"):
        again = build_corpus(folder, groups, SETTINGS)
    assert files[0].read_bytes() == content
    assert again.shards == manifest.shards


def test_a_shard_of_another_group_is_none(corpus, groups):
    folder, manifest = corpus
    one, other = (folder / shard["file"] for shard in manifest.shards)
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    with pytest.warns(StorageWarning, match="of another group"):
        build_corpus(folder, groups, SETTINGS)
    assert one.read_bytes() == content


def test_shards_do_not_depend_on_workers_or_order(corpus, groups, tmp_path):
    _, manifest = corpus
    again = build_corpus(tmp_path, groups[::-1], SETTINGS, n_jobs=2)
    hashes = {s["file"]: s["sha256"] for s in manifest.shards}
    assert {s["file"]: s["sha256"] for s in again.shards} == hashes


def test_a_folder_of_other_settings_is_refused(corpus, groups):
    folder, _ = corpus
    with pytest.raises(ValueError, match="shards with other settings"):
        build_corpus(folder, groups, CorpusSettings(popsize=9))
