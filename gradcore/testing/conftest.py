"""The device under test: the default one, set by GRADCORE_DEVICE."""

from __future__ import annotations

import os

import numpy as np
import pytest

from ..backends import Backend, get_backend


@pytest.fixture(scope="session")
def backend() -> Backend:
    """The backend of the default device."""
    return get_backend()


@pytest.fixture
def rng() -> np.random.Generator:
    """Fresh random data in each run; the seed is printed when a test fails."""
    seed = int(os.environ.get("GRADCORE_TEST_SEED") or np.random.SeedSequence().generate_state(1)[0])
    print(f"GRADCORE_TEST_SEED={seed}")
    return np.random.default_rng(seed)
