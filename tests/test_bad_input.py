"""Bad input to every public entry: an error that names it and says what to do, soon."""

import re
import time

import numpy as np
import pytest

from delssome import (
    CMAES,
    FIC,
    MFM,
    Acquisition,
    MeanFieldFitter,
    PopulationFitter,
    Simulator,
    Verification,
    pack_subjects,
    unpack_subjects,
)
from delssome.connectome import (
    average_fc,
    average_fcd_cdf,
    average_sc,
    edges_to_matrix,
    group_average,
    matrix_to_edges,
    prepare_sc,
)
from delssome.costs import cost_terms, fcd_ks_cost
from delssome.datasets import make_cohort, read_matrix, read_subjects
from delssome.models import Candidates, ParameterSpace, check_maps
from delssome.observables import (
    average_runs,
    fc_gradients,
    fc_matrix,
    fcd_cdf,
    fcd_histogram,
    process_bold,
)
from delssome.plotting import (
    FCDDisplay,
    FCDisplay,
    ReadoutDisplay,
    plot_age,
    plot_report,
)
from delssome.simulation import SimulationEvaluator, simulate
from delssome.study import (
    age_groups,
    contrast,
    fit_centiles,
    map_effects,
    retest,
    rotations,
)
from delssome.surrogate import CircuitSurrogate, build_corpus, train
from delssome.theory import TheoryEvaluator, effective_parameters

N, N_BINS = 6, 10
SCAN = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)


def good_sc():
    sc = np.random.default_rng(0).uniform(50, 500, (N, N))
    sc = sc + sc.T
    np.fill_diagonal(sc, 0)
    return sc


def good_fc():
    return np.corrcoef(np.random.default_rng(1).normal(size=(N, 100)))


def constant_fc():
    return np.full((N, N), 0.3) + 0.7 * np.eye(N)


def impossible_fc():
    """Three regions, each against the other two."""
    fc = good_fc()
    fc[:3, :3] = 1.8 * np.eye(3) - 0.8
    return fc


def good_cdf():
    return np.linspace(0.1, 1, N_BINS)


def good_bold():
    return np.random.default_rng(2).normal(size=(60, N))


def changed(array, index, value):
    array = np.array(array, dtype=float)
    array[index] = value
    return array


def subjects(**changes):
    given = {"sc": good_sc(), "fc": good_fc(), "fcd_cdf": good_cdf(), **changes}
    return pack_subjects(given["sc"], given["fc"], given["fcd_cdf"])


def fit(X=None, **settings):
    X = subjects() if X is None else X
    fitter = MeanFieldFitter(
        surrogate=None,
        acquisition=SCAN,
        search=CMAES(popsize=4, max_iter=1),
        simulator=Simulator(n_repeats=1),
        verification=Verification(n_finalists=1),
        n_fcd_bins=N_BINS,
        random_state=0,
    )
    return fitter.set_params(**settings).fit(X)


def disconnected():
    sc = good_sc()
    sc[0] = sc[:, 0] = 0
    return sc


def raw(row, value):
    """A packed row whose entry was changed after packing."""
    X = subjects()
    X[0, row] = value
    return X


def candidate(sc=None, **changes):
    given = {"w_EE": 3.0, "w_EI": 2.5, "sigma": 0.005}
    params = {name: np.full((1, N), value) for name, value in given.items()}
    params = {**params, "G": np.ones(1), **changes}
    return Candidates(FIC(), params, SC if sc is None else sc)


def run(sc=None, seeds=(1,), **changes):
    return simulate(candidate(sc, **changes), SCAN, seeds)


def space():
    return ParameterSpace(FIC(), np.empty((N, 0)))


EDGES = N * (N - 1) // 2
SC = prepare_sc(good_sc())
AGE, MAPS = np.arange(10.0), np.random.default_rng(3).normal(size=(10, N))

