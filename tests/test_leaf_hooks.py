"""Hooks that see a leaf's gradient when it is complete, while the backward pass goes on."""

from __future__ import annotations

import numpy as np
import pytest

import gradcore
from gradcore import Tensor


def _noting(seen, name):
    return lambda leaf: seen.append((name, leaf.grad.numpy().tolist()))


def test_a_leaf_is_seen_once_with_its_whole_gradient(torch):
    def run(tensor):
        x, w, seen = tensor([1.0, 2.0]), tensor([3.0, 4.0]), []
        for name, leaf in (("x", x), ("w", w)):
            leaf.requires_grad_()
            leaf.register_post_accumulate_grad_hook(_noting(seen, name))
        y = x * w + x
        (y * w + x * x).sum().backward()
        return sorted(seen)

    assert run(gradcore.tensor) == run(torch.tensor)


def test_it_is_seen_before_older_operations_are_differentiated():
    """The use of communication that goes on during the rest of the pass."""
    seen = []
    first, second, third = (Tensor([float(i)], requires_grad=True) for i in (2, 3, 4))
    for name, leaf in (("first", first), ("second", second), ("third", third)):
        leaf.register_post_accumulate_grad_hook(_noting(seen, name))
    y = first * 1
    y.register_hook(lambda gradient: seen.append("before y"))
    z = y * second + second
    z.register_hook(lambda gradient: seen.append("before z"))
    (z * third).backward()
    assert [note if isinstance(note, str) else note[0] for note in seen] == ["third", "before z", "second", "before y",
                                                                            "first"]


def test_gradients_are_those_without_hooks(rng):
    values = rng.standard_normal((3, 4))

    def gradients(hooked):
        leaves = [Tensor(part, requires_grad=True) for part in values]
        for leaf in leaves[:2] if hooked else ():
            leaf.register_post_accumulate_grad_hook(lambda leaf: None)
        a, b, c = leaves
        for _ in range(2):  # accumulated
            (gradcore.tanh(a * b) * a + b * c + (a + a) * 2).sum().backward()
        return [leaf.grad.numpy() for leaf in leaves]

    for found, expected in zip(gradients(True), gradients(False)):
        np.testing.assert_allclose(found, expected, rtol=1e-13)  # they are added up in another order


def test_nodes_without_a_gradient_keep_nobody_waiting():
    seen, x = [], Tensor([2.0], requires_grad=True)
    x.register_post_accumulate_grad_hook(_noting(seen, "x"))
    values, _ = gradcore.sort(x * 3)  # the positions have no gradient
    (values + x.detach() * x).sum().backward()
    assert seen == [("x", [5.0])]


def test_what_a_hook_returns_is_called_at_the_end_of_the_pass():
    seen = []
    x, y = Tensor([1.0], requires_grad=True), Tensor([1.0], requires_grad=True)

    def end():
        seen.append((x.grad.item(), y.grad.item()))

    for leaf in (x, y):
        leaf.register_post_accumulate_grad_hook(lambda leaf: end)
    (x * 2 + y * 3).backward()
    assert seen == [(2.0, 3.0)]
    gradcore.autograd.grad((x * 2).sum(), [x])
    assert len(seen) == 1  # gradients as values change no leaf, and call no such hook


def test_hooks_are_taken_away_and_refused():
    seen, x = [], Tensor([1.0], requires_grad=True)
    with x.register_post_accumulate_grad_hook(_noting(seen, "x")):
        (x * 2).backward()
    (x * 2).backward()
    assert seen == [("x", [2.0])] and x.grad.item() == 4
    for tensor in (Tensor([1.0]), x * 2):
        with pytest.raises(RuntimeError, match="only leaves that require a gradient"):
            tensor.register_post_accumulate_grad_hook(print)
