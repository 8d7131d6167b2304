"""What cannot be shown ends no work: no stream, a closed one, a broken pipe."""

import io
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import delssome
from delssome import CMAES, MeanFieldFitter, Simulator, Verification
from delssome.cli import main
from delssome.saying import progress_bar, say
from delssome.streams import Lenient, is_open, standing_in

PACKAGE = Path(delssome.__file__).parent


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


class Broken(io.StringIO):
    """A pipe that nobody reads any more, or a disk that is full."""

    def write(self, text):
        raise BrokenPipeError(32, "Broken pipe")


GONE = {"none": lambda: None, "closed": closed, "broken": Broken}


@pytest.fixture(params=GONE)
def no_streams(request):
    """A context without streams; pytest sets its own when a test begins."""

    @contextmanager
    def context():
        out, err = GONE[request.param](), GONE[request.param]()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            yield request.param

    return context


def test_signs_that_a_stream_lacks_are_written_by_their_numbers():
    content = io.BytesIO()
    stream = Lenient(io.TextIOWrapper(content, "ascii"))
    stream.write("π of region é\n")
    stream.flush()
    assert content.getvalue() == rb"\u03c0 of region \xe9" + b"\n"


def test_what_can_be_written_is_written():
    stream = io.StringIO()
    assert Lenient(stream).write("words") == 5
    assert stream.getvalue() == "words"
    assert not Lenient(stream).closed
    assert not Lenient(stream).isatty()


@pytest.mark.parametrize("gone", ["none", "closed"])
def test_a_stream_that_is_gone_is_closed(gone):
    stream = Lenient(GONE[gone]())
    assert stream.closed
    assert not is_open(stream)
    assert not stream.isatty()
    assert stream.write("words") == 5
    stream.flush()


@pytest.mark.parametrize("verbose", [0, 1])
def test_bars_and_lines_need_no_stream(no_streams, verbose):
    with (
        no_streams() as gone,
        progress_bar(total=2, desc="work", verbose=verbose) as bar,
    ):
        bar.update()
        say("half of it")
        bar.update()
        assert bar.disable == (verbose == 0 or gone != "broken")


def test_a_line_does_not_break_a_bar(monkeypatch):
    """The bar is cleared before a line on the other stream, and drawn again."""
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar(total=2, desc="work", verbose=1):
        drawn = terminal.getvalue()
        say("a line")
    after = terminal.getvalue().removeprefix(drawn)
    assert re.match(r"\r +\ra line\n", after)


def test_bars_are_made_in_one_place():
    for path in PACKAGE.rglob("*.py"):
        if path != PACKAGE / "saying.py":
            assert not re.search(r"\btqdm\(|\btrange\(", path.read_text()), path


@pytest.mark.filterwarnings("ignore::delssome.exceptions.SurrogateDomainWarning")
@pytest.mark.filterwarnings("ignore::delssome.exceptions.OutOfRangeWarning")
@pytest.mark.parametrize("verbose", [0, 1])
def test_fits_need_no_stream(no_streams, make_subjects, scan, rng, verbose):
    X, maps = make_subjects(1), rng.standard_normal((5, 1))
    fitter = MeanFieldFitter(
        maps,
        "linear",
        acquisition=scan,
        search=CMAES(popsize=8, max_iter=2),
        simulator=Simulator(n_repeats=1),
        verification=Verification(n_finalists=2),
        n_fcd_bins=50,
        verbose=verbose,
        random_state=0,
    )
    with no_streams():
        fitter.fit(X)
    assert np.isfinite(fitter.cost_)


def test_the_command_line_needs_no_stream(no_streams, tmp_path):
    with no_streams():
        helped = main(["--help"])
        refused = main(["fit", "--out", str(tmp_path / "out")])  # without data
    assert (helped, refused) == (0, 2)


def test_streams_that_are_there_are_left_alone():
    before = sys.stdout, sys.stderr
    with standing_in():
        assert (sys.stdout, sys.stderr) == before
        assert type(sys.stdout) is not Lenient


DAEMON = """
from joblib import delayed
from delssome.workers import Parallel
found = Parallel(2)(delayed(abs)(x) for x in range(-4, 0))
open({path!r}, "w").write(str(found))
"""


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
@pytest.mark.parametrize("closing", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_workers_start_where_streams_are_closed(tmp_path, closing):
    """Their numbers must not go to the pipes between processes."""
    path = tmp_path / "found"
    code = DAEMON.format(path=str(path))
    subprocess.run(
        ["sh", "-c", f'exec "$0" -c "$1" {closing}', sys.executable, code], check=True
    )
    assert path.read_text() == "[4, 3, 2, 1]"
