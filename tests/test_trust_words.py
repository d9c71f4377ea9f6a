"""Whoever calls wrongly reads who refuses, what is expected and what came in; and nothing has changed.

A row of the table is a call, the name of the function that it calls, and what the words say beside it: what was
expected, and what came in.
"""

from __future__ import annotations

import pytest

import gradcore
from gradcore import functions
from gradcore.core import arguments

# x: float32 (2, 3) with a gradient; y: its like without one; n: int64 (2, 3); b: bool (2, 3); v: float32 (3,);
# s: a number; e: no elements; i: int64 (3,), the numbers 0 to 2; m: float32 (3, 3)
WRONG_CALLS = """
x.sum("a") | sum | integer | 'a'
x.sum(5) | sum | -2 to 1 | 5
x.sum((0, 0)) | sum | twice | (0, 0)
x.sum(0, keepdim=1) | sum | True or False | 1
x.sum(0, keepdim="yes") | sum | True or False | 'yes'
x.sum(dtype="number") | sum | dtype | 'number'
x.sum(wrong=1) | sum | keepdim | wrong=int 1
x.sum(axis=0, dim=0) | sum | both dim and axis | synonym
x.sum(0, False, None, 3, 4) | sum | keepdim | 4
gradcore.sum([1, 2]) | sum | Tensor | list [1, 2]
gradcore.sum() | sum | missing | nothing
x.mean(2) | mean | -2 to 1 | 2
x.mean(1.5) | mean | integer | 1.5
x.var(correction="one") | var | integer | 'one'
x.std(0, unbiased=None) | std | True or False | None
e.max() | max | no elements | (0,)
x.max(3) | max | -2 to 1 | 3
x.max((0, 1)) | max | amax | several
x.max(v, keepdim=True) | max | keepdim | two tensors
x.amax("0") | amax | integer | '0'
e.amin() | min | no elements | (0,)
x.argmax(dim="a") | argmax | integer | 'a'
e.argmax() | argmax | no elements | (0,)
x.all(7) | all | -2 to 1 | 7
x.any(dim=[None]) | any | integer | [None]
x.cumsum(4) | cumsum | -2 to 1 | 4
x.cumsum() | cumsum | missing | (2, 3)
x.cumprod(None) | cumprod | integer | None
x.prod(True) | prod | integer | True
x.norm("nuc") | norm | fro | 'nuc'
x.norm(float("nan")) | norm | number | nan
x.logsumexp(9) | logsumexp | -2 to 1 | 9
x.count_nonzero(9) | count_nonzero | -2 to 1 | 9
x.reshape(7) | reshape | 6 element | (7,)
x.reshape(-1, -1) | reshape | 6 element | (-1, -1)
x.reshape(2.0, 3) | reshape | integers | 2.0
x.view("a") | view | integers | 'a'
x.flatten(1, 0) | flatten | after | 1
x.squeeze(4) | squeeze | -2 to 1 | 4
x.unsqueeze(4) | unsqueeze | -3 to 2 | 4
x.permute(0) | permute | each of the 2 | (0,)
x.permute(0, 0) | permute | twice | (0, 0)
x.transpose(0, 1, 1) | transpose | two dimensions | 3
x.transpose(0, 5) | transpose | -2 to 1 | 5
x.flip(3) | flip | -2 to 1 | 3
x.expand(2, 4) | expand | length one | (2, 4)
x.expand(3) | expand | length one | (3,)
x.expand(-2, 2, 3) | expand | length one | (-2, 2, 3)
x.broadcast_to(5) | broadcast_to | integers | 5
x.repeat(2) | repeat | 2 dimensions | (2,)
x.repeat(-1, 2) | repeat | at least 0 | -2
x.tile(2 ** 60) | tile | 2^58 | (2
x.split(0) | split | at least one | 0
x.split([1, 3]) | split | length 2 | 4
x.split([3, -1]) | split | at least 0 | -1
x.split("a") | split | integer | 'a'
x.chunk(0) | chunk | at least one | 0
x.unbind(2) | unbind | -2 to 1 | 2
x.narrow(0, 1, 5) | narrow | length 2 | length 5
x.narrow(0, 0, -1) | narrow | length 2 | -1
x.select(0, 2) | select | size 2 | index 2
x.movedim(0, (0, 1)) | movedim | as many | (0, 1)
x.roll((1, 2), 0) | roll | each dimension | 2
x.repeat_interleave(-1) | repeat_interleave | from 0 on | -1
x.repeat_interleave([[1, 2], [3]]) | repeat_interleave | regular shape | [[1, 2], [3]]
x.take_along_dim(i, 0) | take_along_dim | 2 | have 1
x.view_as(3) | view_as | Tensor | int 3
gradcore.t(gradcore.zeros(2, 2, 2, device=device)) | t | matrices | (2, 2, 2)
gradcore.cat([]) | cat | at least one | cat
gradcore.cat(x) | cat | tuple or list | (2, 3)
gradcore.cat([x, v]) | cat | agree | (3,)
gradcore.cat([x, y], 2) | cat | -2 to 1 | 2
gradcore.cat([x, "a"]) | cat | booleans, integers and floats | 'a'
gradcore.stack([x, v]) | stack | one shape | (3,)
gradcore.hstack([x, 3]) | hstack | Tensors | 3
gradcore.vstack(3) | vstack | tuple or list | 3
gradcore.meshgrid(x, y) | meshgrid | vectors | (2, 3)
gradcore.meshgrid(v, indexing="ab") | meshgrid | "ij" or "xy" | 'ab'
gradcore.pad(x, (1,)) | pad | two numbers | (1,)
gradcore.pad(x, (1, 1), "mirror") | pad | reflect | 'mirror'
gradcore.pad(x, (5, 5), "reflect") | pad | longer | (5, 5)
gradcore.pad(x, (1, 1), "circular", 2.0) | pad | constant | circular
x[2] | indexing | size 2 | index 2
x[0, 0, 0] | indexing | 2-dimensional | 3 were
x["a"] | indexing | integers | <U1
x[1.5] | indexing | integers | float32
x["a":] | indexing | integers or None | 'a'
x[::0] | indexing | zero | (2, 3)
x[2 ** 70] | indexing | tensor | (2, 3)
x[[0, 5]] | indexing | size 2 | 5
x[v] | indexing | integer tensors | float32
x[gradcore.ones(3, device=device) > 0] | indexing | axis is 2 | 3
y.__setitem__(2, 0.0) | assignment | size 2 | index 2
y.__setitem__(0, [1.0, 2.0]) | assignment | part | (2,)
y.__setitem__(0, "a") | assignment | numbers | 'a'
y.__setitem__(0, None) | assignment | numbers | None
n.__setitem__(0, float("nan")) | assignment | finite | nan
n.__setitem__(0, 2 ** 70) | assignment | int64 holds | 1180591620717411303424
x.__setitem__(0, 0.0) | assignment | no_grad | leaf
x.gather(0, v) | gather | 2 | 1
x.gather(1, n + 7) | gather | 0 to 2 | 12
x.index_select(0, [5]) | index_select | size 2 | 5
x.take([99]) | take | size 6 | 99
x.masked_select(b[0, :2]) | masked_select | length one | (2,)
n.masked_fill(b, float("inf")) | masked_fill | finite | inf
x.scatter(0, n, "a") | scatter | booleans, integers and floats | 'a'
x.scatter(0, n, v) | scatter | no larger | (3,)
x.scatter(0, x, 1.0) | scatter | integers | float32
x.index_add(0, [0, 7], y) | index_add | 0 to 1 | 7
gradcore.one_hot(i, 2) | one_hot | 0 to 1 | 0 to 2
gradcore.one_hot(v, 3) | one_hot | integers | float32
gradcore.one_hot(i, 0) | one_hot | at least one | 0
gradcore.where(b, x) | where | two values | where
gradcore.where(b, x, gradcore.ones(5, device=device)) | where | one shape | (5,)
x.clip() | clip | min, max or both | clip
x.clip("a") | clip | numbers | 'a'
gradcore.allclose(x, "a") | allclose | numbers | 'a'
gradcore.allclose(x, y, atol=-1.0) | allclose | at least 0 | -1.0
gradcore.isclose(x, y, rtol=float("nan")) | isclose | at least 0 | nan
x + gradcore.ones(4, device=device) | add | one shape | (4,)
x * "a" | multiply | numbers | 'a'
x / None | divide | numbers | None
x - {} | subtract | numbers | dict
x ** [[1, 2], [3]] | power | regular shape | [[1, 2], [3]]
n ** -1 | power | float | negative
n // 0 | floor_divide | float | zero
n % 0 | remainder | float | zero
x < "a" | less | numbers | 'a'
x & b | bitwise_and | integer | float32
n | v.long()[:2] | bitwise_or | one shape | (2,)
x @ x | matmul | must equal | (2, 3)
x @ 3.0 | matmul | dimensions | ()
x @ "a" | matmul | booleans, integers and floats | 'a'
gradcore.ones(2, 3, 4, device=device) @ gradcore.ones(5, 4, 1, device=device) | matmul | one shape | (5,)
gradcore.bmm(x, x) | bmm | 3 | (2, 3)
gradcore.dot(x, x) | dot | 1 and 1 dimension | (2, 3)
gradcore.mm(v, v) | mm | 2 and 2 dimension | (3,)
gradcore.einsum("ij,jk", x, x) | einsum | length 3 | length 2
gradcore.einsum(3, x) | einsum | string | 3
gradcore.exp("a") | exp | numbers | 'a'
gradcore.exp() | exp | missing | 0 positional
gradcore.exp(x, base=2) | exp | unknown | base
gradcore.maximum(x, None) | maximum | numbers | None
gradcore.add(x, y, alpha="a") | add | number | 'a'
gradcore.div(x, y, rounding_mode="up") | div | "floor" or "trunc" | 'up'
gradcore.round(x, decimals=0.5) | round | integer | 0.5
gradcore.round(x, decimals=999) | round | 308 | 999
gradcore.logit(y, eps=0.7) | logit | 0 to 0.5 | 0.7
x.sort(3) | sort | -2 to 1 | 3
x.topk(4) | topk | 0 to 3 | 4
x.kthvalue(0) | kthvalue | 1 to 3 | 0
y.quantile(1.5) | quantile | 0 to 1 | 1.5
y.quantile(0.5, interpolation="cubic") | quantile | linear | 'cubic'
n.quantile(0.5) | quantile | floats | int64
x.bincount() | bincount | integers | float32
i.bincount(minlength=-1) | bincount | at least 0 | -1
v.tril() | tril | two or more | (3,)
x.diagonal(0, 1, 1) | diagonal | different | 1 twice
v.trace() | trace | matrix | (3,)
gradcore.zeros(-1, device=device) | zeros | at least 0 | -1
gradcore.zeros(2 ** 60, device=device) | zeros | 2^58 | (11529
gradcore.ones(2, dtype="word", device=device) | ones | dtype | 'word'
gradcore.ones(2, dtype=complex, device=device) | ones | booleans, integers or floats | complex
gradcore.ones(2, device=3) | ones | string | 3
gradcore.ones(2, device="tpu") | ones | cuda | tpu
gradcore.full((2,), 300, dtype="uint8", device=device) | full | 0 to 255 | 300
gradcore.full((2,), "a", device=device) | full | number | 'a'
gradcore.eye(-2, device=device) | eye | at least 0 | -2
gradcore.arange("a", device=device) | arange | number | 'a'
gradcore.arange(0, float("inf"), device=device) | arange | finite | inf
gradcore.arange(5, 0, device=device) | arange | lead | 5 to 0
gradcore.linspace(0, 1, -3, device=device) | linspace | at least 0 | -3
gradcore.zeros_like(3) | zeros_like | Tensor | 3
gradcore.tensor([[1], [2, 3]], device=device) | tensor | regular shape | [[1], [2, 3]]
gradcore.tensor("abc", device=device) | tensor | booleans, integers and floats | 'abc'
gradcore.tensor([1.0], dtype=int, requires_grad=True, device=device) | tensor | float | int64
gradcore.Tensor(None, device=device) | Tensor | numbers | None
gradcore.Tensor([300], dtype="uint8", device=device) | Tensor | uint8 cannot hold | [300]
gradcore.as_tensor({}, device=device) | as_tensor | numbers | {}
gradcore.from_numpy([1]) | from_numpy | NumPy array | list
gradcore.from_dlpack(3) | from_dlpack | __dlpack__ | int
n.requires_grad_() | requires_grad | floating-point | int64
x.backward() | backward | one element | (2, 3)
x.backward(v) | backward | (2, 3) | (3,)
x.backward("a") | backward | numbers | 'a'
y.backward() | backward | requires_grad=True | does not require
y.retain_grad() | retain_grad | gradient | does not require
x.item() | item | one element | (2, 3)
gradcore.grad(x, y) | grad | gradient | input 0
gradcore.grad(x.sum(), x, [1, 2]) | grad | 1 output | 2 gradient
gradcore.bernoulli(y + 5) | bernoulli | 0 to 1 | 5
y.bernoulli_(2.0) | bernoulli_ | 0 to 1 | 2.0
y.normal_(0.0, -1.0) | normal_ | at least 0 | -1.0
y.uniform_(1.0, 0.0) | uniform_ | order | 1.0
n.normal_() | normal_ | floats | int64
gradcore.rand(2, dtype=int, device=device) | rand | floats | int64
gradcore.randint(3, 3, (2,), device=device) | randint | below | 3 and 3
gradcore.randperm(-1, device=device) | randperm | at least 0 | -1
gradcore.multinomial(y, 0) | multinomial | at least one | num_samples=0
y.add_(gradcore.ones(4, device=device)) | add | one shape | (4,)
y.add_(gradcore.ones(4, 2, 3, device=device)) | add_ | fit | (4, 2, 3)
n.add_(0.5) | add_ | int64 | float32
x.mul_(2) | mul_ | no_grad | leaf
y.copy_([1.0, 2.0]) | copy_ | part | (2,)
n.fill_(float("inf")) | fill_ | finite | inf
y.fill_("a") | fill_ | numbers | 'a'
functions.softmax(x, 5) | softmax | -2 to 1 | 5
functions.softmax(x, "a") | softmax | integer | 'a'
functions.softplus(x, beta=0) | softplus | not be 0 | beta=0.0
functions.hardtanh(x, 1, -1) | hardtanh | at most | min_val=1.0
functions.leaky_relu(x, negative_slope="a") | leaky_relu | number | str
functions.rrelu(x, 0.5, 0.1) | rrelu | at most | 0.5
functions.prelu(x, v[:2]) | prelu | 3 channel | (2,)
functions.dropout(x, 2.0) | dropout | 0 and 1 | 2.0
functions.layer_norm(x, 2) | layer_norm | last dimensions | (2,)
functions.layer_norm(x, 3, eps=-1.0) | layer_norm | at least 0 | -1.0
functions.normalize(x, eps=-1.0) | normalize | at least 0 | -1.0
functions.cosine_similarity(x, v[:2]) | cosine_similarity | one shape | (2,)
functions.mse_loss(x, v) | mse_loss | one shape | (3,)
functions.mse_loss(x, y, reduction="average") | mse_loss | mean, sum, none | 'average'
functions.binary_cross_entropy(y + 2, b) | binary_cross_entropy | 0 to 1 | 2
functions.binary_cross_entropy(y * 0, y + 2) | binary_cross_entropy | 0 to 1 | 2
functions.cross_entropy(x, [0, 7]) | cross_entropy | 0 to 2 | 7
functions.cross_entropy(x, [0]) | cross_entropy | (2,) | (1,)
functions.linear(x, x.T) | linear | (out, in) | (3, 2)
"""

