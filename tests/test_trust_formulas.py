"""Formulas mean what they say at the edges: bounds that cross, signs of zero, names, constants, NaN."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from gradcore import Tensor, elementwise
from gradcore.backends import Backend
from gradcore.operations.selection import clip

_VALUES = [-1.0, -0.0, 0.0, 1.0, 2.0, np.inf, -np.inf, np.nan]
_clip_in_a_formula = elementwise(lambda xp, x, low, high: xp.clip(x, low, high))


@pytest.mark.parametrize("function", [clip, _clip_in_a_formula], ids=["clip", "formula"])
def test_clip_gives_its_gradient_as_pytorch_does_also_where_the_bounds_cross(function, backend: Backend, torch):
    columns = np.array(list(itertools.product(_VALUES, repeat=3))).T
    ours = [Tensor(column, requires_grad=True, device=backend.device) for column in columns]
    theirs = [torch.tensor(column, requires_grad=True) for column in columns]
    result, expected = function(*ours), torch.clamp(*theirs)
    result.backward(np.ones(result.shape))
    expected.backward(torch.ones_like(expected))
    np.testing.assert_array_equal(result.numpy(), expected.detach().numpy())
    for name, x, their in zip(("x", "low", "high"), ours, theirs):
        np.testing.assert_array_equal(x.grad.numpy(), their.grad.numpy(), err_msg=name)
