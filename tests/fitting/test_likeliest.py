import numpy as np
import pytest
from scipy import stats

from delssome import FIC, Acquisition, Hopf
from delssome.connectome import prepare_sc, unpack_subjects
from delssome.datasets import make_cohort
from delssome.fitting.expecting import Expecting, Scans
from delssome.fitting.likeliest import DensityOfFC, most_likely
from delssome.models import ParameterSpace
from delssome.theory import fisher_z

SCAN = Acquisition(n_frames=200, window=40)


@pytest.fixture(scope="module")
def world():
    """A connectome of a group, those of subjects, maps, and coefficients in range."""
    made = make_cohort(3, 8, acquisition=SCAN, n_fcd_bins=50, random_state=0)
    own = prepare_sc(unpack_subjects(made.X, 50).sc)
    return own.mean(axis=0), own, made.maps


def expected(space, scan, own):
    """Some coefficients, and the FC that theory expects of them."""
    expecting = Expecting(space, scan)
    rng = np.random.default_rng(1)
    while True:
        theta = space.theta(space.start(rng))
        said = expecting.theory.statistics(
            space.candidates(np.repeat(theta[None], len(own), axis=0), own)
        )
        inside = space.feasible(theta[None])[0] and (said.violation == 0).all()
        if inside and said.fc.std() > 0.05:
            return theta, said.fc


@pytest.mark.slow
@pytest.mark.parametrize("model", [FIC(), Hopf()], ids=lambda model: model.name)
def test_what_was_expected_is_found_again(world, model):
    sc, own, maps = world
    space, scan = ParameterSpace(model, maps), SCAN.for_model(model)
    scans = Scans(own, expected(space, scan, own)[1])
    found = most_likely(space, scan, sc, scans, np.random.default_rng(0))
    # Far within the noise of one scan, which leaves 1.
    assert found.unexplained(scans).max() < 0.02
    assert found.scale == pytest.approx(found.unexplained(scans).mean())


def test_density_is_that_of_a_normal(world):
    sc, own, maps = world
    space = ParameterSpace(FIC(), maps)
    theta, fc = expected(space, SCAN, own)
    expecting = Expecting(space, SCAN)
    root = expecting.root(theta, sc)
    noise = np.random.default_rng(0).normal(0.0, 0.1, fc.shape)
    scans = Scans(own, np.tanh(fisher_z(fc) + noise))
    density = DensityOfFC(expecting, theta, sc, root, scale=1.3)
    normal = stats.multivariate_normal(np.zeros(len(root)), 1.3 * root @ root.T)
    assert density.log_likelihood(scans) == pytest.approx(normal.logpdf(noise))
    left = np.square(np.linalg.solve(root, noise.T)).mean(axis=0)
    assert density.unexplained(scans) == pytest.approx(left)


def test_without_a_stable_state_nothing_is_likely(world):
    sc, own, maps = world
    model = FIC(w_EE=(9.0, 10.0), w_EI=(1.0, 1.5), G=(9.0, 10.0))
    space = ParameterSpace(model, maps[:, :1])
    fc = np.full((len(own), 28), 0.3)
    rng = np.random.default_rng(0)
    assert most_likely(space, SCAN, sc, Scans(own, fc), rng) is None


def test_a_connectome_without_stable_state_gives_way_to_that_of_the_group(world):
    sc, own, maps = world
    space = ParameterSpace(FIC(), maps)
    theta, fc = expected(space, SCAN, own)
    expecting = Expecting(space, SCAN)
    density = DensityOfFC(expecting, theta, sc, expecting.root(theta, sc))
    strong = np.concatenate([own[:1], 40.0 * own[1:2]])
    assert np.isnan(expecting.z(theta[None], strong)[1]).all()
    found = density.log_likelihood(Scans(strong, fc[:2]))
    assert found[0] == density.log_likelihood(Scans(own[:1], fc[:1]))[0]
    assert found[1] == density.log_likelihood(Scans(sc[None], fc[1:2]))[0]
