"""Benchmarks: what they are asked for wrongly is said before hours of measuring."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from delssome.evaluation import Evaluation

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "benchmarks"


def run(script, *options):
    command = [sys.executable, str(FOLDER / script), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_page_of_results_says_what_was_kept_and_the_list_names_every_script():
    done = run("results.py", "--check")
    assert done.returncode == 0, done.stderr


def test_a_folder_that_is_not_there_is_said_before_anything_is_measured(tmp_path):
    given = str(tmp_path / "not_there" / "rows.json")
    done = run("accuracy/fc_noise.py", "--json", given)
    assert done.returncode == 2
    assert f"--json {given}: there is no folder" in done.stderr
    assert done.stdout == ""


@pytest.mark.filterwarnings("ignore")  # means of nothing, as the runner ignores them
def test_an_evaluator_that_finds_nothing_in_range_gives_a_row(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(FOLDER / "accuracy"), *sys.path])
    from evaluators import compare

    n = 4
    predicted = Evaluation(np.ones((n, 3)), np.ones(n))
    out = np.zeros((n, 6), dtype=bool)
    row = compare(predicted, np.zeros(n), (np.ones((n, 3)),) * 2, out)
    assert row["n_in_range"] == 0
    assert row["r"] is None
