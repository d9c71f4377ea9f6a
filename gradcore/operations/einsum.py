"""`einsum`: sums of products by labels of dimensions.

Operands are combined in pairs from the left.  For a pair, a label is in both and needed later (a batch dimension), in
both and not needed (summed), or in one operand only; so the pair is a batched matrix product.
"""

from __future__ import annotations

import math
import re
from typing import Any, Iterable, Sequence, Union

from ..core.tensor import Tensor, as_tensor, common_backend
from .linear_algebra import matmul
from .reduction import sum
from .shaping import expand, permute, reshape
from .triangles import diagonal

Label = Union[str, int]  # a letter, or the index from the end of a dimension covered by ...


def einsum(equation: str, *operands: Any) -> Tensor:
    """The sum of products given by an equation with one letter for each dimension.

    Letters that do not occur after ``->`` are summed over.  Without ``->``, letters that occur once remain, in
    alphabetical order.  A letter that occurs twice in an operand means its diagonal, and ... all other dimensions.

    >>> einsum("ij,j->i", Tensor([[1, 2], [3, 4]]), Tensor([1, 10]))
    tensor([21., 43.])
    """
    tensors = list(operands[0]) if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else list(operands)
    if not isinstance(equation, str):
        raise TypeError(f"einsum takes an equation such as 'ij,jk->ik'; got {type(equation).__name__}")
    backend = common_backend("einsum", tensors)
    tensors = [x if isinstance(x, Tensor) else as_tensor(x, device=backend.device) for x in tensors]
    labels, wanted = _parsed(equation, tensors)
    lengths = _lengths(equation, labels, tensors)
    missing = [label for label in wanted if label not in lengths]
    if missing or len(set(wanted)) != len(wanted):
        raise ValueError(f"einsum: in {equation!r} each letter of the result must be in an operand, and in the result "
                         f"once")
    terms = [_prepared(x, names, lengths) for x, names in zip(tensors, labels)]
    result, names = terms[0]
    for i, (x, others) in enumerate(terms[1:], 1):
        later = set(wanted).union(*[term[1] for term in terms[i + 1:]])
        result, names = _product(result, names, x, others, later, lengths)
    result, names = _summed(result, names, set(wanted))
    return permute(result, [names.index(label) for label in wanted]) if wanted else result


def _parsed(equation: str, tensors: Sequence[Tensor]) -> tuple[list[list[Label]], list[Label]]:
    """The labels of each operand's dimensions, and those of the result."""
    match = re.fullmatch(r"([a-zA-Z.,]*)(?:->([a-zA-Z.]*))?", equation.replace(" ", ""))
    parts = match[1].split(",") if match else []
    if match is None or len(parts) != len(tensors) or any(
            not re.fullmatch(r"[a-zA-Z]*(\.\.\.)?[a-zA-Z]*", part) for part in (*parts, match[2] or "")):
        raise ValueError(f"einsum: {equation!r} must have letters and at most one ... for each of the {len(tensors)} "
                         f"operand(s), as in 'ij,jk->ik'")
    labels = []
    for part, x in zip(parts, tensors):
        rest = x.ndim - len(part.replace("...", ""))
        if rest < 0 or (rest and "..." not in part):
            raise ValueError(f"einsum: {part!r} of {equation!r} does not fit a tensor of shape {x.shape}")
        labels.append(_named(part, rest))
    widest = max([label + 1 for names in labels for label in names if isinstance(label, int)], default=0)
    if match[2] is not None:
        return labels, _named(match[2], widest)
    letters = [label for names in labels for label in names if isinstance(label, str)]
    return labels, [*reversed(range(widest)), *sorted(label for label in letters if letters.count(label) == 1)]


def _named(part: str, rest: int) -> list[Label]:
    before, dots, after = part.partition("...")
    return [*before, *(reversed(range(rest)) if dots else ()), *after]


def _lengths(equation: str, labels: Sequence[Sequence[Label]], tensors: Sequence[Tensor]) -> dict[Label, int]:
    """The length of each label; dimensions of length one broadcast."""
    lengths: dict[Label, int] = {}
    for names, x in zip(labels, tensors):
        for label, n in zip(names, x.shape):
            if lengths.setdefault(label, n) == 1:
                lengths[label] = n
            elif n not in (1, lengths[label]):
                raise ValueError(f"einsum: a dimension of {equation!r} has length {lengths[label]} and length {n}; "
                                 f"shapes {', '.join(str(tensor.shape) for tensor in tensors)}")
    return lengths


def _prepared(x: Tensor, names: list[Label], lengths: dict[Label, int]) -> tuple[Tensor, list[Label]]:
    """An operand with each label once and at full length."""
    names = list(names)
    for label in sorted({label for label in names if names.count(label) > 1}, key=str):
        while names.count(label) > 1:
            first = names.index(label)
            second = names.index(label, first + 1)
            if x.shape[first] != x.shape[second]:
                raise ValueError(f"einsum: the diagonal {label}{label} needs two dimensions of one length; got "
                                 f"shape {x.shape}")
            x = diagonal(x, 0, first, second)
            names = [name for i, name in enumerate(names) if i not in (first, second)] + [label]
    return expand(x, [lengths[label] for label in names]), names


def _summed(x: Tensor, names: list[Label], kept: Iterable[Label]) -> tuple[Tensor, list[Label]]:
    dims = tuple(i for i, label in enumerate(names) if label not in kept)
    return (sum(x, dims) if dims else x), [label for label in names if label in kept]


def _product(a: Tensor, a_names: list[Label], b: Tensor, b_names: list[Label], later: set[Label],
             lengths: dict[Label, int]) -> tuple[Tensor, list[Label]]:
    """The product of two operands, summed over labels that are not needed later."""
    a, a_names = _summed(a, a_names, later.union(b_names))
    b, b_names = _summed(b, b_names, later.union(a_names))
    both = [label for label in a_names if label in b_names]
    stack = [label for label in both if label in later]
    inner = [label for label in both if label not in later]
    rows = [label for label in a_names if label not in both]
    columns = [label for label in b_names if label not in both]

    def count(names: list[Label]) -> int:
        return math.prod(lengths[label] for label in names)

    def as_matrices(x: Tensor, names: list[Label], left: list[Label], right: list[Label]) -> Tensor:
        ordered = permute(x, [names.index(label) for label in (*stack, *left, *right)]) if names else x
        return reshape(ordered, *[count(stack)] * bool(stack), count(left), count(right))

    product = matmul(as_matrices(a, a_names, rows, inner), as_matrices(b, b_names, inner, columns))
    names = [*stack, *rows, *columns]
    return reshape(product, [lengths[label] for label in names]), names
