import numpy as np
import pytest

pd = pytest.importorskip("pandas")
pytest.importorskip("formulaic")

from delssome.study import retest  # noqa: E402
from delssome.study.retest import icc_of  # noqa: E402

MEAN = ("mean", "mean")
# Four judges of six targets: table 2 of Shrout & Fleiss 1979.
JUDGES = [
    [9, 6, 8, 7, 10, 6],
    [2, 1, 4, 1, 5, 2],
    [5, 3, 6, 2, 6, 4],
    [8, 2, 8, 6, 9, 7],
]


@pytest.fixture
def scans(rng):
    subjects = rng.normal(2.5, 0.2, (10, 40)) + rng.normal(0, 0.2, (10, 1))
    return [subjects + rng.normal(0, 0.1, (10, 40)) for _ in range(2)]


@pytest.mark.parametrize(
    ("n_judges", "expected", "interval"),
    [  # 0.29 stands in their table 4; all is what pingouin 0.7.0 gives as ICC(A,1)
        (4, 0.289764, (0.02, 0.76)),
        (2, 0.125654, (-0.02, 0.60)),
    ],
)
def test_the_icc_is_that_of_the_textbook(n_judges, expected, interval):
    icc, low, high = icc_of(np.array(JUDGES[:n_judges], dtype=float), 0.95)
    assert icc == pytest.approx(expected, abs=1e-6)
    assert (low, high) == pytest.approx(interval, abs=0.0051)  # two decimals


def test_subjects_are_told_apart(scans):
    found = retest(*scans)
    assert found.similarity.shape == (10, 10)
    assert found.within.min() > found.between.max()
    assert found.identified == 1.0
    assert found.icc.loc[MEAN, "icc"] > 0.9
    # ICC of values with known variances: 0.08 between subjects, 0.01 within.
    regions = found.icc.loc["region"]
    assert regions["icc"].median() == pytest.approx(0.08 / 0.09, abs=0.05)
    assert (regions["low"] < regions["icc"]).all()
    assert (regions["icc"] < regions["high"]).all()


def test_noise_is_nobody(rng):
    noise = retest(*rng.normal(size=(2, 10, 40)))
    assert abs(noise.icc.loc["region", "icc"].median()) < 0.25


def test_names_of_subjects_and_regions_are_kept(scans):
    who, regions = [f"sub-{k}" for k in range(10)], [f"parcel {k}" for k in range(40)]
    first, second = (pd.DataFrame(x, index=who, columns=regions) for x in scans)
    first.iloc[2] = np.nan
    found = retest(first, second, networks=dict.fromkeys(regions, "Vis"))
    assert found.icc.loc["region"].index.tolist() == regions
    assert ("network", "Vis") in found.icc.index
    assert found.similarity.index.tolist() == who[:2] + who[3:]


def test_data_frames_are_brought_into_one_order(scans):
    first, second = (
        pd.DataFrame(x).rename(index="sub-{}".format, columns="parcel {}".format)
        for x in scans
    )
    mixed = second.sample(frac=1, random_state=0).sample(frac=1, axis=1, random_state=0)
    assert retest(first, mixed).identified == retest(*scans).identified
    with pytest.raises(ValueError, match="their index differ"):
        retest(first, second[1:])


def test_what_covariates_explain_identifies_nobody(rng):
    age = rng.uniform(8, 80, 40)
    fall = np.linspace(0.0, 0.05, 30) * age[:, None]
    scans = [fall + rng.normal(0, 0.3, fall.shape) for _ in range(2)]
    plain = retest(*scans)
    without = retest(*scans, subjects={"age": age}, covariates="age")
    assert plain.icc.loc[MEAN, "icc"] > 0.8
    assert without.icc.loc[MEAN, "icc"] < 0.4


@pytest.mark.parametrize(
    ("change", "more", "message"),
    [
        (lambda x: x[:9], {}, "same subjects and regions"),
        (lambda x: x, {"covariates": "age"}, "needs subjects"),
        (lambda x: x[:, :9], {}, "same subjects and regions"),
        (lambda x: np.full_like(x, np.nan), {}, "three subjects"),
    ],
)
def test_bad_input_is_named(scans, change, more, message):
    with pytest.raises(ValueError, match=message):
        retest(scans[0], change(scans[1]), **more)
