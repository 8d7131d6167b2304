"""What every model can rely on, the shipped ones and a stranger's, by one contract.

``python -m pytest tests/models/test_contract.py -rs --model FILE.py:CLASS`` asks it of
one of your own: what fails, or is skipped with a reason, says what it lacks. Shipped
ones stand in MODELS.
"""

import csv
import json
import warnings
from dataclasses import replace

import numpy as np
import pytest

from delssome import (
    CMAES,
    Acquisition,
    MeanFieldFitter,
    PopulationFitter,
    Simulator,
    Verification,
)
from delssome.cli import main
from delssome.cli.models import load_model
from delssome.connectome import matrix_to_edges, prepare_sc
from delssome.datasets import make_cohort
from delssome.evaluation import Target
from delssome.models import ParameterSpace
from delssome.plotting import (
    FCDDisplay,
    FCDisplay,
    FCDMatrixDisplay,
    HistoryDisplay,
    PopulationDisplay,
    ReadoutDisplay,
    VerificationDisplay,
)
from delssome.simulation import SimulationEvaluator, fused, simulate
from delssome.theory import TheoryEvaluator, reason_against_reduction

# A model as a stranger would write it, in a file of their own: two states, neither
# inhibition that is solved nor a bounded rate.
TOY = '''\
"""Excitation with fast inhibition and sigmoid gains: a toy."""

from dataclasses import dataclass
from typing import ClassVar

from delssome.models import Model

TAU_E, TAU_I = 0.1, 0.01  # s
COUPLING = 8.0


def gain(u, expm1):
    """A sigmoid from 0 to 1."""
    return 1.0 / (2.0 + expm1(-u))


def derivatives(e, i, coupling, excitation, threshold, expm1):
    """Give de/dt and di/dt (1/s), and the gain of excitation."""
    active = gain(excitation * e + COUPLING * coupling - 2.0 * i - threshold, expm1)
    return (active - e) / TAU_E, (gain(4.0 * e - 2.0, expm1) - i) / TAU_I, active


@dataclass(frozen=True)
class Toy(Model):
    """Two populations with sigmoid gains.

    Parameters
    ----------
    excitation, threshold, G, sigma : tuple of float (low, high)
        Ranges: recurrent excitation, threshold, global coupling, noise (s**-0.5).
    """

    excitation: tuple = (0.0, 4.0)
    threshold: tuple = (0.0, 1.0)
    G: tuple = (0.0, 3.0)
    sigma: tuple = (0.005, 0.05)

    searched: ClassVar = ("excitation", "threshold", "G", "sigma")
    regional: ClassVar = ("excitation", "sigma")
    states: ClassVar = ("e", "i")
    inputs: ClassVar = ("excitation", "threshold")
    outputs: ClassVar = ("active",)
    initial_state: ClassVar = (0.1, 0.1)
    largest_step: ClassVar = 0.01
    readout_name: ClassVar = "Active share"
    readout_key: ClassVar = "active_share"
    derivatives: ClassVar = staticmethod(derivatives)

    def readout(self, averages):
        """Give the mean gain of excitation."""
        return averages["active"]
'''

SCAN = Acquisition(tr=0.72, n_frames=120, window=20, burn_in=15.0, warm_up=3.0)
N_ROIS = 10
# Those that are no different in kind from FIC and the toy take their time weekly.
slow = pytest.mark.slow
MODELS = [
    "FIC",
    pytest.param("MFM", marks=slow),
    "Hopf",
    pytest.param("Linear", marks=slow),
    "WilsonCowan",
    "Toy",
]
FIT = {
    "search": CMAES(popsize=8, max_iter=3, n_restarts=1),
    "simulator": Simulator(n_repeats=1),
    "verification": Verification(n_finalists=2),
}


@pytest.fixture(scope="module", autouse=True)
def one_width():
    """Compile one kernel of a model: how many lanes it has is no matter of models."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fused, "WIDE", fused.NARROW)
        yield


@pytest.fixture(scope="module")
def toy_file(tmp_path_factory):
    """The stranger's file, outside of the package."""
    file = tmp_path_factory.mktemp("models") / "toy.py"
    file.write_text(TOY)
    return file


