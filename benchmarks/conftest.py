"""`pytest benchmarks`: every case as a benchmark of pytest-benchmark, with that plugin's options."""

from __future__ import annotations

from decimal import Decimal
from typing import Callable

import pytest

from . import cases
from .activations import activations
from .implementations import PEERS, YARDSTICK, Implementation
from .machine import usable_devices

_USABLE, _MISSING = usable_devices()
_SECONDS_OF_A_CASE = Decimal("0.2")  # unless --benchmark-max-time says otherwise, for there are thousands of cases


def pytest_configure(config: pytest.Config) -> None:
    if not any(argument.startswith("--benchmark-max-time") for argument in config.invocation_params.args):
        config.option.benchmark_max_time = _SECONDS_OF_A_CASE


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrises over everything; what is compared with each other runs in direct succession."""
    devices = [*_USABLE, *_MISSING]
    if "case" in metafunc.fixturenames:
        _parametrise(metafunc, [_with(group, implementation.name)
                                for group in cases.full(list(activations()), devices) for implementation in PEERS
                                if implementation.name != YARDSTICK and implementation.is_for(group)])
    elif "machine_case" in metafunc.fixturenames:
        groups = cases.machine_groups(cases.full(list(activations()), devices))
        _parametrise(metafunc, [_with(group, "numpy" if group.device == "cpu" else "cupy") for group in groups],
                     "machine_case")
    elif "device" in metafunc.fixturenames:
        metafunc.parametrize("device", devices)


def _with(group: cases.Case, implementation: str) -> cases.Case:
    return cases.Case(group.activation, group.direction, group.size, group.dtype, group.device, implementation)


def _parametrise(metafunc: pytest.Metafunc, found: list[cases.Case], name: str = "case") -> None:
    metafunc.parametrize(name, found, ids=[case.key.replace("/", "-").replace(" ", "_") for case in found])


@pytest.fixture
def require() -> Callable:
    """Skips what cannot be measured on this machine, with the reason."""
    def check(device: str, case: cases.Case | None = None, implementation: Implementation | None = None) -> None:
        if device in _MISSING:
            pytest.skip(f"{device}: {_MISSING[device]}")
        reason = implementation and implementation.why_not(case)
        if reason:
            pytest.skip(f"{implementation.name}: {reason}")

    return check
