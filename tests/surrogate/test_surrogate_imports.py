import subprocess
import sys

import pytest

import delssome.surrogate

CODE = """
import sys
import delssome.surrogate
assert not {{"torch", "skorch", "numba"}} & set(sys.modules)
delssome.surrogate.{name}
print(*sorted({{"torch", "skorch"}} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("name", "loaded"),
    [
        ("build_corpus", ""),
        ("read_shard", ""),
        ("CircuitSurrogate", ""),
        ("PublishedSurrogate", "skorch torch"),
    ],
)
def test_what_is_heavy_is_loaded_when_it_is_asked_for(name, loaded):
    code = CODE.format(name=name)
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == loaded


def test_every_name_has_a_home():
    assert delssome.surrogate.__all__ == sorted(delssome.surrogate._HOMES)
    assert set(delssome.surrogate.__all__) <= set(dir(delssome.surrogate))
    for name in delssome.surrogate.__all__:
        assert getattr(delssome.surrogate, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'DeepSurrogate'"):
        delssome.surrogate.DeepSurrogate  # noqa: B018
