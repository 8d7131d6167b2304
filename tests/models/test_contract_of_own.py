"""The contract, asked of a model of one's own, says what to change or cannot be had."""

import subprocess
import sys
from pathlib import Path

import pytest

CONTRACT = Path(__file__).with_name("test_contract.py")

# An oscillator on a circle where a > 0, at rest in the middle where a < 0.
SWING = """\
from dataclasses import dataclass
from delssome.models import Model

def derivatives(x, y, coupling, a, expm1):
    bent = a - x * x - y * y
    return bent * x - 6.0 * y + coupling, bent * y + 6.0 * x

@dataclass(frozen=True)
class Swing(Model):
    a: tuple = ({low}, 1.0)
    G: tuple = (0.0, 3.0)
    sigma: tuple = (0.005, 0.05)
    states = ("x", "y")
    inputs = ("a",)
    searched = ("a", "G", "sigma")
    regional = ("a", "sigma")
    initial_state = (0.1, 0.1)
    largest_step = 0.005
    haemodynamics = False
    derivatives = staticmethod(derivatives)
"""


@pytest.mark.parametrize(
    ("low", "fails", "said"),
    [
        (0.2, False, "the Swing model: none of its candidates comes to rest"),
        (-0.2, True, "come to no rest from initial_state, (0.1, 0.1): theory and"),
    ],
)
def test_a_model_that_does_not_rest_is_told(tmp_path, low, fails, said):
    (tmp_path / "swing.py").write_text(SWING.format(low=low))
    command = [sys.executable, "-m", "pytest", "-rs", "-k", "the_fixed_point_rests"]
    own = ["--model", f"{tmp_path / 'swing.py'}:Swing", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, str(CONTRACT), *own], capture_output=True, text=True
    )
    assert done.returncode == fails, done.stdout + done.stderr
    assert said in done.stdout
