from pathlib import Path

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


def test_the_largest_entry_can_be_set(counts):
    stack = np.stack([counts, 3.0 * counts])
    for transform in ("log", "log_weights", None):
        prepared = prepare_sc(stack, transform, max_value=0.5)
        np.testing.assert_allclose(prepared.max(axis=(1, 2)), 0.5)
    for value in (0.0, 1e10):
        with pytest.raises(ValueError, match="max_value must be a number between"):
            prepare_sc(counts, max_value=value)


def test_an_unknown_transform_is_named(counts):
    with pytest.raises(ValueError, match=r"must be 'log' .* got 'sqrt'"):
        prepare_sc(counts, "sqrt")


def test_every_connectome_of_a_stack_must_be_of_counts(counts):
    small = edges_to_matrix([1.0, 2.0, 20.0])
    assert prepare_sc(small).max() == pytest.approx(0.02)
    for largest in (19.9, 1.0):
        with pytest.raises(ValueError, match=f"largest entry of sc is {largest:.4g}:"):
            prepare_sc(np.stack([small, small * largest / 20.0]))


@pytest.mark.parametrize(("n_below", "refused"), [(4, False), (5, True)])
def test_a_tenth_of_the_connections_may_be_below_1(n_below, refused):
    edges = np.full(45, 30.0)
    edges[:n_below] = 0.5
    stack = edges_to_matrix([np.full(45, 30.0), edges])
    said = f"{n_below} of 45 connections of sc are below 1"
    if refused:
        with pytest.raises(ValueError, match=said):
            prepare_sc(stack)
    else:
        with pytest.warns(UserWarning, match=said) as caught:
            prepared = prepare_sc(stack)
        assert Path(caught[0].filename) == Path(__file__)
        assert (matrix_to_edges(prepared[1])[:n_below] == 0).all()


def test_single_streamlines_are_no_loss(counts):
    assert (counts == 1.0).any()
    prepare_sc(counts)  # without a warning


def test_weights_without_a_unit_lose_the_weakest(rng):
    weights = rng.lognormal(0.0, 2.0, 100 * 99 // 2)
    kept = matrix_to_edges(prepare_sc(edges_to_matrix(weights), "log_weights"))
    assert (kept == 0).mean() == pytest.approx(0.07, abs=1e-3)
    assert weights[kept == 0].max() < weights[kept > 0].min()


def test_multiples_of_a_unit_that_nobody_has_once_are_known(rng):
    counts = edges_to_matrix(rng.integers(4, 400, 780).astype(float))
    prepared = prepare_sc(0.37 * counts, "log_weights")
    np.testing.assert_allclose(prepared, prepare_sc(counts), rtol=1e-12)


def test_near_multiples_are_whole_numbers_up_to_a_twentieth(counts, rng):
    def prepared(off):
        moved = matrix_to_edges(counts)
        moved[moved > 1] += off  # of streamlines
        return prepare_sc(edges_to_matrix(moved), "log_weights")

    np.testing.assert_array_equal(prepared(0.045), prepare_sc(counts))
    assert np.abs(prepared(0.055) - prepare_sc(counts)).max() > 1e-5


def test_few_weights_tell_no_unit():
    """Three weights are near multiples of something by chance."""
    weights = edges_to_matrix([1.0, 2.0, 30.0])
    by_quantile = weights / np.quantile(weights[weights > 0], 0.07)
    expected = np.log(np.maximum(by_quantile, 1.0))
    np.testing.assert_allclose(
        prepare_sc(weights, "log_weights"), expected * 0.02 / expected.max()
    )
