"""Random graphs against PyTorch: values, and derivatives up to the third, of what operations make of each other."""

from __future__ import annotations

import numpy as np

import gradcore
from gradcore import Tensor

GRAPHS = 30

# Each takes the library, a generator of random numbers and tensors of shape (3, 4), and gives another of that shape.
_UNARY = [
    lambda lib, r, x: x.tanh(), lambda lib, r, x: x.sin(), lambda lib, r, x: x.exp() / 8, lambda lib, r, x: x * x / 4,
    lambda lib, r, x: lib.sigmoid(x), lambda lib, r, x: (x * x + 0.5).sqrt(), lambda lib, r, x: (x * x + 1).log(),
    lambda lib, r, x: 1 / (x * x + 1), lambda lib, r, x: lib.softmax(x, 1) * 3, lambda lib, r, x: x - x.mean(0),
    lambda lib, r, x: x.sum(1).unsqueeze(1).expand(3, 4) / 4, lambda lib, r, x: x.cumsum(1) / 4,
    lambda lib, r, x: x.flip((0,)), lambda lib, r, x: x.reshape(4, 3).transpose(0, 1),
    lambda lib, r, x: x.permute(1, 0).reshape(3, 4), lambda lib, r, x: x[[0, 0, 2]],
    lambda lib, r, x: x[:, [3, 1, 1, 0]],
    lambda lib, r, x: lib.cat([x[1:], x[:1]], 0), lambda lib, r, x: lib.where(x > 0.1, x * x, x.sin()),
    lambda lib, r, x: x.clamp(-1.5, 1.5), lambda lib, r, x: x.abs() + 0.1,
    lambda lib, r, x: x.logsumexp(1).reshape(3, 1) - x,
    lambda lib, r, x: x.var(0) * x, lambda lib, r, x: x ** 3 / 9, lambda lib, r, x: x.max(1).values.unsqueeze(1) * x,
    lambda lib, r, x: x.prod(0) / 9 + x, lambda lib, r, x: x.norm() * x / 4, lambda lib, r, x: lib.erf(x),
    lambda lib, r, x: x.clone().mul_(2).add_(1) / 3, lambda lib, r, x: _written(lib, x),
    lambda lib, r, x: x.gather(1, _positions(lib, r)), lambda lib, r, x: x.tril() + x.triu(1) * 2,
    lambda lib, r, x: lib.log_softmax(x, 0), lambda lib, r, x: x.unbind(0)[1] * x, lambda lib, r, x: x.atan() * 2,
]
_BINARY = [
    lambda lib, r, a, b: a + b, lambda lib, r, a, b: a * b, lambda lib, r, a, b: a - b * 0.5,
    lambda lib, r, a, b: a / (b * b + 1), lambda lib, r, a, b: lib.maximum(a, b),
    lambda lib, r, a, b: lib.minimum(a, b),
    lambda lib, r, a, b: (a @ b.transpose(0, 1)).tanh() @ b / 3, lambda lib, r, a, b: a * b[0],
    lambda lib, r, a, b: a * b[:, :1], lambda lib, r, a, b: lib.where(a > b, a, b * b),
    lambda lib, r, a, b: a * b.sum(),
    lambda lib, r, a, b: lib.stack([a, b], 0).mean(0), lambda lib, r, a, b: lib.atan2(a, b * b + 1),
    lambda lib, r, a, b: lib.einsum("ij,kj->ik", a, b) @ a / 9, lambda lib, r, a, b: lib.lerp(a, b, 0.25),
]


def _written(lib, x):
    y = x * 1.5
    y[0] = x[1] * x[2]
    y[:, 1] = 0.5
    return y


def _positions(lib, r):
    places = r.integers(0, 4, (3, 4))
    return Tensor(places) if lib is gradcore else lib.tensor(places)


def _graph(lib, leaves, seed):
    """A number that depends on the leaves in a way that the seed decides."""
    r = np.random.default_rng(seed)
    pool = list(leaves)
    for _ in range(r.integers(3, 9)):
        if r.random() < 0.5:
            pool.append(_UNARY[r.integers(len(_UNARY))](lib, r, pool[r.integers(len(pool))]))
        else:
            a, b = pool[r.integers(len(pool))], pool[r.integers(len(pool))]
            pool.append(_BINARY[r.integers(len(_BINARY))](lib, r, a, b))
    return (pool[-1] * pool[-1]).mean() + pool[-2].sin().sum() + sum(leaf.sum() for leaf in leaves)


def _derivatives(lib, along, leaves, seed):
    """The value, then the gradients of it, of a sum of these, and once more."""
    value, found = _graph(lib, leaves, seed), []
    for order in range(3):
        found.append(value)
        slopes = along(value, leaves, create_graph=True, allow_unused=True)
        used = [slope for slope in slopes if slope is not None]
        found += used
        if not any(slope.requires_grad for slope in used):
            break
        value = sum((slope * slope.cos()).sum() for slope in used)
    return [tensor.detach().numpy() for tensor in found]


def test_random_graphs(torch, rng):
    """What PyTorch itself makes of inputs that are rounded otherwise says how many digits a graph leaves."""
    for seed in rng.integers(0, 2 ** 32, GRAPHS):
        arrays = [np.random.default_rng(seed + k).normal(size=(3, 4)) for k in range(3)]
        ours = _derivatives(gradcore, gradcore.grad, [Tensor(a, requires_grad=True) for a in arrays], seed)
        theirs, shaken = (_derivatives(torch, torch.autograd.grad, [torch.tensor(a * by, requires_grad=True)
                                                                    for a in arrays], seed) for by in (1, 1 + 1e-15))
        assert len(ours) == len(theirs), f"the graph of seed {seed}"
        for i, (a, b, c) in enumerate(zip(ours, theirs, shaken)):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * (1 + np.abs(b).max()) + 100 * np.abs(b - c).max(),
                                       err_msg=f"the graph of seed {seed}, result {i}")
