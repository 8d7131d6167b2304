"""Which model the command line makes, and what it says of those it cannot."""

import copy
import pickle
import sys

import pytest
from joblib import Parallel, delayed

from delssome import FIC, MFM, Acquisition, Hopf
from delssome.cli.models import fastest_surrogate, load_model

SCAN = Acquisition(n_frames=100, window=20)
TOY = """
from dataclasses import dataclass
from typing import ClassVar
from delssome.models import FIC, Model

ANSWER = 42

class Plain:
    pass

@dataclass(frozen=True)
class Toy(Model):
    a: tuple = (1.0, 5.0)
    G: tuple = (0.0, 1.0)
    sigma: tuple = (0.1, 1.0)

    states: ClassVar = ("x",)
    inputs: ClassVar = ("a",)
    searched: ClassVar = ("a", "G", "sigma")
    regional: ClassVar = ("a", "sigma")
    initial_state: ClassVar = (0.0,)
    largest_step: ClassVar = 0.05
    haemodynamics: ClassVar = False
    derivatives: ClassVar = staticmethod(lambda x, coupling, a, expm1: (-a * x,))

class Drift(Toy):
    derivatives: ClassVar = staticmethod(lambda x, coupling, a, expm1: (0.01 * a,))

class Undecorated(Model):
    a, G, sigma = (1.0, 5.0), (0.0, 1.0), (0.1, 1.0)
    states, inputs, searched, regional = ("x",), ("a",), ("a", "G", "sigma"), ("a",)
    initial_state, largest_step, derivatives = (0.0,), 0.05, Toy.derivatives
"""


@pytest.fixture
def toy(tmp_path):
    path = tmp_path / "my-toy.py"
    path.write_text(TOY)
    yield path
    sys.modules.pop("delssome_model_my_toy", None)


def test_shipped_models_go_by_name():
    assert load_model("fic") == FIC()
    assert load_model("FIC", [-1, 1]) == FIC(map_signs=(-1, 1))
    assert load_model("mfm") == MFM()


def test_a_model_of_a_file_survives_pickling(toy):
    model = load_model(f"{toy}:Toy")
    assert type(model).__name__ == model.name == "Toy"
    assert pickle.loads(pickle.dumps(model)) == copy.deepcopy(model) == model


@pytest.mark.slow
def test_processes_elsewhere_know_a_model_of_a_file(toy):
    """They are given its class, as no module of its name is there."""
    model = load_model(f"{toy}:Toy")
    given = [model, FIC()]
    found = Parallel(n_jobs=2)(delayed(_name_and_itself)(one) for one in given)
    assert [name for name, _ in found] == ["Toy", "FIC"]
    assert [one for _, one in found] == given


def _name_and_itself(model):
    return model.name, model


def test_settings_of_other_models_are_refused(toy):
    for given in ("mfm", f"{toy}:Toy"):
        with pytest.raises(ValueError, match=r"--map-signs belongs to .* such as fic"):
            load_model(given, [1])


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("Tory", ValueError, "no class Tory in .*; models .* there: FIC, Toy, Drift"),
        ("ANSWER", TypeError, "ANSWER is no model; derive it from .*models.Model"),
        ("Plain", TypeError, "Plain is no model; derive it from .*models.Model"),
        ("Model", TypeError, "Model is no model"),
        ("Undecorated", TypeError, r"decorate it with @dataclass\(frozen=True\)"),
        ("", ValueError, "names no class; write FILE.py:CLASS"),
    ],
)
def test_a_class_that_is_no_model_is_named(toy, name, kind, message):
    with pytest.raises(kind, match=message):
        load_model(f"{toy}:{name}")


def test_a_file_that_cannot_be_used_is_named(tmp_path, toy):
    with pytest.raises(ValueError, match=r"no class; write FILE\.py:CLASS"):
        load_model(str(toy))
    with pytest.raises(ValueError, match=r"there is no file .*gone\.py"):
        load_model(f"{tmp_path / 'gone.py'}:Toy")
    for text, message in (
        ("import nothing_of_the_kind", "ModuleNotFoundError: No module named"),
        ("def (", "SyntaxError"),
    ):
        broken = tmp_path / "broken.py"
        broken.write_text(text)
        with pytest.raises(ValueError, match=f"broken.py fails to be .*{message}"):
            load_model(f"{broken}:Toy")
        assert "delssome_model_broken" not in sys.modules
    broken.write_text(TOY.replace("inputs: ClassVar = ", "other: ClassVar = "))
    with pytest.raises(TypeError, match="The model Toy must have inputs"):
        load_model(f"{broken}:Toy")
    sys.modules.pop("delssome_model_broken", None)
    with pytest.raises(ValueError, match=r"wilsoncowan or FILE\.py:CLASS, got 'toy'"):
        load_model("toy")


def test_the_fastest_that_serves_a_model_is_chosen(toy):
    assert fastest_surrogate(FIC(), SCAN) == ("deep", [])
    assert fastest_surrogate(MFM(), SCAN) == ("deep", [])
    chosen, refusals = fastest_surrogate(Hopf(), SCAN)
    assert chosen == "linear"
    assert len(refusals) == 1
    assert "Hopf" in refusals[0]
    assert fastest_surrogate(load_model(f"{toy}:Toy"), SCAN)[0] == "linear"
    chosen, refusals = fastest_surrogate(load_model(f"{toy}:Drift"), SCAN)
    assert chosen is None
    assert len(refusals) == 2
    assert "Drift" in refusals[1]
