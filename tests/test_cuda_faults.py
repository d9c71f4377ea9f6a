"""Where CuPy is stricter than NumPy: what benchmarks hand to it, and on which device."""

import numpy as np
import pytest

from benchmarks.activations import activations
from benchmarks.cases import Case
from benchmarks.data import Data
from benchmarks.implementations import Plain
from benchmarks.plain import PlainNamespace
from gradcore.backends import CuPyBackend, get_backend, register
from native_compiler import needs_compiler


class StrictWhere:
    """NumPy, with CuPy's `where`, which calls a method of its condition."""

    asarray = staticmethod(np.asarray)

    @staticmethod
    def where(condition, a, b):
        return np.where(condition.astype("?"), a, b)


@pytest.mark.parametrize("condition, expected", [(True, 2.0), (False, 3.0)])
def test_plain_where_takes_a_python_bool(condition, expected):
    result = PlainNamespace(StrictWhere, "float32", None).where(condition, np.full(2, 2, np.float32), 3.0)
    assert result.dtype == np.float32 and result.tolist() == [expected, expected]


@needs_compiler
@pytest.mark.parametrize("name", ["leaky_relu", "sigmoid"])
def test_plain_operators_work_on_the_device_of_their_arrays(name, pretended, monkeypatch):
    """CuPy works on the current device, which is the first one, whichever the arrays are on."""
    register("cuda", lambda device: CuPyBackend(device.index))
    monkeypatch.setattr("benchmarks.data._ROTATED_BYTES", 1000)
    try:
        activation = activations()[name]
        group = Case(name, "both", 50, "float32", "cuda:1")
        data = Data.of(group, activation)
        work = Plain().work(group, activation, data)
        with work.mode():
            assert get_backend("cuda:1").owns(work.call())
        np.testing.assert_allclose(work.result(), data.expected(group, activation), 1e-5)
    finally:
        register("cuda", lambda device: CuPyBackend(device.index))
