import numpy as np
import pytest

from delssome.connectome import edges_to_matrix, matrix_to_edges, prepare_sc


def test_prepared_sc_is_logarithmic_with_the_published_maximum():
    sc = edges_to_matrix([0.0, 1.0, 1000.0])
    prepared = matrix_to_edges(prepare_sc(sc))
    np.testing.assert_allclose(prepared, [0, 0, 0.02])
    sc = edges_to_matrix([10.0, 100.0, 1000.0])
    np.testing.assert_allclose(
        matrix_to_edges(prepare_sc(sc)), np.array([1, 2, 3]) / 3 * 0.02
    )
    np.testing.assert_allclose(
        matrix_to_edges(prepare_sc(sc, transform=None)), [0.0002, 0.002, 0.02]
    )


def test_counts_are_prepared_as_published_to_the_last_bit(counts):
    published = np.where(counts > 1, np.log(np.maximum(counts, 1.0)), 0.0)
    published *= 0.02 / published.max()
    np.testing.assert_array_equal(prepare_sc(counts), published)


@pytest.mark.parametrize("factor", [0.02, 1e-6, 7.3, 1e4])
def test_weights_of_any_unit_are_prepared_as_the_counts_they_are(counts, factor):
    prepared = prepare_sc(counts * factor, "log_weights")
    np.testing.assert_array_equal(prepared, prepare_sc(counts))


def test_weights_that_are_no_multiples_do_not_depend_on_their_unit(counts, rng):
    noise = rng.lognormal(0.0, 0.3, counts.shape)
    weights = counts * np.sqrt(noise * noise.T)
    one, other = (prepare_sc(weights * unit, "log_weights") for unit in (1.0, 3e-4))
    np.testing.assert_allclose(one, other, rtol=1e-12)  # rounding of the product
    weights_of_one = np.corrcoef(one.ravel(), prepare_sc(counts).ravel())[0, 1]
    assert weights_of_one > 0.98


def test_a_stack_is_prepared_one_by_one(counts):
    both = prepare_sc(np.stack([counts, counts * 0.5]), "log_weights")
    np.testing.assert_array_equal(both[0], both[1])


@pytest.mark.parametrize(
    ("unlike", "reason"),
    [
        (lambda counts: counts * 0.02, "of 780 connections of sc are below 1"),
        (lambda counts: 100 * counts / counts.sum(axis=1).mean(), "are below 1"),
        (lambda counts: counts / 1e6, "largest entry of sc"),
        (lambda counts: np.log(np.maximum(counts, 1)), "logarithmic already"),
        (lambda counts: np.ceil(np.log10(counts + 1)).clip(0, 3), "a rating"),
    ],
    ids=["SIFT2", "percent", "by volume", "logarithms", "ratings"],
)
def test_what_is_no_count_is_refused_with_the_remedy(counts, unlike, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        prepare_sc(unlike(counts))
    assert "log_weights" in str(caught.value)
    assert "sc_transform=None" in str(caught.value)


def test_a_few_connections_below_one_are_lost_with_a_word(counts):
    i, j = np.argwhere(np.triu(counts) > 0)[0]
    counts[i, j] = counts[j, i] = 0.4
    with pytest.warns(UserWarning, match="1 of 780 connections of sc are below 1"):
        prepare_sc(counts)


@pytest.fixture
def counts(rng):
    """Give a full connectome of whole numbers, of which some are 1."""
    drawn = np.ceil(rng.lognormal(3.0, 2.0, (40, 40)))
    drawn = np.triu(drawn, 1)
    return drawn + drawn.T
