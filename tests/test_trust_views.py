"""Which results are views, and which have memory of their own; what is written keeps its digits."""

from __future__ import annotations

import numpy as np
import pytest

import gradcore
from gradcore import Tensor
from gradcore.nn import functional

from tensor_cases import normal, share_memory


# Results that share the memory of the input, where its layout allows it, or are the input itself.
VIEWS = {
    "reshape": lambda x: x.reshape(-1), "same shape": lambda x: x.reshape(x.shape), "flatten": lambda x: x.flatten(),
    "T": lambda x: x.T, "T flat": lambda x: x.T.reshape(-1), "squeeze": lambda x: x.squeeze(),
    "unsqueeze": lambda x: x.unsqueeze(0), "permute": lambda x: x.permute(*range(x.ndim)[::-1]),
    "expand": lambda x: x.expand(2, *x.shape), "same expand": lambda x: x.expand(*x.shape), "part": lambda x: x[...],
    "new axis": lambda x: x[None], "half": lambda x: x[::2] if x.ndim else x[()], "split": lambda x: _first(x, "split"),
    "chunk": lambda x: _first(x, "chunk"), "unbind": lambda x: _first(x, "unbind"), "detach": lambda x: x.detach(),
    "data": lambda x: x.data, "to": lambda x: x.to(x.device), "double": lambda x: x.double(), "+": lambda x: +x,
    "dropout": lambda x: gradcore.functions.dropout(x, training=False),
}

# Results with memory of their own, however little there is to compute.
COPIES = {
    "sum": lambda x: x.sum(), "sum of none": lambda x: x.sum(x.ndim - 1 if x.ndim else 0, keepdim=True),
    "mean": lambda x: x.mean(),
    "max": lambda x: x.max(), "amin": lambda x: x.amin(),
    "max along": lambda x: x.max(0, keepdim=True).values, "norm": lambda x: x.norm(), "norm 1": lambda x: x.norm(1),
    "logsumexp": lambda x: x.logsumexp(), "prod": lambda x: x.prod(), "prod along": lambda x: x.prod(0),
    "prod kept": lambda x: x.prod(-1, keepdim=True), "cumsum": lambda x: x.cumsum(0), "var": lambda x: x.var(ddof=0),
    "flip": lambda x: x.flip(), "flip of none": lambda x: x.flip(()), "repeat": lambda x: x.repeat(*[1] * x.ndim),
    "repeat 2": lambda x: x.repeat(*[2] * x.ndim), "repeat in front": lambda x: x.repeat(3, *[1] * x.ndim),
    "matrix_power": lambda x: gradcore.matrix_power(x.reshape(-1)[:1].reshape(1, 1), 1),
    "rot90": lambda x: gradcore.rot90(x.reshape(1, -1), 4), "rot90 back": lambda x: x.reshape(1, -1).rot90(-8),
    "pixel_shuffle": lambda x: functional.pixel_shuffle(x.reshape(1, 1, -1), 1),
    "pixel_unshuffle": lambda x: functional.pixel_unshuffle(x.reshape(1, 1, -1), 1),
    "channel_shuffle": lambda x: functional.channel_shuffle(x.reshape(1, 1, -1), 1),
    "clone": lambda x: x.clone(), "contiguous": lambda x: x.contiguous(),
    "cat": lambda x: gradcore.cat([x.reshape(-1)]), "stack": lambda x: gradcore.stack([x]),
    "where": lambda x: x.where(x == x, 0.0), "float": lambda x: x.float(),
    "clip": lambda x: x.clip(-9, 9), "masked_fill": lambda x: x.masked_fill(x != x, 0.0), "abs": lambda x: abs(x),
    "floor": lambda x: x.floor(), "+ 0": lambda x: x + 0, "* 1": lambda x: x * 1, "** 1": lambda x: x ** 1,
    "mask": lambda x: x[x == x], "take": lambda x: x.take([0]),
    "index_select": lambda x: x.reshape(-1).index_select(0, [0]),
    "gather": lambda x: x.reshape(-1).gather(0, np.array([0])),
    "masked_select": lambda x: x.masked_select(x == x),
    "relu": lambda x: x.relu(), "softmax": lambda x: x.reshape(-1).softmax(0),
    "matmul": lambda x: x.reshape(-1, 1) @ [[1.0]],
    "interpolate": lambda x: functional.interpolate(x.reshape(1, 1, -1), x.numel()),
    "interpolate linear": lambda x: functional.interpolate(x.reshape(1, 1, -1), x.numel(), mode="linear"),
    "adaptive_avg_pool1d": lambda x: functional.adaptive_avg_pool1d(x.reshape(1, 1, -1), x.numel()),
}


def _first(x, name):
    return getattr(x if x.ndim else x.reshape(1), name)(*[1] * (name != "unbind"))[0]


def _inputs(backend):
    """Tensors of many shapes, each in several layouts."""
    for shape in ((), (1,), (4,), (1, 1), (1, 4), (3, 1), (2, 3), (2, 1, 3)):
        x = Tensor(normal(0, shape), device=backend.device)
        spread = Tensor(normal(1, tuple(2 * n for n in shape)), device=backend.device)
        yield from (x, x.T.clone().T, spread[tuple(slice(None, None, 2) for _ in shape)], x.reshape(*shape, 1).expand(
            *shape, 2)[..., 1] if shape else x.detach())


