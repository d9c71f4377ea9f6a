"""Grids and the values of images there, beside PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest

import gradcore
from gradcore.nn import functional as F

CASES = [(mode, padding, aligned, count) for mode in ("bilinear", "nearest", "bicubic")
         for padding in ("zeros", "border", "reflection") for aligned in (False, True) for count in (2, 3)
         if not (mode == "bicubic" and count == 3)]


@pytest.mark.parametrize("mode, padding, aligned, count", CASES)
def test_values_at_places_are_pytorchs(mode, padding, aligned, count, torch, rng):
    image = rng.normal(size=(2, 3, 5, 4, 6)[:2 + count])
    places = rng.uniform(-1.7, 1.7, (2, *(3, 4, 2)[:count], count))
    weights = rng.normal(size=(2, 3, *(3, 4, 2)[:count]))
    results = []
    for library in (gradcore, torch):
        x, grid = library.tensor(image, requires_grad=True), library.tensor(places, requires_grad=True)
        y = library.nn.functional.grid_sample(x, grid, mode, padding, aligned)
        (y * library.tensor(weights)).sum().backward()
        along = np.zeros(places.shape) if grid.grad is None else grid.grad.numpy()
        results.append([y.detach().numpy(), x.grad.numpy(), along])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.filterwarnings("ignore:.*affine_grid behavior.*:UserWarning")
@pytest.mark.parametrize("size", [(2, 3, 4, 5), (2, 1, 3, 4, 2), (2, 1, 1, 3)])
@pytest.mark.parametrize("aligned", [False, True])
def test_affine_grids_are_pytorchs(size, aligned, torch, rng):
    count = len(size) - 2
    theta = rng.normal(size=(2, count, count + 1))
    results = []
    for library in (gradcore, torch):
        leaf = library.tensor(theta, requires_grad=True)
        grid = library.nn.functional.affine_grid(leaf, size, align_corners=aligned)
        (grid ** 2).sum().backward()
        results.append([grid.detach().numpy(), leaf.grad.numpy()])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_what_does_not_fit_is_refused():
    image, grid = gradcore.ones(1, 1, 2, 2), gradcore.zeros(1, 1, 1, 2)
    for words, call in (("`mode` is one of", lambda: F.grid_sample(image, grid, mode="cubic")),
                        ("`padding_mode` ", lambda: F.grid_sample(image, grid, padding_mode="ones")),
                        (r"got \(1, 1, 2, 2\) and \(2, 1, 1, 2\)",
                         lambda: F.grid_sample(image, grid.repeat(2, 1, 1, 1))),
                        ("`theta` shape", lambda: F.affine_grid(gradcore.ones(1, 3, 3), (1, 1, 2, 2)))):
        with pytest.raises(ValueError, match=words):
            call()


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, float("inf")])
def test_distances_of_rows_are_pytorchs(p, torch, rng):
    rows, results = rng.normal(size=(5, 3)), []
    for library in (gradcore, torch):
        x = library.tensor(rows, requires_grad=True)
        found = library.nn.functional.pdist(x, p)
        (found ** 2).sum().backward()
        results.append([found.detach().numpy(), x.grad.numpy()])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