def pytest_generate_tests(metafunc):
    if "given" in metafunc.fixturenames:
        own = metafunc.config.getoption("--model")
        names = [own] if own else MODELS
        metafunc.parametrize("given", names, indirect=True, scope="module")


@pytest.fixture(scope="module")
def given(request, toy_file):
    """A model as the command line is asked for it."""
    return f"{toy_file}:Toy" if request.param == "Toy" else request.param


@pytest.fixture(scope="module")
def model(given):
    return load_model(given)


@pytest.fixture(scope="module")
def cohort():
    return make_cohort(2, N_ROIS, acquisition=SCAN, random_state=0)


@pytest.fixture(scope="module")
def target(cohort):
    fc = matrix_to_edges(cohort.fc[0])
    return Target(prepare_sc(cohort.sc[0]), fc, cohort.fcd_cdf[0])


@pytest.fixture(scope="module")
def candidates(model, cohort, target):
    """Feasible candidates, as a search asks for them."""
    space = ParameterSpace(model, cohort.maps)
    search = CMAES(popsize=24).start(space, np.random.default_rng(0))
    return space.candidates(search.ask(), target.sc)


def theory_of(model):
    """The theory of a model, or a skip with the reason that it gives."""
    try:
        return TheoryEvaluator(model, SCAN)
    except ValueError as refused:
        said = str(refused)
    assert model.name in said
    assert "surrogate=None" in said
    return pytest.skip(said)


def check_some(settled, model, candidates):
    """Say what to change where none of the candidates settles."""
    n, n_rest = len(candidates), candidates.rests.sum()
    assert len(settled) > 0, (
        f"of the first {n} candidates of a search {n_rest} come to rest, and none "
        f"settles in theory: move the ranges of {model.name}, or "
        f"initial_state, {model.initial_state}, to where it does not swing or jump"
    )


@pytest.fixture(scope="module")
def fitted(model, cohort):
    """Fits by every evaluator that serves the model."""
    fits, reasons = {}, {}
    for surrogate in (None, "linear"):
        fitter = MeanFieldFitter(
            cohort.maps, surrogate, model=model, acquisition=SCAN, random_state=0, **FIT
        )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # short scans, tiny searches
                fits[surrogate] = fitter.fit(cohort.X[:1])
        except ValueError as refused:
            reasons[surrogate] = str(refused)
    assert None in fits, reasons
    assert all("cannot describe" in reason for reason in reasons.values())
    return fits


def test_backends_agree_without_noise(model, candidates):
    seeds = np.zeros((len(candidates), 1), dtype=int)
    # What they do before they settle tells the equations apart.
    scan = Acquisition(tr=0.72, n_frames=20, window=10, burn_in=3.0, warm_up=1.0)
    fused, torch = (
        simulate(candidates, scan, seeds, noise=False, **settings)
        for settings in ({"backend": "fused"}, {"backend": "torch", "dtype": "float64"})
    )
    largest = 10 if model.haemodynamics else np.inf
    stable = np.abs(fused.bold).max(axis=(1, 2, 3)) < largest
    seen = np.abs(fused.averages[model.observed]).max()
    assert stable.mean() > 0.2, (
        f"BOLD of {(~stable).sum()} of {len(stable)} candidates diverges or is beyond "
        f"{largest} %: shorten largest_step, or scale {model.observed}, of up to "
        f"{seen:.3g} here, which the haemodynamics take to be between 0 and about 1"
    )
    for name in (*model.states, *model.outputs):
        a, b = fused.averages[name][stable], torch.averages[name][stable]
        # Single against double precision; candidates near an edge amplify rounding.
        close = np.isclose(a, b, rtol=2e-3, atol=1e-5).all(axis=(1, 2))
        assert close.mean() > 0.9, name