@pytest.mark.parametrize("name", [*VIEWS, *COPIES])
def test_a_result_is_a_view_exactly_where_it_shares_memory(backend, name):
    for x in _inputs(backend):
        for requires_grad in (False, True):
            x = x.detach().requires_grad_(requires_grad)
            result = (VIEWS | COPIES)[name](x)
            shares = share_memory(result, x)
            assert shares == (result._versions is x._versions), (name, x.shape)
            assert not (shares and name in COPIES), (name, x.shape)


def test_writes_to_new_results_leave_the_input_alone(backend):
    for make in (lambda x: x.prod(), lambda x: x.prod(0), lambda x: x.repeat(1), lambda x: x.flip(0),
                 lambda x: x[0].cumsum(0)):
        x = Tensor([5.0], device=backend.device)
        make(x).zero_()
        assert x.tolist() == [5]


def test_gradients_of_results_that_became_copies(backend):
    for make, expected in ((lambda x: x[:1].prod() * 3, [3, 0]), (lambda x: x[0].cumsum(0) * 3, [3, 0]),
                           (lambda x: (x.repeat(2, 1) * x).sum(), [4, 8]), (lambda x: x.repeat(1)[1], [0, 1]),
                           (lambda x: x.flip(0)[0] * 5, [0, 5]), (lambda x: x.cumsum(0)[0], [1, 0])):
        x = Tensor([1.0, 2.0], device=backend.device, requires_grad=True)
        y = x * 1
        make(y).backward()
        assert x.grad.tolist() == expected


def test_copies_can_be_changed_and_leave_gradients_whole(backend):
    leaf = Tensor([[1.0, 2.0], [3.0, 4.0]], device=backend.device, requires_grad=True)
    a = leaf * 1
    squares = a * a  # needs the values of `a`
    y = a.T.reshape(-1)
    y.mul_(2)
    assert y.tolist() == [2, 6, 4, 8] and a.tolist() == [[1, 2], [3, 4]]
    (squares.sum() + y.sum()).backward()
    assert leaf.grad.tolist() == [[4, 6], [8, 10]]


def test_views_are_still_refused(backend):
    a = Tensor([[1.0, 2.0], [3.0, 4.0]], device=backend.device, requires_grad=True) * 1
    y = a.T.T.reshape(-1)
    with pytest.raises(RuntimeError, match="view"):
        y.mul_(2)


@pytest.mark.parametrize("dtype", ["bool", "int32", "int64"])
def test_sums_and_products_of_one_number_are_int64_too(backend, dtype):
    x = gradcore.tensor(True, dtype=dtype, device=backend.device)
    for result in (x.cumsum(0), x.cumsum(-1), x.prod(), x.reshape(1).cumsum(0), x.reshape(1).prod()):
        assert result.dtype == np.int64 and result.sum().item() == 1
    with pytest.raises(IndexError):
        x.cumsum(1)


WRITES = {
    "element": lambda y, value: y.__setitem__(0, value), "part": lambda y, value: y.__setitem__(slice(0, 1), value),
    "mask": lambda y, value: y.__setitem__(y == y, value), "index": lambda y, value: y.__setitem__([0], value),
    "list": lambda y, value: y.__setitem__(slice(None), [value, value]), "fill_": lambda y, value: y.fill_(value),
    "copy_": lambda y, value: y.copy_(value), "masked_fill_": lambda y, value: y.masked_fill_(y == y, value),
    "add_": lambda y, value: y.zero_().add_(value), "clamp_": lambda y, value: y.clamp_(value, value),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("has_history", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_are_rounded_once_when_they_are_written(backend, write, has_history, dtype):
    for value in (0.1, np.float64(0.1), 2**24 + 1, -1e-300, True):
        leaf = gradcore.zeros(2, dtype=dtype, device=backend.device, requires_grad=has_history)
        y = leaf * 1
        expected = np.asarray(value).astype(dtype)
        WRITES[write](y, value)
        assert y.dtype == dtype and y[0].item() == expected and y.requires_grad == has_history
        if has_history and write not in ("add_", "clamp_"):
            y.sum().backward()
            assert leaf.grad[0].item() == 0


@pytest.mark.parametrize("alias", [
    lambda x: x.reshape(3), lambda x: x.view(3), lambda x: x.view_as(x), lambda x: x.squeeze(), lambda x: x.squeeze(0),
    lambda x: x.expand(3), lambda x: x.expand(-1), lambda x: x.broadcast_to((3,)), lambda x: x.expand_as(x),
    lambda x: x.unflatten(0, (3,)), lambda x: gradcore.meshgrid(x)[0]])
def test_views_of_the_same_shape_are_tensors_of_their_own(alias):
    """What hooks see and `retain_grad` keeps is the gradient of the view, not of all that the tensor is used for."""
    x = gradcore.ones(3, requires_grad=True)
    y = alias(x)
    y.retain_grad()
    y.register_hook(lambda gradient: gradient * 2)
    (x * 5 + y).sum().backward()
    assert y is not x and y.grad.tolist() == [2, 2, 2] and x.grad.tolist() == [7, 7, 7]
    z = alias(gradcore.ones(3)).requires_grad_()
    assert z.is_leaf and z.requires_grad