# What is called, and what the error has to say.
CASES = {
    # SC
    "sc is text": (lambda: subjects(sc=[["a", "b"]] * 2), "sc"),
    "sc has three axes too many": (lambda: subjects(sc=np.ones((2, 2, 2, 2))), "sc"),
    "sc is not square": (lambda: subjects(sc=good_sc()[:, :4]), "sc"),
    "sc of one region": (lambda: subjects(sc=[[0.0]], fc=[[1.0]]), "regions"),
    "sc is empty": (lambda: subjects(sc=np.empty((0, 0))), "sc"),
    "sc with NaN": (lambda: subjects(sc=changed(good_sc(), (0, 1), np.nan)), "sc"),
    "sc with infinity": (lambda: subjects(sc=changed(good_sc(), (0, 1), np.inf)), "sc"),
    "sc is negative": (lambda: subjects(sc=-good_sc()), "sc"),
    "sc is asymmetric": (lambda: subjects(sc=changed(good_sc(), (0, 1), 1)), "symm"),
    "a region without connections": (lambda: fit(subjects(sc=disconnected())), "SC"),
    "weights taken for counts": (lambda: prepare_sc(good_sc() / 1e4), "sc_transform"),
    "no such transform": (lambda: prepare_sc(good_sc(), "sqrt"), "sc_transform"),
    # FC and FCD
    "fc above one": (lambda: subjects(fc=changed(good_fc(), (0, 1), 2)), "fc"),
    "fc with NaN": (lambda: subjects(fc=changed(good_fc(), (0, 1), np.nan)), "fc"),
    "fc of other regions": (lambda: subjects(fc=np.eye(4)), "fc"),
    "fc is asymmetric": (lambda: subjects(fc=changed(good_fc(), (0, 1), 0.99)), "symm"),
    "fc is a covariance": (
        lambda: subjects(fc=good_fc() * np.outer(np.arange(1, 7), np.arange(1, 7))),
        "covariances",
    ),
    "fc is Fisher's z": (
        lambda: subjects(fc=np.arctanh(good_fc() - 1e-9 * np.eye(N))),
        "Fisher's z",
    ),
    "fc is all zeros": (lambda: subjects(fc=np.zeros((N, N))), "no pattern"),
    "fc is constant": (lambda: subjects(fc=constant_fc()), "no pattern"),
    "fc of no signals": (lambda: subjects(fc=impossible_fc()), "eigenvalue"),
    "cdf that falls": (lambda: subjects(fcd_cdf=good_cdf()[::-1]), "fcd_cdf"),
    "cdf that ends early": (lambda: subjects(fcd_cdf=good_cdf() / 2), "fcd_cdf"),
    "cdf with NaN": (lambda: subjects(fcd_cdf=changed(good_cdf(), 3, np.nan)), "fcd"),
    # BOLD
    "bold of one frame": (lambda: fc_matrix(good_bold()[:1]), "bold"),
    "bold of one region": (lambda: fc_matrix(good_bold()[:, :1]), "bold"),
    "bold with NaN": (
        lambda: subjects(fc=fc_matrix(changed(good_bold(), (3, 2), np.nan))),
        "fc",
    ),
    "a constant region": (
        lambda: subjects(fc=fc_matrix(changed(good_bold(), np.s_[:, 2], 1))),
        "fc",
    ),
    "bold is text": (lambda: fc_matrix([["a"]]), "bold"),
    "window longer than scan": (lambda: fcd_cdf(good_bold(), 61), "window"),
    "window of one frame": (lambda: fcd_cdf(good_bold(), 1), "window"),
    "no bins": (lambda: fcd_histogram(good_bold(), 10, 0), "n_fcd_bins|n_bins"),
    # Packed subjects
    "a row of no parcellation": (lambda: unpack_subjects(np.zeros((1, 17))), "column"),
    "one dimension": (lambda: fit(subjects()[0]), "2D|2-D"),
    "no subjects": (lambda: fit(subjects()[:0]), "sample"),
    "NaN in packed subjects": (lambda: fit(raw(3, np.nan)), "NaN"),
    "negative SC in packed subjects": (lambda: fit(raw(3, -1.0)), "SC"),
    "FC above one in packed subjects": (lambda: fit(raw(EDGES + 2, 3.0)), "FC"),
    "constant FC in packed subjects": (
        lambda: fit(raw(slice(EDGES, 2 * EDGES), 0.3)),
        "no pattern",
    ),
    "FC of no signals in packed subjects": (
        lambda: fit(raw(slice(EDGES, 2 * EDGES), matrix_to_edges(impossible_fc()))),
        "eigenvalue",
    ),
    "a CDF that falls in them": (lambda: fit(raw(2 * EDGES + 4, 0.0)), "FCD"),
    "group of none": (lambda: group_average(subjects()[:0], N_BINS), "X|subject"),
    # Acquisition, model, maps
    "negative TR": (lambda: Acquisition(tr=-1), "tr"),
    "TR is NaN": (lambda: Acquisition(tr=np.nan), "tr"),
    "TR is text": (lambda: Acquisition(tr="2"), "tr"),
    "no frames": (lambda: Acquisition(n_frames=0), "n_frames"),
    "window beyond scan": (lambda: Acquisition(n_frames=40, window=50), "window"),
    "step too long": (lambda: fit(acquisition=Acquisition(dt=0.05)), "dt"),
    "ranges upside down": (lambda: FIC(w_EE=(5.0, 1.0)), "w_EE"),
    "negative target": (lambda: FIC(target_rate=-3), "target_rate"),
    "maps of other regions": (lambda: fit(maps=np.ones((4, 1))), "maps"),
    "a constant map": (lambda: check_maps(np.ones((N, 1))), "map"),
    "maps with NaN": (lambda: check_maps(np.full((N, 1), np.nan)), "maps"),
    "signs for other maps": (
        lambda: ParameterSpace(FIC(map_signs=(1, -1)), np.sin(np.arange(N))),
        "map_signs",
    ),
    # Settings of the fitter
    "popsize is text": (lambda: fit(search__popsize="many"), "popsize"),
    "popsize of one": (lambda: fit(search__popsize=1), "popsize"),
    "no generations": (lambda: fit(search__max_iter=0), "max_iter"),
    "sigma0 is NaN": (lambda: fit(search__sigma0=np.nan), "sigma0"),
    "all held out": (
        lambda: fit(verification__validation_fraction=1.0),
        "validation_fraction",
    ),
    "no such surrogate": (lambda: fit(surrogate="magic"), "surrogate"),
    "no such device": (lambda: fit(simulator__device="tpu9"), "device"),
    "no such backend": (lambda: fit(simulator__backend="magic"), "backend"),
    "no such policy": (
        lambda: fit(verification__on_disagreement="ignore"),
        "on_disagreement",
    ),
    "negative time": (lambda: fit(search__max_seconds=-1), "max_seconds"),
    "no such setting of the search": (lambda: fit(search__colour=1), "popsize"),
    "a setting of another model": (
        lambda: fit(model=MFM(), model__map_signs=(1,)),
        "map_signs.*w, I, G",
    ),
    "search is text": (lambda: fit(search="CMAES"), "search"),
    "simulator is a number": (lambda: fit(simulator=3), "simulator"),
    "verification is a number": (lambda: fit(verification=20), "verification"),
    "closing without a network": (lambda: fit(search__n_closing=1), "n_closing"),
    "checkpoint in no folder": (lambda: fit(checkpoint="/no/such/place"), "checkpoint"),
    "acquisition is a number": (lambda: fit(acquisition=0.72), "acquisition"),
    "model is text": (lambda: fit(model="FIC"), "model"),
    "bins of other data": (
        lambda: MeanFieldFitter(n_fcd_bins=7).fit(subjects()),
        "n_fcd_bins",
    ),
    "population of a number": (lambda: PopulationFitter(3).fit(subjects()), "fitter"),
    # Simulation and data
    "G is missing": (lambda: Candidates(FIC(), {}, SC), "G|w_EE"),
    "no subjects to make": (lambda: make_cohort(0), "n_subjects"),
    "two regions to make": (lambda: make_cohort(2, 2), "n_rois"),
    "negative scatter": (lambda: make_cohort(2, subject_sd=-1), "subject_sd"),
    # Averages and edges
    "average of one matrix": (lambda: average_sc(good_sc()), "sc must have 3 axes"),
    "average of negative SC": (lambda: average_sc(-good_sc()[None]), "sc"),
    "average of FC with NaN": (lambda: average_fc([[np.nan] * 3] * 2), "fc"),
    "average of Fisher's z": (lambda: average_fc([[1.7] * 3] * 2), "fc"),
    "average of histograms": (lambda: average_fcd_cdf([[5.0, 3.0]]), "fcd_cdf"),
    "average of no runs": (lambda: average_runs([], 10), "runs"),
    "a run that is constant": (
        lambda: average_runs([good_bold(), np.ones((60, N))], 10),
        r"runs\[1\]",
    ),
    "window is no integer": (lambda: average_runs([good_bold()], 10.5), "window"),
    "edges of no matrix": (lambda: edges_to_matrix(np.ones(5)), "edges"),
    "matrix is not square": (lambda: matrix_to_edges(np.ones((3, 4))), "matrix"),
    "gradients of a vector": (lambda: fc_gradients(np.ones(3)), "fc"),
    "maps of None": (lambda: ParameterSpace(FIC(), None), "maps"),
    # Candidates
    "a parameter that is not known": (lambda: run(H=1.0), "unknown: H"),
    "G is NaN": (lambda: run(G=[np.nan]), "G"),
    "w_EE of other regions": (lambda: run(w_EE=np.ones((1, 4))), "w_EE"),
    "w_EE is text": (lambda: run(w_EE="high"), "w_EE"),
    "counts given to the model": (lambda: run(sc=good_sc()), "prepare_sc"),
    "sc of other candidates": (lambda: run(sc=np.zeros((3, N, N))), "sc"),
    "no seeds": (lambda: run(seeds=[]), "seeds"),
    "seeds are text": (lambda: run(seeds=["a"]), "seeds"),
    "seeds of other candidates": (lambda: run(seeds=[[1], [2]]), "seeds"),
    "effective parameters of other regions": (
        lambda: effective_parameters(candidate(SC[:4, :4])),
        "w_EE",
    ),
    "a connectome that the network cannot take": (
        lambda: CircuitSurrogate.load(acquisition=SCAN).statistics(
            candidate(np.triu(SC)), np.random.default_rng(0)
        ),
        "symmetric",
    ),
    "a window that is no integer": (lambda: Acquisition(window=10.9), "window"),
    "frames that are no integer": (lambda: Acquisition(n_frames=40.0), "n_frames"),
    "TR in milliseconds": (lambda: Acquisition(tr=720, window=83), r"mean 0\.72"),
    "a flag for a TR": (lambda: Acquisition(tr=True), "tr"),
    "TR of a filter as text": (
        lambda: process_bold(good_bold(), "2", band=(0.01, 0.1)),
        "tr",
    ),
    "a billion candidates": (lambda: fit(search__popsize=10**9), "popsize"),
    "a billion bins": (lambda: fcd_cdf(good_bold(), 10, 10**9), "n_bins"),
    "a billion bins of nothing": (
        lambda: pack_subjects(good_sc(), n_fcd_bins=10**9),
        "n_fcd_bins",
    ),
    "a billion subjects": (lambda: make_cohort(10**9), "n_subjects"),
    "workers by name": (lambda: make_cohort(2, 8, n_jobs="all"), "n_jobs"),
    "no workers": (lambda: SimulationEvaluator(FIC(), SCAN, n_jobs=0), "n_jobs"),
    "workers of theory": (lambda: TheoryEvaluator(FIC(), SCAN, n_jobs=1.5), "n_jobs"),
    "largest SC of NaN": (lambda: prepare_sc(good_sc(), max_value=np.nan), "max_value"),
    "steps of training": (lambda: train("nowhere", n_steps=10**12), "n_steps"),
    "TR of subjects as text": (lambda: read_subjects(".", tr="2"), "tr"),
    "repeats of none": (lambda: Simulator(n_repeats=0), "n_rep"),
    "repeats of theory": (lambda: TheoryEvaluator(FIC(), SCAN, n_repeats=0), "n_rep"),
    "model by name": (lambda: SimulationEvaluator("FIC", SCAN), "model"),
    "scan is a number": (lambda: TheoryEvaluator(FIC(), 0.72), "acquisition"),
    "scan of a cohort": (lambda: make_cohort(2, 8, acquisition=2.0), "acquisition"),
    "scan of a network": (
        lambda: CircuitSurrogate.load(acquisition=2.0).statistics(candidate()),
        "acquisition",
    ),
    "edges of other FC": (
        lambda: cost_terms([0.1, 0.2], [1.0], [0.1, 0.2, 0.3], [1.0]),
        "fc_sim and fc_emp",
    ),
    "bins of other CDF": (lambda: fcd_ks_cost([0.5, 1.0], [1.0]), "cdf_sim and cdf"),
    "tell before ask": (
        lambda: CMAES().start(space(), np.random.default_rng(0)).tell([1.0]),
        "ask first",
    ),
    "search of one": (lambda: CMAES(popsize=1), "popsize"),
    "groups of a corpus": (lambda: build_corpus("nowhere", [3]), "groups"),
    "training on nothing": (lambda: train("nowhere", groups=[]), "groups"),
    # Studies and figures
    "ages of other subjects": (
        lambda: map_effects(MAPS, {"age": AGE[:5]}, "age"),
        "a row for each of the 10",
    ),
    "one age": (lambda: map_effects(MAPS, {"age": np.ones(10)}, "age"), "age"),
    "a contrast with nobody": (
        lambda: contrast(MAPS, {"drug": ["no"] * 10}, "drug", ("yes", "no")),
        "'yes' of drug",
    ),
    "a contrast of NaN": (
        lambda: contrast(MAPS * np.nan, {"drug": ["no"] * 10}, "drug", ("yes", "no")),
        "NaN",
    ),
    "retest of one": (lambda: retest(MAPS[:1], MAPS[:1]), "three subjects"),
    "positions in the plane": (lambda: rotations(MAPS[:, :2]), "centroids"),
    "centiles of a few": (lambda: fit_centiles(MAPS[:, 0], AGE), "20 subjects"),
    "more groups than subjects": (lambda: age_groups(AGE, 20), "n_groups"),
    "FC of two sizes": (lambda: FCDisplay(np.eye(3), np.eye(4)), "fc and fc_sim"),
    "CDF of two sizes": (lambda: FCDDisplay(np.ones(3), np.ones(4)), "fcd_cdf"),
    "E/I as a matrix": (lambda: ReadoutDisplay(MAPS), "readout"),
    "a figure of a number": (lambda: plot_report(3), "MeanFieldFitter"),
    "age of a number": (lambda: plot_age(3.0, 4.0), "value and age"),
    # Files
    "a file that is not there": (lambda: read_matrix("/no/such.csv"), "no/such.csv"),
    "a folder that is not there": (lambda: read_subjects("/no/such"), "no/such"),
    "weights that are not there": (lambda: CircuitSurrogate.load("/no/such"), "such"),
}


@pytest.mark.filterwarnings("ignore:The largest entry of sc")
@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_named_soon(case):
    call, said = CASES[case]
    started = time.perf_counter()
    with pytest.raises((ValueError, TypeError, OSError, KeyError)) as caught:
        call()
    assert re.search(said, str(caught.value), re.IGNORECASE), str(caught.value)
    assert len(str(caught.value)) > 15
    assert time.perf_counter() - started < 5.0
