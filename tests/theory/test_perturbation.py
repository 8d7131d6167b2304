"""Spectra, noise and sensitivity of FC of networks in general form."""

from dataclasses import replace

import numpy as np
import pytest

from delssome import Acquisition
from delssome.models import Candidates, Hopf, Linear, ParameterSpace, WilsonCowan
from delssome.observables import fc_edges
from delssome.simulation import simulate
from delssome.theory import (
    Sensitivity,
    Spectra,
    TheoryEvaluator,
    fc_covariance,
    identifiability,
)

N_ROIS = 8
SCAN = Acquisition(n_frames=300, window=40)
EDGES = np.triu_indices(N_ROIS, k=1)

CASES = [(Hopf, False), (WilsonCowan, False), (Linear, True)]


def one_of(kind, given, sc):
    """One candidate with so little noise that the closure changes nothing."""
    if kind is WilsonCowan:
        params = {"c_EE": [12.0], "P": [0.6], "G": [2.0]}
    else:
        params = {name: values[1:2] for name, values in given[kind].items()}
    params = params | {"sigma": np.linspace(0.0005, 0.001, N_ROIS)[None]}
    return Candidates(kind(), params, sc)


@pytest.mark.parametrize(("kind", "is_directed"), CASES)
def test_spectra_give_the_same_fc(kind, is_directed, given, sc, directed):
    candidate = one_of(kind, given, directed if is_directed else sc)
    theory = TheoryEvaluator(kind(), SCAN, n_samples=0)
    expected = theory.statistics(candidate).fc[0]
    found = Spectra.of(candidate, SCAN).fc[EDGES]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)


def test_the_noise_of_fc_is_that_of_scans(given, sc):
    scan = Acquisition(n_frames=300, window=40, burn_in=20.0, warm_up=1.0, dt=0.001)
    candidate = Candidates(Hopf(), given[Hopf], sc).select(slice(2, 3))
    predicted = fc_covariance(candidate, scan)
    fc = fc_edges(simulate(candidate, scan, np.arange(64)[None]).bold[0])
    ratio = np.trace(predicted) / fc.var(axis=0, ddof=1).sum()
    assert 0.8 < ratio < 1.25
    power, modes = np.linalg.eigh(predicted)
    spread = ((fc - fc.mean(axis=0)) @ modes).var(axis=0, ddof=1) / power
    for tenth in np.array_split(spread, 4):
        assert 0.7 < tenth.mean() < 1.4


@pytest.mark.parametrize(("kind", "is_directed"), CASES)
@pytest.mark.parametrize("global_signal", [False, True])
def test_fc_moves_as_it_is_said_to(
    kind, is_directed, global_signal, given, sc, directed
):
    candidate = one_of(kind, given, directed if is_directed else sc)
    scan = Acquisition(n_frames=300, window=40, global_signal=global_signal)
    scan = scan.for_model(kind())
    theory = TheoryEvaluator(kind(), scan, n_samples=0)
    found = Sensitivity.at(Spectra.of(candidate, scan), candidate, EDGES)
    model, sc = candidate.model, candidate.sc

    def difference(params, connectome, size):
        above, below = (
            theory.statistics(Candidates(model, params(sign), connectome(sign))).fc[0]
            for sign in (size, -size)
        )
        return (above - below) / (2 * size)

    def check(derivative, *given):
        exact = difference(*given)
        # Rounding of steady states by differences; WilsonCowan: regions move the rest
        # of their neighbours, which is left out.
        size = (0.15 if kind is WilsonCowan else 0.01) * np.abs(exact).max()
        np.testing.assert_allclose(derivative, exact, rtol=0, atol=size)

    for name in model.searched:
        width = np.ptp(getattr(model, name))
        known = found.regional.get(name)

        def moved(size, name=name, width=width, known=known):
            params = {key: np.array(x) for key, x in candidate.params.items()}
            params[name][0 if known is None else (0, 3)] += size * width
            return params

        derivative = found.shared[name] if known is None else known[3]
        check(derivative, moved, lambda size: sc, 1e-4)
    mutual = candidate.symmetric
    i, j = np.nonzero(np.triu(sc, k=1) if mutual else sc)

    def connected(size):
        other = sc.copy()
        for a, b in [(i[5], j[5]), (j[5], i[5])][: 1 + mutual]:
            other[a, b] *= 1.0 + size
        return other

    check(found.connections[5], lambda size: candidate.params, connected, 1e-3)


def test_what_data_can_know_of_oscillators(sc):
    space = ParameterSpace(Hopf(), np.linspace(-1, 1, N_ROIS))
    theta = [-0.5, 0.1, 3.0, 1.0, 1.0, 0.005, 0.0]
    known = identifiability(space, theta, sc, SCAN, n_scans=16)
    assert (known.readout > 0.001).all()
    assert known.stiffness[0] > 10.0
    said = str(known)
    assert said.startswith("As much as 16 scans know: the mean over regions to +-")
    assert f"upside down with probability {known.p_upside_down:.2f}" in said
    assert f"they decide {(known.stiffness > 1).sum()}, the prior" in said
    alike = replace(known, readout=np.ones_like(known.readout))
    assert "upside down" not in str(alike)  # no pattern to be so
    # How frequencies differ, not how high they are.
    omega_0, omega_1 = (known.sd / known.prior_sd)[[2, 3]]
    assert omega_1 < 0.5 < omega_0
    assert np.isnan(known.relaxation_sd).all()  # regions do not reduce to one number
