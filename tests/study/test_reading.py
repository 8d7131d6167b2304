import json

import pytest

pd = pytest.importorskip("pandas")
pytest.importorskip("formulaic")

from delssome.study import map_effects, read_population  # noqa: E402


@pytest.fixture
def folder(tmp_path, rng):
    """What a population leaves: people by number, two regions, one failed fit."""
    table = pd.DataFrame({"participant_id": [f"{k:03d}" for k in range(20)]})
    table["age"] = rng.uniform(20, 60, 20)
    table["ei_ratio_mean"] = 2.5
    for name in ("a", "b"):
        table[f"ei_ratio_{name}"] = 3.0 - 0.01 * table["age"] + rng.normal(0, 0.1, 20)
    table.loc[3, ["ei_ratio_a", "ei_ratio_b"]] = None
    table.to_csv(tmp_path / "population.csv", index=False)
    said = {"readout_key": "ei_ratio", "readout_name": "E/I ratio", "model": "FIC"}
    said["region_names"] = ["a", "b"]
    (tmp_path / "summary.json").write_text(json.dumps(said))
    return tmp_path


def test_maps_and_people_have_names(folder):
    found = read_population(folder)
    assert found.maps.columns.tolist() == ["a", "b"]
    assert found.maps.index[:2].tolist() == ["000", "001"]
    assert found.maps.loc["003"].isna().all()
    assert found.subjects.columns.tolist() == ["participant_id", "age"]
    assert found.fitted.columns.tolist() == ["ei_ratio_mean"]
    assert (found.readout_name, found.model) == ("E/I ratio", "FIC")


def test_what_was_read_can_be_asked(folder):
    found = read_population(folder)
    effects = map_effects(found.maps, found.subjects, "age")
    assert effects.loc[("age", "region")].index.tolist() == ["a", "b"]
    assert (effects["n"] == 19).all()


def test_what_is_missing_is_named(folder):
    (folder / "summary.json").write_text("{}")
    with pytest.raises(ValueError, match="does not name regions"):
        read_population(folder)
    (folder / "population.csv").unlink()
    with pytest.raises(ValueError, match=r"population.csv is missing"):
        read_population(folder)
