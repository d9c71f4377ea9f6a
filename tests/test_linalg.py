"""Linear algebra beside PyTorch's: values, gradients and gradients of gradients, of single matrices and of stacks."""

from __future__ import annotations

import math

import numpy as np
import pytest

import gradcore
from gradcore import gradcheck, linalg

STACKS = pytest.mark.parametrize("stack", [(), (2,), (2, 3)], ids=str)


def _normal(rng, *shape):
    return rng.normal(size=shape)


def _positive(rng, *shape):
    x = rng.normal(size=shape)
    return x @ np.swapaxes(x, -1, -2) + 3 * np.eye(shape[-1])


def _wide(rng, *shape):
    return rng.normal(size=(*shape[:-1], shape[-1] + 2))


# What of each result does not depend on signs that a decomposition leaves open.
CASES = {
    "inv": (lambda L, a: L.inv(a), _normal), "det": (lambda L, a: L.det(a), _normal),
    "slogdet": (lambda L, a: L.slogdet(a).logabsdet, _normal),
    "solve": (lambda L, a: L.solve(a, a * 0.5 + 1), _normal),
    "solve vector": (lambda L, a: L.solve(a, a[..., 0] + 1), _normal),
    "cholesky": (lambda L, a: L.cholesky(a), _positive),
    "cholesky upper": (lambda L, a: L.cholesky(a, upper=True), _positive),
    "eigh": (lambda L, a: L.eigh(a).eigenvalues, _positive),
    "eigh vectors": (lambda L, a: L.eigh(a, "U").eigenvectors ** 2, _positive),
    "eigvalsh": (lambda L, a: L.eigvalsh(a), _positive), "svdvals": (lambda L, a: L.svdvals(a), _wide),
    "svd": (lambda L, a: L.svd(a, full_matrices=False).U ** 2, _normal),
    "svd wide": (lambda L, a: L.svd(a, full_matrices=False).Vh ** 2, _wide),
    "svd all": (lambda L, a: (lambda u, s, vh: u ** 2 * s.unsqueeze(-2) + vh ** 2)(*L.svd(a)), _normal),
    "svd full": (lambda L, a: L.svd(a).S, _wide),
    "qr": (lambda L, a: L.qr(a).Q ** 2, _normal), "qr wide": (lambda L, a: L.qr(a).R ** 2, _wide),
    "qr high": (lambda L, a: (lambda q, r: (q @ r.abs()) ** 2)(*L.qr(a.mT)), _wide),
    "qr complete": (lambda L, a: L.qr(a, mode="complete").R ** 2, _wide),
    "pinv": (lambda L, a: L.pinv(a), _wide), "pinv high": (lambda L, a: L.pinv(a.mT), _wide),
    "matrix_power": (lambda L, a: L.matrix_power(a, 3) + L.matrix_power(a, -2) + L.matrix_power(a, 0), _positive),
    **{f"norm {order}": (lambda L, a, order=order: L.matrix_norm(a, order), _wide)
       for order in ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf)},
    "norm of dims": (lambda L, a: L.norm(a, "nuc", dim=(-1, -2), keepdim=True), _wide),
    "vector norm": (lambda L, a: L.vector_norm(a, 3, dim=-1), _normal), "norm": (lambda L, a: L.norm(a), _normal),
    "vector norm of all": (lambda L, a: L.norm(a, 1, dim=0, keepdim=True), _normal),
    "diagonal": (lambda L, a: L.diagonal(a, offset=1), _normal),
}
EVERY_CASE = pytest.mark.parametrize("name", CASES)


@EVERY_CASE
@STACKS
def test_values_and_gradients_as_pytorchs(name, stack, backend, torch, rng):
    function, draw = CASES[name]
    values = draw(rng, *stack, 3, 3)
    x = gradcore.tensor(values, device=backend.device, requires_grad=True)
    other = torch.tensor(values, requires_grad=True)
    ours, theirs = function(linalg, x), function(torch.linalg, other)
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-8, atol=1e-8)
    weights = rng.normal(size=ours.shape)
    (ours * gradcore.tensor(weights, device=backend.device)).sum().backward()
    (theirs * torch.tensor(weights)).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), other.grad.numpy(), rtol=1e-6, atol=1e-7)


