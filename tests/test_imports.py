"""What an import costs: nothing heavy is loaded before it is used."""

import subprocess
import sys
from functools import cache

import pytest

HEAVY = {"torch", "skorch", "matplotlib"}
PLAIN = ("connectome", "costs", "models", "evaluation", "search", "study", "datasets")


@cache
def loaded(code):
    """Run code in a fresh interpreter; give the names of all that it imported."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_the_package_loads_nothing_of_its_own():
    modules = loaded("import delssome")
    assert not modules & {*HEAVY, "numba", "sklearn", "scipy", "numpy", "cma"}


@pytest.mark.parametrize("name", [*PLAIN, "theory"])
def test_parts_leave_torch_and_figures_alone(name):
    assert not loaded(f"import delssome.{name}") & HEAVY


@pytest.mark.parametrize("name", PLAIN)
def test_parts_that_compile_nothing_leave_numba_alone(name):
    assert "numba" not in loaded(f"import delssome.{name}")


def test_estimators_are_made_without_torch():
    code = (
        "from delssome import CMAES, FIC, MFM, Acquisition, MeanFieldFitter, "
        "PopulationFitter, Simulator, Verification\n"
        "PopulationFitter(MeanFieldFitter(model=MFM(), search=CMAES()))"
    )
    assert not loaded(code) & HEAVY


def test_the_command_line_parses_without_what_computes():
    code = (
        "import sys; sys.argv = ['delssome', '--help']\n"
        "from delssome.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass"
    )
    assert not loaded(code) & {*HEAVY, "numba", "scipy", "numpy"}


def test_what_the_package_offers_can_be_listed_and_loaded():
    code = (
        "import delssome\n"
        "assert set(delssome.__all__) <= set(dir(delssome))\n"
        "for name in delssome.__all__: getattr(delssome, name)"
    )
    assert "delssome.fitting" in loaded(code)


def test_what_it_does_not_offer_is_an_attribute_error():
    code = (
        "import delssome\n"
        "try: delssome.nothing\n"
        "except AttributeError as error: assert \"'nothing'\" in str(error)\n"
        "else: raise SystemExit(1)"
    )
    loaded(code)


FIT = """
import warnings; warnings.simplefilter("ignore")
from delssome import CMAES, MeanFieldFitter, Verification
from delssome.datasets import make_cohort
cohort = make_cohort(1, 12, random_state=0)
MeanFieldFitter(
    search=CMAES(popsize=4, max_iter=1, n_restarts=1),
    verification=Verification(n_finalists=1),
    random_state=0,
).fit(cohort.X)
"""


def test_a_fit_by_the_shipped_network_needs_no_torch():
    # Nor what one estimator of several needs: a worker of a population starts with it.
    others = {"sklearn.model_selection", "delssome.fitting.pooled", "delssome.study"}
    assert not loaded(FIT) & {*HEAVY, *others}
