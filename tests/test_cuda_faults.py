"""Where CuPy is stricter than NumPy: what benchmarks hand to it."""

import numpy as np
import pytest

from benchmarks.plain import PlainNamespace


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
