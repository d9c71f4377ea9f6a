"""What can be relied on without looking: which results are views, and which dtypes and values operations keep."""

from __future__ import annotations

import operator

import numpy as np
import pytest

import gradcore
from gradcore import Tensor

from tensor_cases import normal

# -- views --------------------------------------------------------------------------------------------------------

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
}


def _first(x, name):
    return getattr(x if x.ndim else x.reshape(1), name)(*[1] * (name != "unbind"))[0]


def _memory(x):
    array = x._array
    return array if isinstance(array, np.ndarray) else array.strict._array if hasattr(array, "strict") else None


def _share(a, b):
    if _memory(a) is None:  # on a GPU, which has no function that is exact
        return a._backend.shares_memory(a._array, b._array)
    return np.shares_memory(_memory(a), _memory(b))


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
            shares = _share(result, x)
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


# -- numbers that are written -------------------------------------------------------------------------------------

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


# -- dimensions and indices ---------------------------------------------------------------------------------------

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
            assert taken.item() == 2 and not _share(taken, x) and taken._versions is not x._versions
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
    for wrong in (lambda: x.permute(()), lambda: x.max(()), lambda: x.argmax(()), lambda: x.cumsum(()),
                  lambda: x.prod(())):
        with pytest.raises((TypeError, ValueError), match="dimension"):
            wrong()


# -- integers -----------------------------------------------------------------------------------------------------

LARGE = 2**53 + 1  # float64 does not hold it, let alone float32
INTEGER_DTYPES = ["uint8", "int8", "int32", "int64"]
COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]


@pytest.mark.parametrize("name", ["floor", "ceil", "round", "trunc"])
@pytest.mark.parametrize("dtype", INTEGER_DTYPES)
def test_rounding_leaves_integers_alone(backend, name, dtype):
    x = gradcore.tensor([1, 100], dtype=dtype, device=backend.device)
    for result in (getattr(x, name)(), getattr(gradcore, name)(x)):
        assert result.dtype == dtype and result.tolist() == [1, 100] and not _share(result, x)
    large = gradcore.tensor([LARGE, -LARGE], device=backend.device)
    assert getattr(large, name)().tolist() == [LARGE, -LARGE]
    if name in ("floor", "ceil", "round"):
        assert getattr(large, f"{name}_")() is large and large.tolist() == [LARGE, -LARGE]


@pytest.mark.parametrize("ours, theirs", [
    (lambda F, x: F.hardtanh(x), lambda F, x: F.hardtanh(x)),
    (lambda F, x: F.hardtanh(x, min_val=-1.5, max_val=LARGE + 1), lambda F, x: F.hardtanh(x, -1.5, LARGE + 1)),
    (lambda F, x: F.hardtanh(x, -2, 4), lambda F, x: F.hardtanh(x, -2, 4)),
    (lambda F, x: F.threshold(x), lambda F, x: F.threshold(x, 0, 0)),
    (lambda F, x: F.threshold(x, 0.5, 7.5), lambda F, x: F.threshold(x, 0.5, 7.5)),
    (lambda F, x: F.threshold(x, threshold=5, value=-1), lambda F, x: F.threshold(x, 5, -1)),
    (lambda F, x: F.relu(x), lambda F, x: F.relu(x)), (lambda F, x: F.relu6(x), lambda F, x: F.relu6(x))])
def test_activations_made_of_choices_keep_integers(backend, torch, ours, theirs):
    values = np.array([-3, -1, 0, 1, 5, LARGE])
    result = ours(gradcore.functions, gradcore.tensor(values, device=backend.device))
    np.testing.assert_array_equal(result.numpy(), theirs(torch.nn.functional, torch.tensor(values)).numpy())
    assert result.dtype == np.int64
    assert ours(gradcore.functions, gradcore.tensor(values[:4].astype("int8"), device=backend.device)).dtype == np.int8


def test_bounds_of_integers_may_lie_outside_of_the_dtype(backend):
    x = gradcore.tensor([0, 3, 255], dtype="uint8", device=backend.device)
    assert gradcore.functions.hardtanh(x).tolist() == [0, 1, 1]
    assert gradcore.functions.hardtanh(x, -np.inf, np.inf).tolist() == x.clip(-1, 300).tolist() == [0, 3, 255]
    assert gradcore.functions.threshold(x, threshold=-np.inf).tolist() == [0, 3, 255]
    assert gradcore.functions.threshold(x, threshold=np.inf, value=9).tolist() == [9, 9, 9]
    assert gradcore.functions.threshold(-x.int(), threshold=-3.5, value=9).tolist() == [0, -3, 9]
    for wrong in (lambda: gradcore.functions.threshold(x, value=np.inf), lambda: x.masked_fill(x > 1, np.nan),
                  lambda: x.masked_fill(x > 1, 256), lambda: x.where(x > 1, 300), lambda: x ** 300, lambda: x ** -1):
        with pytest.raises(OverflowError, match="(threshold|masked_fill|where|power): a tensor of"):
            wrong()


@pytest.mark.parametrize("dtype", ["bool", *INTEGER_DTYPES])
def test_masked_fill_keeps_integers(backend, torch, dtype):
    values, mask = np.array([1, 0, 3]).astype(dtype), np.array([True, False, True])
    x, theirs = gradcore.tensor(values, device=backend.device), torch.tensor(values)
    for value in (7, 0, 2.0, 2.5, True, np.float64(3.7), *([-1] if dtype != "bool" else [])):
        for given in (value, gradcore.tensor(float(value), device=backend.device)) if value != -1 else (value,):
            result = x.masked_fill(Tensor(mask, device=backend.device), given)
            expected = theirs.masked_fill(torch.tensor(mask), value).numpy()
            np.testing.assert_array_equal(result.numpy(), expected)
            assert result.dtype == dtype
    large = gradcore.tensor([LARGE, 1], device=backend.device)
    assert large.masked_fill(large == 1, 7.0).tolist() == [LARGE, 7]
    assert large.masked_fill_(large == 1, 7.5).tolist() == [LARGE, 7]
    assert (large + 0.0).masked_fill(large == 7, 0.1).dtype == np.float32


