"""Bars are widgets, one line, or lines of a log, and do not promise too much."""

import io
import re
import subprocess
import sys

import pytest

from delssome.saying import progress_bar, say


class Stream(io.StringIO):
    def __init__(self, watched):
        super().__init__()
        self.watched = watched

    def isatty(self):
        return self.watched


@pytest.fixture(params=[True, False], ids=["terminal", "log"])
def stream(request, monkeypatch):
    stream = Stream(request.param)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    return stream


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def bar_of(monkeypatch):
    """Make a bar whose time is told by the test."""

    def make(**settings):
        clock = Clock()
        bar = progress_bar(desc="search", unit="gen", verbose=1, **settings)
        bar._time = clock
        bar.start_t = bar.last_print_t = clock.now
        return bar, clock

    return make


def left(bar):
    """Give the seconds that a bar says are left, None if it does not know."""
    found = re.search(r"(?:<|gone, )(\?|\d+:\d+)", str(bar)).group(1)
    minutes, _, seconds = found.partition(":")
    return None if found == "?" else 60 * int(minutes) + int(seconds)


def test_a_log_has_lines_with_times_alone(monkeypatch):
    stream = Stream(False)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    with progress_bar(total=3, desc="search", unit="gen", verbose=1) as bar:
        bar.mininterval = 0
        for _ in range(3):
            bar.update()
            say("between")
    text = stream.getvalue()
    assert "\r" not in text
    assert "\x1b" not in text
    lines = text.splitlines()
    assert len(lines) == 4  # one before, and one an update
    for done, line in enumerate(lines):
        assert re.match(rf"\d\d:\d\d:\d\d search: {done}/3 gen, ", line)


def test_a_terminal_has_one_line(monkeypatch):
    stream = Stream(True)
    monkeypatch.setattr(sys, "stderr", stream)
    with progress_bar(total=3, desc="search", verbose=1) as bar:
        for _ in range(3):
            bar.update()
    assert stream.getvalue().count("\n") == 1
    assert "\r" in stream.getvalue()


@pytest.mark.usefixtures("stream")
def test_the_first_item_that_compiles_says_nothing_of_the_time_left(bar_of):
    bar, clock = bar_of(total=21)
    assert left(bar) is None
    clock.now += 60.0  # compiles
    bar.update()
    assert left(bar) is None
    for _ in range(10):
        clock.now += 2.0
        bar.update()
    assert left(bar) == 20  # of ten that take two seconds each
    bar.close()


@pytest.mark.usefixtures("stream")
def test_what_ends_together_is_not_taken_for_speed(bar_of):
    """Four fits at a time take a minute each, after one that compiles."""
    bar, clock = bar_of(total=40, lanes=4)
    for _ in range(3):
        clock.now += 60.0
        for _ in range(4):
            clock.now += 0.1
            bar.update()
    # 28 of them, in seven minutes and a bit.
    assert left(bar) == pytest.approx(420, rel=0.02)
    bar.close()


@pytest.mark.usefixtures("stream")
def test_what_was_done_before_counts_as_done():
    with progress_bar(total=8, initial=8, desc="fits", verbose=1) as bar:
        assert "8/8" in str(bar)


@pytest.mark.usefixtures("stream")
def test_nothing_to_do_needs_no_time():
    with progress_bar(total=0, desc="population", verbose=1) as bar:
        assert "0/0" in str(bar)


NOTEBOOK = """
import sys, types

# What tqdm asks of a kernel, old versions and new.
class Widget:
    def __init__(self, *args, **kwargs):
        self.__dict__.update(kwargs)
        self.layout, self.style = types.SimpleNamespace(), types.SimpleNamespace()
        self.bar_style, self.value = "", ""
    def close(self):
        pass

shown = []
widgets = types.ModuleType("ipywidgets")
for name in ("FloatProgress", "HBox", "HTML"):
    setattr(widgets, name, type(name, (Widget,), {}))
kernel = types.SimpleNamespace(config={"IPKernelApp": {}})
ipython = types.ModuleType("IPython")
ipython.get_ipython = lambda: kernel
display = types.ModuleType("IPython.display")
display.display = shown.append
sys.modules |= {
    "ipywidgets": widgets, "IPython": ipython, "IPython.display": display,
    "ipykernel": types.ModuleType("ipykernel"),
    "ipykernel.zmqshell": types.ModuleType("zmqshell"),
}
from delssome.saying import progress_bar

with progress_bar(total=2, desc="search", verbose=1) as bar:
    bar.update()
    bar.update()
(box,) = shown
print(box.children[0].value, box.children[1].value)
"""


def test_a_notebook_has_a_widget():
    done = subprocess.run(
        [sys.executable, "-c", NOTEBOOK], check=True, capture_output=True, text=True
    )
    assert done.stderr == ""
    assert done.stdout.replace("\u2007", "").startswith("search:")
    assert done.stdout.split()[-1] == "2"