def test_the_fixed_point_rests(model, candidates):
    theory_of(model)
    at_rest = candidates.rests
    assert at_rest.mean() > 0.5, (
        f"{(~at_rest).sum()} of the first {len(at_rest)} candidates of a search come "
        f"to no rest from initial_state, {model.initial_state}: theory and network are "
        f"blind to them; move the ranges of {model.name}, or initial_state"
    )
    states = np.stack(candidates.states)
    k = [model.states.index(name) for name in model.couples]
    coupling = [(candidates.network @ states[i][..., None])[..., 0] for i in k]
    found = model.derivatives(*states, *coupling, *candidates.inputs, np.expm1)
    moves = np.stack(found[: len(model.states)])[:, at_rest]
    assert np.abs(moves).max() < 1e-5  # 1/s


def test_candidates_that_settle_in_theory_settle_in_simulation(model, candidates):
    expected = theory_of(model).statistics(candidates, np.random.default_rng(0))
    settled = np.flatnonzero(np.isfinite(expected.fc[:, 0]))
    check_some(settled, model, candidates)
    scan = Acquisition(tr=0.72, n_frames=120, window=20, burn_in=60.0, warm_up=3.0)
    seeds = np.zeros((len(settled), 1), dtype=int)
    chosen = candidates.select(settled)
    quiet = simulate(chosen, scan, seeds, noise=False)
    for k, name in enumerate(model.states):
        rest = chosen.states[k]
        np.testing.assert_allclose(
            quiet.averages[name][:, 0], rest, rtol=0.1, atol=0.02, err_msg=name
        )


def test_theory_predicts_simulated_fc(model, candidates):
    theory_of(model)
    # Long enough for the haemodynamics to forget their start.
    scan = Acquisition(tr=0.72, n_frames=600, window=60, burn_in=60.0, warm_up=10.0)
    n_repeats = 20
    if model.largest_step < SCAN.dt / 2:  # these take longer
        scan, n_repeats = replace(scan, n_frames=300), 8
    theory = TheoryEvaluator(model, scan)
    expected = theory.statistics(candidates, np.random.default_rng(0))
    settled = np.flatnonzero(expected.violation == 0)[:6]
    check_some(settled, model, candidates)
    simulator = SimulationEvaluator(model, scan, Simulator(n_repeats=n_repeats))
    chosen = candidates.select(settled)
    simulated = simulator.statistics(chosen, np.random.default_rng(1))
    gap = np.abs(simulated.fc - expected.fc[settled]).mean(axis=1)
    # The mean size of a normal error is 0.8 of its standard deviation.
    noise = 0.8 * np.sqrt(expected.fc_noise[settled] / n_repeats)
    assert (gap < 1.5 * noise).all()
    near = [
        np.isclose(
            simulated.averages[name],
            expected.averages[name][settled],
            rtol=0.1,
            atol=1e-3,
        ).all(axis=1)
        for name in (*model.states, *model.outputs)
    ]
    # Noise takes one of Wilson-Cowan to another state, which theory cannot see.
    assert np.all(near, axis=0).mean() > 0.8


def test_theory_says_the_same_alone_and_in_company(model, candidates):
    theory = theory_of(model)
    together = theory.statistics(candidates, np.random.default_rng(0))
    for k in range(0, len(candidates), 7):
        alone = theory.statistics(
            candidates.select(slice(k, k + 1)), np.random.default_rng(0)
        )
        for name in ("fc", "fcd_cdf", "violation"):
            np.testing.assert_allclose(
                getattr(alone, name)[0], getattr(together, name)[k], rtol=0, atol=1e-9
            )


def test_theory_knows_how_costs_move_with_every_parameter(model, candidates, target):
    theory = theory_of(model)
    expected = theory.statistics(candidates, np.random.default_rng(0))
    settled = np.flatnonzero(expected.violation == 0)
    check_some(settled, model, candidates)
    k = settled[0]
    params = {name: values[k] for name, values in candidates.params.items()}
    loss = theory.slopes(model, target)
    if loss is None:
        pytest.skip(f"no gradient: {reason_against_reduction(model)}")
    slopes = loss(params, 50.0)[1]
    rng = np.random.default_rng(1)
    for name, values in params.items():
        direction = np.ptp(getattr(model, name)) * rng.standard_normal(values.shape)
        above, below = (
            loss(params | {name: values + sign * 1e-5 * direction}, 50.0)[0]
            for sign in (1, -1)
        )
        found = np.sum(slopes[name] * direction)
        # What the iterations of the closure leave of it.
        assert found == pytest.approx((above - below) / 2e-5, rel=0.01, abs=1e-4)