@EVERY_CASE
def test_gradients_of_gradients(name):
    rng = np.random.default_rng(0)  # singular values and eigenvalues that are well apart
    function, draw = CASES[name]
    x = gradcore.tensor(draw(rng, 3, 3), requires_grad=True)

    def value(x):
        return function(linalg, (x + x.mT) / 2 if draw is _positive else x)

    def slope(x):
        result = value(x)
        gradient, = gradcore.grad((result * result).sum(), x, create_graph=True)
        return (gradient * gradient).sum() + gradient[0].sum()
    assert gradcheck(value, x, rtol=1e-3, atol=1e-4)
    assert gradcheck(slope, x, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_the_determinant_of_singular_matrices_has_a_gradient(rank, backend, rng):
    values = rng.normal(size=(3, rank)) @ rng.normal(size=(rank, 3))
    x = gradcore.tensor(values, device=backend.device, requires_grad=True)
    linalg.det(x).backward()
    cofactors = [[(-1) ** (i + j) * np.linalg.det(np.delete(np.delete(values, i, 0), j, 1)) for j in range(3)]
                 for i in range(3)]
    np.testing.assert_allclose(x.grad.numpy(), cofactors, atol=1e-10)


def test_ranks_and_pseudo_inverses_of_singular_matrices(torch, rng):
    values = np.stack([rng.normal(size=(4, k)) @ rng.normal(size=(k, 3)) for k in (1, 2, 3)])
    x, other = gradcore.tensor(values), torch.tensor(values)
    assert linalg.matrix_rank(x).tolist() == [1, 2, 3]
    assert linalg.matrix_rank(x, atol=1e9).tolist() == torch.linalg.matrix_rank(other, atol=1e9).tolist()
    np.testing.assert_allclose(linalg.pinv(x).numpy(), torch.linalg.pinv(other).numpy(), atol=1e-9)
    for rtol in (0.5, [0.01, 0.9, 0.5]):
        theirs = rtol if isinstance(rtol, float) else torch.tensor(rtol, dtype=torch.float64)
        ours = rtol if isinstance(rtol, float) else gradcore.tensor(rtol, dtype="float64")
        np.testing.assert_allclose(linalg.pinv(x, rtol=ours).numpy(), torch.linalg.pinv(other, rtol=theirs).numpy(),
                                   atol=1e-9)
        assert linalg.matrix_rank(x, rtol=ours).tolist() == torch.linalg.matrix_rank(other, rtol=theirs).tolist()
    assert linalg.matrix_rank(gradcore.zeros(2, 0, 3)).tolist() == [0, 0]


def test_products_of_many(torch, rng):
    sides = [rng.normal(size=shape) for shape in ((4, 9), (9, 2), (2, 7), (7,))]
    ours = linalg.multi_dot([gradcore.tensor(side) for side in sides])
    np.testing.assert_allclose(ours.numpy(), torch.linalg.multi_dot([torch.tensor(side) for side in sides]).numpy())


def test_stacks_broadcast_in_systems(torch, rng):
    a, b = rng.normal(size=(2, 1, 3, 3)), rng.normal(size=(4, 3, 2))
    x, y = gradcore.tensor(a, requires_grad=True), gradcore.tensor(b, requires_grad=True)
    other, right = torch.tensor(a, requires_grad=True), torch.tensor(b, requires_grad=True)
    linalg.solve(x, y).sum().backward()
    torch.linalg.solve(other, right).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), other.grad.numpy(), rtol=1e-7)
    np.testing.assert_allclose(y.grad.numpy(), right.grad.numpy(), rtol=1e-7)


def test_names_beside_the_namespace(torch, rng):
    values = rng.normal(size=(3, 3)) + 4 * np.eye(3)
    x, other = gradcore.tensor(values), torch.tensor(values)
    for name in ("inverse", "det", "logdet", "pinverse"):
        for call in (lambda library, x: getattr(library, name)(x), lambda library, x: getattr(x, name)()):
            np.testing.assert_allclose(call(gradcore, x).numpy(), call(torch, other).numpy(), rtol=1e-7)
    assert gradcore.slogdet(-x).sign.item() == torch.slogdet(-other).sign.item() == -1.0
    assert linalg.qr(x, mode="r").Q.shape == (0,)


def test_empty_matrices():
    nothing = gradcore.zeros(0, 0)
    assert linalg.det(nothing).item() == 1.0 and linalg.inv(nothing).shape == (0, 0)
    assert linalg.pinv(gradcore.zeros(0, 3)).shape == (3, 0)


def test_mistakes_are_named():
    square, wide = gradcore.ones(2, 2), gradcore.ones(2, 3)
    cases = [
        (ValueError, r"inv takes square matrices; got shape \(2, 3\)", lambda: linalg.inv(wide)),
        (ValueError, r"svd takes matrices; got shape \(3,\)", lambda: linalg.svd(gradcore.ones(3))),
        (TypeError, "det takes float32 and float64 tensors; got int64", lambda: linalg.det(square.long())),
        (ValueError, "needs a B of 2 rows", lambda: linalg.solve(square, gradcore.ones(3, 2))),
        (ValueError, "got 'half'", lambda: linalg.qr(square, "half")),
        (ValueError, "got 'X'", lambda: linalg.eigh(square, "X")),
        (ValueError, "got 3", lambda: linalg.matrix_norm(square, 3)),
        (ValueError, "two or more", lambda: linalg.multi_dot([square])),
        (ValueError, "for vectors and matrices", lambda: linalg.norm(gradcore.ones(2, 2, 2), 2)),
        (linalg.LinAlgError, "inv: singular matrix", lambda: linalg.inv(square)),
        (linalg.LinAlgError, "solve: singular matrix", lambda: linalg.solve(square, square)),
        (linalg.LinAlgError, "cholesky: matrix is not positive definite", lambda: linalg.cholesky(-square)),
    ]
    for error, message, call in cases:
        with pytest.raises(error, match=message):
            call()
    with pytest.raises(NotImplementedError, match='take mode "reduced"'):
        x = gradcore.ones(3, 2).requires_grad_()
        linalg.qr(x, mode="complete").R.sum().backward()
