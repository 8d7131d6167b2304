import numpy as np

from delssome.connectome import matrix_to_edges
from delssome.observables import fc_edges, fc_matrix


def test_fc_is_the_pearson_correlation(bold):
    expected = [matrix_to_edges(np.corrcoef(scan.T)) for scan in bold]
    np.testing.assert_allclose(fc_edges(bold), expected, atol=1e-12)
    np.testing.assert_allclose(fc_matrix(bold)[1], np.corrcoef(bold[1].T), atol=1e-12)


def test_integers_and_read_only_arrays_are_taken(bold):
    counts = (bold[0] * 10).astype(int)
    counts.flags.writeable = False
    assert np.isfinite(fc_edges(counts)).all()


def test_identical_signals_correlate_by_1_at_most(rng):
    one = rng.standard_normal(50)
    edges = fc_edges(np.column_stack([one, 3.0 * one, -one]))
    np.testing.assert_allclose(edges, [1, -1, -1], rtol=1e-12)
    assert (np.abs(edges) <= 1).all()
    assert (np.diag(fc_matrix(np.column_stack([one, -one, one**2]))) == 1).all()