def test_a_fit_ends_verified(model, fitted, cohort):
    assert None in fitted
    for fitter in fitted.values():
        assert np.isfinite(fitter.cost_)
        assert fitter.readout_.shape == (N_ROIS,)
        assert np.isfinite(fitter.readout_).all()
        assert set(fitter.regional_params_) >= set(model.searched)
        assert fitter.verification_.selected.sum() == 1
        assert hasattr(fitter, "ei_ratio_") == (model.readout_key == "ei_ratio")
        assert hasattr(fitter, "rates_") == (model.rate is not None)
        assert np.isfinite(fitter.score(cohort.X[1:]))


@pytest.mark.filterwarnings("ignore")
def test_a_population_of_it(model, cohort):
    fitter = MeanFieldFitter(
        cohort.maps, None, model=model, acquisition=SCAN, random_state=0, **FIT
    )
    population = PopulationFitter(fitter).fit(cohort.X)
    assert population.readout_.shape == (2, N_ROIS)
    columns = population.to_frame().columns
    assert f"{model.readout_key}_mean" in columns
    assert f"{model.searched[0]}_0" in columns
    display = PopulationDisplay.from_estimator(population)
    assert display.axes_[2].get_ylabel() == model.readout_name


@pytest.mark.filterwarnings("ignore")
def test_figures_say_its_own_names(model, fitted):
    fitter = fitted[None]
    readout = ReadoutDisplay.from_estimator(fitter)
    assert model.readout_name in readout.ax_.get_xlabel()
    for display in (
        FCDDisplay,
        FCDisplay,
        FCDMatrixDisplay,
        HistoryDisplay,
        VerificationDisplay,
    ):
        display.from_estimator(fitter)


@pytest.mark.filterwarnings("ignore")
def test_the_command_line_fits_it(given, model, cohort, tmp_path, capsys):
    np.savetxt(tmp_path / "sc.csv", cohort.sc[0], delimiter=",")
    np.savetxt(tmp_path / "bold.csv", cohort.bold[0], delimiter=",")
    np.savetxt(tmp_path / "maps.csv", cohort.maps, delimiter=",")
    out = tmp_path / "out"
    options = {
        "model": given,
        "sc": tmp_path / "sc.csv",
        "bold": tmp_path / "bold.csv",
        "maps": tmp_path / "maps.csv",
        "tr": SCAN.tr,
        "window": SCAN.window,
        "burn-in": SCAN.burn_in,
        "warm-up": SCAN.warm_up,
        "surrogate": "none",
        "popsize": 8,
        "max-iter": 2,
        "n-repeats": 1,
        "n-finalists": 2,
        "n-jobs": 1,
        "out": out,
    }
    arguments = [
        str(x) for name, value in options.items() for x in (f"--{name}", value)
    ]
    assert main(["fit", *arguments]) == 0, capsys.readouterr().err
    assert model.readout_name in capsys.readouterr().out
    with (out / f"{model.readout_key}.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == N_ROIS
    values = [float(row[model.readout_key]) for row in rows]
    results = json.loads((out / "summary.json").read_text())
    assert results["model"] == model.name
    mean = results[model.readout_key]["mean"]
    assert mean == pytest.approx(np.mean(values), rel=1e-3, abs=1e-6)
    page = (out / "report.html").read_text()
    assert model.readout_name in page
    assert (model.name == "FIC") == ("E/I ratio" in page)


def test_the_toy_is_small():
    assert len(TOY.splitlines()) <= 80
    assert "w_EI" not in TOY
