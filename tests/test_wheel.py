"""What is installed is whole: all modules, and the weights, travel in the wheel."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_a_wheel_holds_all_modules_and_weights_that_load(tmp_path):
    # From a copy: a folder of an earlier build would hold what is gone since.
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "delssome", source / "delssome", ignore=ignored)
    for name in ("pyproject.toml", "setup.cfg", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    (source / "tests").mkdir()
    (source / "tests" / "__init__.py").write_text("")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-q"]
    command += ["--no-build-isolation", "-w", str(tmp_path), str(source)]
    subprocess.run(command, check=True)
    (wheel,) = tmp_path.glob("delssome-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "site")
    modules = {
        str(path.relative_to(ROOT)) for path in (ROOT / "delssome").rglob("*.py")
    }
    assert modules == {name for name in names if name.endswith(".py")}
    assert "delssome/py.typed" in names
    assert "delssome/surrogate/circuit/weights/circuit.safetensors" in names
    assert "delssome/surrogate/circuit/weights/circuit.json" in names
    assert not [name for name in names if name.startswith(("tests", "benchmarks"))]
    code = (
        "import delssome; from delssome.surrogate import CircuitSurrogate; "
        "CircuitSurrogate.load(); print(delssome.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site"), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip().startswith(str(tmp_path / "site"))
