import numpy as np

from delssome.connectome import check_sc, edges_to_matrix


def test_the_diagonal_of_a_connectome_is_ignored():
    sc = edges_to_matrix([1.0, 2.0, 3.0], diagonal=np.nan)
    assert np.diag(check_sc(sc)).tolist() == [0, 0, 0]
