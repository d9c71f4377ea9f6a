"""The stand-in for another device, which `test_conformance` holds to what all backends are held to."""

from __future__ import annotations

import numpy as np
import pytest

from gradcore import Tensor
from gradcore.backends import get_backend

pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")


class TestStandIn:
    """The stand-in device is as closed as a GPU."""

    array = get_backend("strict").asarray([1.0])

    @pytest.mark.parametrize("read", [float, int, bool, len, list, np.asarray, np.from_dlpack, np.exp, np.add.reduce],
                             ids=lambda f: f.__name__)
    def test_cannot_be_read(self, read):
        with pytest.raises((TypeError, AttributeError)):
            read(self.array)

    @pytest.mark.parametrize("mix", [lambda a: a + 1, lambda a: np.ones(1) + a, lambda a: np.ones(1) * a,
                                     lambda a: get_backend("strict").xp.add(a, np.ones(1)),
                                     lambda a: np.ones(1).__iadd__(a)])
    def test_does_not_mix_with_numpy(self, mix):
        with pytest.raises((TypeError, AssertionError)):
            mix(self.array)

    def test_numpy_array_is_no_operand(self):
        with pytest.raises(TypeError, match="different devices|cannot be combined"):
            Tensor([1.0], device="strict") + np.ones(1)

    def test_numpy_cannot_read_its_tensors(self):
        with pytest.raises(TypeError, match=r"\.numpy\(\)"):
            np.asarray(Tensor([1.0], device="strict"))
        assert type(Tensor([1.0], device="strict")._array).__name__ == "StrictArray"
