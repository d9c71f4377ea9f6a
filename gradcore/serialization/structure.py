"""Nested values as a JSON tree, with arrays stored separately by name.

Numbers, strings, None and lists are themselves.  All else is an object of one tag: {"dict": [[key, value], ...]},
{"tuple": [...]}, {"dtype": name}, {"array": name}, {"tensor": name, "device": ..., "requires_grad": ...}.
"""

from __future__ import annotations

from typing import Any, Callable, Mapping

import numpy as np

from ..core.tensor import Tensor

FOREIGN = object()  # in place of the tree, where another library has written a file
_PLAIN = (type(None), bool, int, float, str)


class Packed:
    """The tree of a value, and its arrays by name.

    >>> packed = Packed({"lr": 0.5, "rows": (np.ones(2),)})
    >>> packed.tree, sorted(packed.arrays)
    ({'dict': [['lr', 0.5], ['rows', {'tuple': [{'array': 'rows/0'}]}]]}, ['rows/0'])
    """

    def __init__(self, value: Any):
        self.arrays: dict[str, np.ndarray] = {}
        self._names: dict[int, tuple[str, Any]] = {}  # by the arrays' ids: what is shared is kept once
        try:
            self.tree: Any = self._packed(value, "")
        except RecursionError:
            raise ValueError("gradcore.save: the value is nested too deep, or holds itself") from None

    def _packed(self, value: Any, path: str) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, _PLAIN):
            return value
        if isinstance(value, Tensor):
            return {"tensor": self._name(value._array, path, value.numpy), "device": str(value.device),
                    "requires_grad": value.requires_grad}
        if isinstance(value, np.ndarray):
            return {"array": self._name(value, path, lambda: value)}
        if isinstance(value, np.dtype):
            return {"dtype": value.str}
        if isinstance(value, Mapping):
            return {"dict": [[self._key(key, path), self._packed(part, _below(path, key))]
                             for key, part in value.items()]}
        if isinstance(value, (list, tuple)):
            parts = [self._packed(part, _below(path, i)) for i, part in enumerate(value)]
            return parts if isinstance(value, list) else {"tuple": parts}
        raise TypeError(f"gradcore.save: files hold tensors, arrays, numbers, strings, None, and dicts, lists and "
                        f"tuples of them; {path or 'the value'} is a {type(value).__name__}. Of modules, optimizers "
                        f"and schedulers save the state_dict(), of generators the get_state()")

    def _key(self, key: Any, path: str) -> Any:
        key = key.item() if isinstance(key, np.generic) else key
        if not isinstance(key, _PLAIN):
            raise TypeError(f"gradcore.save: keys are numbers, strings or None; one of {path or 'the dict'} is a "
                            f"{type(key).__name__}")
        return key

    def _name(self, shared: Any, path: str, values: Callable[[], np.ndarray]) -> str:
        if id(shared) not in self._names:
            array = values()
            if array.dtype.kind not in "biuf":
                raise TypeError(f"gradcore.save: arrays hold numbers and truth values; {path or 'the value'} holds "
                                f"{array.dtype}")
            place = path if path and _names_an_array(path) else "value"
            name, n = place, 2
            while name in self.arrays:
                name, n = f"{place}#{n}", n + 1
            self.arrays[name] = array
            self._names[id(shared)] = (name, shared)  # kept, so that no other array gets its id
        return self._names[id(shared)][0]


def _names_an_array(path: str) -> bool:
    """Whether files of all formats, and zip archives on all systems, keep an array by this name."""
    return path.isprintable() and "\\" not in path and len(path) < 1000 and path != "__metadata__"


def _below(path: str, key: Any) -> str:
    return f"{path}/{key}" if path else str(key)


def unpacked(tree: Any, arrays: Mapping[str, Any], tensor_of: Callable[[Any, str], Tensor]) -> Any:
    """The value of a tree; `tensor_of(array, device)` creates its tensors.

    What is not of the form above is refused by a ValueError.
    """
    made: dict[str, Tensor] = {}

    def value_of(node: Any) -> Any:
        if isinstance(node, list):
            return [value_of(part) for part in node]
        if not isinstance(node, dict):
            return node
        if set(node) == {"dict"}:
            return {key: value_of(part) for key, part in node["dict"]}
        if set(node) == {"tuple"}:
            return tuple([value_of(part) for part in node["tuple"]])
        if set(node) == {"dtype"}:
            return np.dtype(str(node["dtype"]))
        if set(node) == {"array"}:
            return arrays[node["array"]]
        if set(node) == {"tensor", "device", "requires_grad"}:
            return tensor(node["tensor"], node["device"], node["requires_grad"])
        raise ValueError(f"{node!r:.80} is not part of a saved value")

    def tensor(name: str, device: str, requires_grad: bool) -> Tensor:
        if name not in made:
            made[name] = tensor_of(arrays[name], device)
        return made[name].detach().requires_grad_(requires_grad is True)

    try:
        return value_of(tree)
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"its structure is damaged ({type(error).__name__}: {error})") from error