ROWS = [tuple(part.strip() for part in row.rsplit(" | ", 3)) for row in WRONG_CALLS.strip().splitlines()]


def _names(backend):
    device = backend.device
    x = gradcore.arange(6.0, device=device).reshape(2, 3).clone().requires_grad_()
    y = x.detach().clone()
    return {"gradcore": gradcore, "functions": functions, "device": device, "x": x, "y": y, "n": y.long(), "b": y > 2,
            "v": y[0].clone(), "s": y[0, 0].clone(), "e": gradcore.zeros(0, device=device),
            "i": gradcore.arange(3, device=device), "m": gradcore.eye(3, device=device)}


@pytest.mark.parametrize("call, name, expected, got", ROWS, ids=[row[0] for row in ROWS])
def test_wrong_calls(backend, call, name, expected, got, monkeypatch):
    names = _names(backend)
    tensors = [value for value in names.values() if isinstance(value, gradcore.Tensor)]
    before = [(tensor._versions[0], tensor.tolist(), tensor.grad) for tensor in tensors]
    foreign = []
    monkeypatch.setattr(arguments, "_foreign", lambda error, *rest: foreign.append(error) or error)
    with pytest.raises(Exception) as caught:
        eval(call, names)
    words = str(caught.value)
    assert not foreign and arguments.is_own(caught.value)
    assert name in words and expected in words and got in words, words
    assert before == [(tensor._versions[0], tensor.tolist(), tensor.grad) for tensor in tensors]


def test_there_are_enough_rows():
    assert len({row[0] for row in ROWS}) >= 150
