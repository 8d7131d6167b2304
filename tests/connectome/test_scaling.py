import warnings

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


def test_preparing_weights_as_counts_is_refused():
    with pytest.raises(ValueError, match="sc_transform=None"):
        prepare_sc(edges_to_matrix([0.1, 0.2, 0.3]))


def test_a_connectome_that_looks_logarithmic_already_warns():
    with pytest.warns(UserWarning, match="logarithmic already"):
        prepare_sc(edges_to_matrix([2.0, 5.0, 10.4]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepare_sc(edges_to_matrix([2.0, 5.0, 22_760.0]))
