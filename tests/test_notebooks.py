"""What notebooks show of tensors and modules: well-formed HTML that says what the text does."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, nn


def shown(thing) -> ElementTree.Element:
    """The tree of what a notebook is given; an error where a tag is not closed."""
    return ElementTree.fromstring(re.sub(r"<details open>", "<details>", thing._repr_html_()))


def cells(x) -> list[list[str]]:
    return [[cell.text for cell in row] for row in shown(x).iter("tr")]


def test_vectors_and_matrices_are_tables(backend):
    x = Tensor([[1.0, 0.333333], [-2.5e-7, np.inf]], device=backend.device, requires_grad=True)
    assert cells(x) == [["1", "0.3333"], ["-2.5e-07", "inf"]]
    assert shown(x).find("small").text == f"float32, 2 × 2, {backend.device}, requires_grad=True"
    assert cells(gradcore.tensor([True, False])) == [["True", "False"]]
    assert shown(x * 2).find("small").text.endswith("grad_fn=<multiply>")


def test_long_ones_show_their_ends():
    table = cells(gradcore.arange(40 * 12).reshape(40, 12))
    assert len(table) == 11 and table[5] == ["…"] and len(table[0]) == 11
    assert table[0] == ["0", "1", "2", "3", "4", "…", "7", "8", "9", "10", "11"] and table[-1][-1] == "479"
    assert cells(gradcore.arange(11))[0] == [str(i) for i in range(11)]


@pytest.mark.parametrize("shape, notes", [((), "float32, a number, cpu"), ((2, 3, 2), "float32, 2 × 3 × 2, cpu"),
                                          ((0, 3), "float32, 0 × 3, cpu")])
def test_all_else_is_text(shape, notes):
    tree = shown(gradcore.ones(shape))
    assert tree.find("small").text == notes
    assert np.array2string(np.ones(shape, np.float32), separator=", ") == tree.find("pre").text


def test_modules_unfold_and_are_told_once():
    shared = nn.Linear(2, 2)
    model = nn.Sequential(nn.Linear(3, 2, bias=False), shared, nn.Sequential(shared, nn.Tanh()))
    tree = shown(model)
    text = " ".join(tree.itertext())
    assert "12 parameters" in text and re.search(r"weight\s+2 × 3 float32 on cpu", text)
    assert len(re.findall(r"bias\s+2 float32", text)) == 1
    assert "the same as 1" in text and "Tanh" in text
    model.back = model
    assert "the same as the whole" in model._repr_html_()


def test_what_could_be_markup_is_none():
    class Named(nn.Module):
        def extra_repr(self):
            return "<script> & co"

    assert "<script>" not in Named()._repr_html_()
    assert "".join(shown(Named()).itertext()) == "Named(<script> & co)"
