"""What type checkers are told: the members that are added to `Tensor` at run time stand in a stub."""

from __future__ import annotations

import tensor_stub


def test_the_stub_lists_the_members_that_tensors_have():
    assert tensor_stub.STUB.read_text(encoding="utf-8") == tensor_stub.text(), \
        "run `python tests/tensor_stub.py` after a change of the table in gradcore/methods.py"
