"""The devices that tests run on: `backend` runs a test once on each."""

from __future__ import annotations

import functools
import os
import sys
import warnings
from collections import Counter
from types import ModuleType
from typing import Any, Iterator, Optional

import numpy as np
import pytest
from hypothesis import settings

import fake_cupy
from gradcore.backends import Backend, CuPyBackend, get_backend, register
from gradcore.backends.cuda import device
from gradcore.backends.cuda.device import usable_reason

BACKENDS: list = ["cpu"]
try:
    from strict_backend import DEVICE_TYPE, StrictBackend
except ModuleNotFoundError as missing:  # machines with a GPU need not have it
    if missing.name != "array_api_strict":
        raise
else:
    register(DEVICE_TYPE, lambda device: StrictBackend())
    BACKENDS.append(DEVICE_TYPE)
BACKENDS.append(pytest.param("cuda", marks=pytest.mark.gpu))

# SciPy looks at it when it is imported, which any test may do.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

pytest.register_assert_rewrite("gradcore.testing")

settings.register_profile("gradcore", deadline=None, max_examples=15, database=None)
settings.load_profile("gradcore")


@functools.cache
def _why_no_gpu() -> Optional[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return usable_reason()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests marked `gpu` are skipped in words where there is none, or fail where one is required."""
    if "backend" in getattr(item, "fixturenames", ()) and hasattr(item, "callspec"):
        item.user_properties.append(("backend", item.callspec.params.get("backend")))
    if item.get_closest_marker("gpu") and _why_no_gpu() is not None:
        if os.environ.get("GRADCORE_REQUIRE_GPU") == "1":
            pytest.fail(f"GRADCORE_REQUIRE_GPU=1, but CUDA cannot be used: {_why_no_gpu()}", pytrace=False)
        pytest.skip(f"CUDA cannot be used: {_why_no_gpu()}")


@pytest.fixture(params=BACKENDS, scope="session")  # hypothesis runs many examples within one test
def backend(request: pytest.FixtureRequest) -> Backend:
    """NumPy, a strict stand-in for another device where that is installed, and CuPy where there is a GPU."""
    return get_backend(request.param)


@pytest.fixture
def torch() -> Any:
    """PyTorch, for tests that compare with it."""
    return pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")


@pytest.fixture
def chosen_kernels() -> Iterator[None]:
    """Choices of the CPU's kernels are undone after the test."""
    before = get_backend("cpu").kernels
    yield
    get_backend("cpu").use_kernels(before)


@pytest.fixture
def rng() -> np.random.Generator:
    """Fresh random data in each run; the seed is printed when a test fails."""
    seed = int(os.environ.get("GRADCORE_TEST_SEED") or np.random.SeedSequence().entropy % 2**32)
    print(f"GRADCORE_TEST_SEED={seed}")
    return np.random.default_rng(seed)


@pytest.fixture
def pretended(monkeypatch) -> ModuleType:
    """The stand-in as `cupy`, with two devices."""
    for name, module in fake_cupy.modules(devices=2).items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(device, "_usable", set())
    monkeypatch.setattr(device, "managed", lambda: None)
    monkeypatch.setattr(fake_cupy.MemoryHook, "entered", [])
    fake_cupy.log.clear()
    fake_cupy.pinned.clear()
    fake_cupy.streams.recording = None
    return sys.modules["cupy"]


@pytest.fixture
def cuda(pretended) -> Iterator[Backend]:
    """The backend of "cuda:1" over the stand-in."""
    register("cuda", lambda device: CuPyBackend(device.index))
    yield get_backend("cuda:1")
    register("cuda", lambda device: CuPyBackend(device.index))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How many tests ran on each backend."""
    counts: dict[str, Counter] = {}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            name = dict(getattr(report, "user_properties", ())).get("backend")
            if name is not None:
                counts.setdefault(name, Counter())[outcome] += 1
    if counts:
        terminalreporter.section("tests per backend")
        for name, outcomes in sorted(counts.items()):
            terminalreporter.line(f"{name:8s}" + ", ".join(f"{n} {outcome}" for outcome, n in outcomes.items()))
