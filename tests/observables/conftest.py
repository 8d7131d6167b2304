"""Random BOLD."""

import pytest


@pytest.fixture
def bold(rng):
    return rng.standard_normal((2, 40, 6)).cumsum(axis=1) + 100