@pytest.mark.parametrize("dtype", INTEGER_DTYPES)
@pytest.mark.parametrize("number", [0, 1, -1, 44, 127, 128, 200, 255, 256, 300, -56, -128, -129, 2**31, -2**31 - 1,
                                    2**63 - 1, 2**63, -2**63 - 1, 2**70, -2**70])
def test_numbers_beyond_an_integer_dtype(backend, dtype, number):
    """Comparisons with them give the mathematical answer, arithmetic counts modulo 2^bits."""
    info = np.iinfo(dtype)
    values = [int(info.min), 0, 1, 44, int(info.max)]
    x = gradcore.tensor(np.array(values, dtype), device=backend.device)
    for compare in COMPARISONS:
        assert compare(x, number).tolist() == [compare(value, number) for value in values]
        assert compare(number, x).tolist() == [compare(number, value) for value in values]

    def held(exact):
        return [(value - int(info.min)) % 2**info.bits + int(info.min) for value in exact]

    for arithmetic in (operator.add, operator.sub, operator.mul):
        assert arithmetic(x, number).tolist() == held(arithmetic(value, number) for value in values)
        assert arithmetic(number, x).tolist() == held(arithmetic(number, value) for value in values)
    if number <= info.max:  # else the result could not be held
        assert gradcore.maximum(x, number).tolist() == [max(value, number) for value in values]
    if number >= info.min:
        assert gradcore.minimum(number, x).tolist() == [min(value, number) for value in values]
    assert gradcore.logical_and(x, number).tolist() == [bool(value and number) for value in values]
    changed = x.clone()
    changed += number
    assert changed.dtype == dtype and changed.tolist() == held(value + number for value in values)


@pytest.mark.parametrize("dtype", ["uint8", "int64"])
def test_division_by_numbers_beyond_the_dtype_is_as_in_pytorch(backend, torch, dtype):
    values = np.array([0, 44, 127], dtype)
    x, theirs = gradcore.tensor(values, device=backend.device), torch.tensor(values)
    for number in (-1, 300, 7, -300):
        for divide in (operator.floordiv, operator.mod):
            np.testing.assert_array_equal(divide(x, number).numpy(), divide(theirs, number).numpy())


DIVISIONS = [lambda a, b: a // b, lambda a, b: a % b, gradcore.operations.arithmetic.floor_divide,
             gradcore.operations.arithmetic.remainder, lambda a, b: a.floor_divide_(b), lambda a, b: a.remainder_(b)]


@pytest.mark.parametrize("divide", DIVISIONS)
def test_integers_are_not_divided_by_zero(backend, divide):
    x = gradcore.tensor([5, 6], device=backend.device)
    small = gradcore.tensor([5, 6], dtype="uint8", device=backend.device)
    with pytest.raises(ZeroDivisionError, match="(floor_divide|remainder): an integer"):
        divide(x, 0)
    with pytest.raises(ZeroDivisionError):
        divide(small, 256)  # which is 0 in uint8
    if isinstance(x._array, np.ndarray):  # the host sees the divisor
        for divisor in (gradcore.tensor([1, 0]), gradcore.tensor(0), gradcore.tensor([False, True]), np.array([0, 1])):
            with pytest.raises(ZeroDivisionError):
                divide(x, divisor)
        with pytest.raises(ZeroDivisionError):
            divide(small, gradcore.tensor(256))
    assert x.tolist() == [5, 6]
    assert divide(gradcore.zeros(0, dtype=int, device=backend.device), 0).shape == (0,)
    assert not np.isfinite(divide(x.double(), 0).numpy()).any()
    assert divide(x, 4).tolist() in ([1, 1], [1, 2])


def test_a_number_is_not_divided_by_zeros(backend):
    zeros = gradcore.tensor([1, 0], device=backend.device)
    if isinstance(zeros._array, np.ndarray):
        for divide in (operator.floordiv, operator.mod):
            with pytest.raises(ZeroDivisionError):
                divide(5, zeros)
    assert np.isnan((5.0 % zeros).numpy()).tolist() == [False, True]


def test_squares_of_truth_values_are_int64(backend):
    x = gradcore.tensor([True, False], device=backend.device)
    for result in (x.square(), gradcore.square(x), x.cumsum(0), x ** 2):
        assert result.dtype == np.int64 and result.tolist()[0] == 1
    assert (x * x).dtype == bool
    with pytest.raises(TypeError, match="square_"):
        x.square_()
    y = gradcore.tensor([3.0], device=backend.device, requires_grad=True)
    y.square().backward()
    assert y.grad.tolist() == [6]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_dropout_keeps_the_dtype(dtype):
    x = gradcore.ones(64, dtype=dtype, requires_grad=True)
    for p in (0.25, 1):
        y = gradcore.functions.dropout(x, p)
        assert y.dtype == dtype and set(y.tolist()) <= {0.0, float(np.asarray(1 / 0.75).astype(dtype))}
    x.grad = None
    y = gradcore.nn.Dropout(0.25)(x)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == dtype and x.grad.tolist() == y.tolist()
