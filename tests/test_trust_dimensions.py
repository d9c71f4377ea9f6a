"""What names a dimension or an element, and what an empty `dim` reduces."""

from __future__ import annotations


import numpy as np
import pytest

import gradcore
from gradcore import Tensor

from tensor_cases import share_memory


def test_integer_tensors_without_dimensions_are_integers(backend, torch):
    values = np.arange(24).reshape(2, 3, 4)
    ours, theirs = Tensor(values, device=backend.device), torch.tensor(values)
    one, rows, columns = 1, [0, 2, 2], [[0, 1]]
    for index in ((one, slice(None), rows), (slice(None), one, rows), (columns, slice(None), one), (columns, one),
                  (one,), (one, one, one), (None, one, ..., rows), ([0, 1], one, rows[:2]), (..., one)):
        theirs_index = tuple(torch.tensor(part) if isinstance(part, (int, list)) else part for part in index)
        expected = theirs[theirs_index].numpy()
        for number in (np.array, np.int32, lambda n: Tensor(n, dtype="uint8", device=backend.device),
                       lambda n: Tensor(n, dtype=int, device=backend.device)):
            parts = tuple(number(part) if isinstance(part, int) else part for part in index)
            taken = ours[parts]
            np.testing.assert_array_equal(taken.numpy(), expected)
            changed = ours.clone()
            changed[parts] = -1
            assert (changed.numpy() == -1).sum() == np.unique(expected).size
    assert ours[Tensor(1, dtype=int, device=backend.device)]._versions is ours._versions
    assert ours[Tensor(True, dtype=bool, device=backend.device)].shape == (1, 2, 3, 4)


def test_parts_taken_by_one_number_are_copies(backend):
    one = Tensor(1, dtype=int, device=backend.device)
    for index in (1, one, np.array(1)):
        x = Tensor([1.0, 2.0], device=backend.device, requires_grad=True)
        for taken in (x.take(index), x.index_select(0, index)):
            assert taken.item() == 2 and not share_memory(taken, x) and taken._versions is not x._versions
        taken.backward()
        assert x.grad.tolist() == [0, 1]


@pytest.mark.parametrize("name", ["max", "min"])
def test_the_extremum_of_two_tensors_is_elementwise(backend, torch, name):
    values, others = np.array([[1.0, 5.0], [0.0, 2.0]]), (np.array(1.0), np.array(1), np.array([4.0, 2.0]))
    for other in others:
        x = Tensor(values, device=backend.device, requires_grad=True)
        theirs = torch.tensor(values, requires_grad=True)
        expected = getattr(theirs, name)(torch.tensor(other))
        expected.sum().backward()
        for given in (Tensor(other, device=backend.device), *([other] if backend.device == "cpu" else [])):
            x.grad = None
            result = getattr(gradcore, name)(x, given)
            np.testing.assert_array_equal(result.numpy(), expected.detach().numpy())
            result.sum().backward()
            np.testing.assert_array_equal(x.grad.numpy(), theirs.grad.numpy())
        with pytest.raises(TypeError, match=f"{name} of two tensors"):
            getattr(x, name)(given, keepdim=True)
    assert getattr(x, name)(np.int64(1)).indices.shape == (2,)


TAKE_A_DIMENSION = {
    **{name: lambda x, dim, name=name: getattr(x, name)(dim) for name in
       "sum mean var std max min amax amin argmax argmin any all count_nonzero cumsum prod logsumexp squeeze unsqueeze "
       "flip unbind softmax flatten".split()},
    "norm": lambda x, dim: x.norm(2, dim), "split": lambda x, dim: x.split(1, dim),
    "chunk": lambda x, dim: x.chunk(1, dim), "gather": lambda x, dim: x.gather(dim, [[0]]),
    "take": lambda x, dim: x.take([0], dim),
    "index_select": lambda x, dim: x.index_select(dim, [0]), "cat": lambda x, dim: gradcore.cat([x, x], dim),
    "stack": lambda x, dim: gradcore.stack([x, x], dim), "permute": lambda x, dim: x.permute(dim, not dim),
    "transpose": lambda x, dim: x.transpose(dim, not dim), "several": lambda x, dim: x.sum((dim,)),
    "reshape": lambda x, dim: x.reshape(dim, -1), "expand": lambda x, dim: x.expand(dim, 1, 1),
    "repeat": lambda x, dim: x.repeat(dim, 1), "zeros": lambda x, dim: gradcore.zeros(dim, device=x.device),
}


@pytest.mark.parametrize("name", TAKE_A_DIMENSION)
def test_truth_values_are_no_dimensions(backend, name):
    truth = Tensor(True, dtype=bool, device=backend.device)
    for x in (gradcore.ones(1, 1, device=backend.device), gradcore.ones((), device=backend.device)):
        for dim in (True, False, np.True_, truth):
            if dim is truth and name in ("max", "min", "permute", "transpose") or not x.ndim and name == "flatten":
                continue
            with pytest.raises((TypeError, IndexError) if not x.ndim else TypeError, match="integer|dimension|needs"):
                TAKE_A_DIMENSION[name](x, dim)


REDUCTIONS = "sum mean var std amax amin any all count_nonzero norm logsumexp".split()


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("empty", [(), []], ids=str)
def test_an_empty_dim_means_all_as_in_pytorch(backend, torch, name, empty):
    values = np.arange(6.0).reshape(2, 3)
    x = Tensor(values, device=backend.device, requires_grad=True)
    given = {} if name == "count_nonzero" else {"keepdim": True}
    for options in ({}, given):
        result = getattr(x, name)(dim=empty, **options)
        if name == "logsumexp":  # which PyTorch refuses
            expected = torch.logsumexp(torch.tensor(values), (0, 1), **options)
        else:
            expected = getattr(torch, name)(torch.tensor(values), dim=empty, **options)
        np.testing.assert_allclose(result.numpy(), expected.numpy(), rtol=1e-12)
        assert result.shape == tuple(expected.shape)
    if result.requires_grad:
        result.sum().backward()
        every = Tensor(values, device=backend.device, requires_grad=True)
        getattr(every, name)().backward()
        np.testing.assert_array_equal(x.grad.numpy(), every.grad.numpy())
    number = Tensor(3.0, device=backend.device)
    for dim in (empty, 0, -1, (0,), [-1]):
        assert getattr(number, name)(dim=dim).shape == ()
    for dim, error in (((0, -1), ValueError), (1, IndexError), ((1,), IndexError)):
        with pytest.raises(error):
            getattr(number, name)(dim=dim)


def test_what_is_no_reduction_leaves_an_empty_dim_alone(backend):
    x = Tensor([[1.0], [2.0]], device=backend.device)
    assert x.squeeze(()).shape == (2, 1) and x.flip(()).tolist() == [[1], [2]]
    for wrong in (lambda: x.permute(()), lambda: x.max(()), lambda: x.argmax(()), lambda: x.cumsum(())):
        with pytest.raises((TypeError, ValueError), match="dim"):
            wrong()
