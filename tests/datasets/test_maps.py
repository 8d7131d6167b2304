"""Maps of regions: aligned by name, and no label or index among them."""

import numpy as np
import pandas as pd
import pytest

from delssome.datasets import read_maps

NAMES = list("abcde")


@pytest.fixture
def write(tmp_path, rng):
    def make(**columns):
        frame = pd.DataFrame({"myelin": rng.random(5), **columns}, index=NAMES)
        frame.to_csv(tmp_path / "maps.csv")
        return tmp_path / "maps.csv", frame

    return make


def test_maps_are_aligned_by_name(write):
    path, frame = write(gradient=[3.0, 1.0, 2.0, 9.0, -1.0])
    table = read_maps(path, ["e", "a", "c"])
    np.testing.assert_allclose(table.values, frame.loc[["e", "a", "c"]])
    assert table.columns == ("myelin", "gradient")
    assert "order of regions changed" in table.notes[0]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([2.0] * 5, r"column 2 \(x\) has one value, 2, for all regions"),
        ([1, 2, 3, 4, 5], r"column 2 \(x\) counts or codes the regions"),
        ([2001, 2002, 2101, 2102, 2111], r"column 2 \(x\) counts or codes"),
    ],
)
def test_a_constant_or_a_column_of_labels_is_no_map(write, column, message):
    path, _ = write(x=column)
    with pytest.raises(ValueError, match=message):
        read_maps(path, NAMES)


def test_maps_without_names_have_one_row_for_each_region(tmp_path, rng):
    np.savetxt(tmp_path / "maps.csv", rng.random((5, 2)), delimiter=",")
    with pytest.raises(ValueError, match="one row for each of the 4 regions"):
        read_maps(tmp_path / "maps.csv", NAMES[:4])
    assert "order assumed" in read_maps(tmp_path / "maps.csv", NAMES).notes[0]
