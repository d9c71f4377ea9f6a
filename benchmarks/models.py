"""Networks whose training steps are measured, each written once, in the words that gradcore and PyTorch share.

`library` is `gradcore` or `torch`; nothing else tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Sequence

import numpy as np

from .data import SEED

CLASSES = 10
_WIDTH = 128
_STEPS, _SEQUENCES = 50, 32  # of the LSTM
_BLOCKS, _HEADS, _CONTEXT, _TEXTS, _CHARACTERS = 4, 4, 64, 16, 65  # of the GPT
_IMAGES, _SIDE = 64, 28

Inputs = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Model:
    """A network, what it is made of in words, and its inputs and classes."""

    name: str
    what: str
    make: Callable[[Any], Any]  # the module, from a library
    inputs: Callable[[np.random.Generator], Inputs]


def lstm(library: Any) -> Any:
    """Sequences to classes, by the last state of an LSTM."""
    nn = library.nn

    class Sequences(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(_WIDTH, _WIDTH)
            self.head = nn.Linear(_WIDTH, CLASSES)

        def forward(self, x: Any) -> Any:
            return self.head(self.lstm(x)[0][-1])

    return Sequences()


def gpt(library: Any) -> Any:
    """Characters to the next character, by blocks of causal attention."""
    nn, F = library.nn, library.nn.functional

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.before_attention, self.before_mlp = nn.LayerNorm(_WIDTH), nn.LayerNorm(_WIDTH)
            self.qkv, self.out = nn.Linear(_WIDTH, 3 * _WIDTH), nn.Linear(_WIDTH, _WIDTH)
            self.mlp = nn.Sequential(nn.Linear(_WIDTH, 4 * _WIDTH), nn.GELU(), nn.Linear(4 * _WIDTH, _WIDTH))

        def forward(self, x: Any) -> Any:
            texts, places, _ = x.shape
            parts = self.qkv(self.before_attention(x)).view(texts, places, 3, _HEADS, _WIDTH // _HEADS)
            q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
            heads = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(heads.transpose(1, 2).reshape(texts, places, _WIDTH))
            return x + self.mlp(self.before_mlp(x))

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.characters, self.places = nn.Embedding(_CHARACTERS, _WIDTH), nn.Embedding(_CONTEXT, _WIDTH)
            self.blocks = nn.Sequential(*[Block() for _ in range(_BLOCKS)])
            self.norm, self.head = nn.LayerNorm(_WIDTH), nn.Linear(_WIDTH, _CHARACTERS, bias=False)

        def forward(self, x: Any) -> Any:
            x = self.characters(x) + self.places.weight[:x.shape[1]]
            return self.head(self.norm(self.blocks(x))).view(-1, _CHARACTERS)

    return GPT()


def convolutional(library: Any) -> Any:
    """Images to classes, by two layers of convolutions and pools."""
    nn = library.nn
    return nn.Sequential(nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Flatten(), nn.Linear(32 * (_SIDE // 4) ** 2, CLASSES))


def classifier(name: str, widths: Sequence[int], batch: int) -> Model:
    """Layers of these widths, with relu between them."""
    def make(library: Any) -> Any:
        nn = library.nn
        layers = [layer for wide, narrow in zip(widths, widths[1:]) for layer in (nn.Linear(wide, narrow), nn.ReLU())]
        return nn.Sequential(*layers[:-1])

    return Model(name, f"layers of {'-'.join(map(str, widths))}, batch {batch}", make,
                 lambda rng: (_normal(rng, batch, widths[0]), rng.integers(0, widths[-1], batch)))


def _normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape, np.float32)


MODELS = (
    Model("LSTM", f"{_WIDTH} wide, {_STEPS} steps, batch {_SEQUENCES}", lstm,
          lambda rng: (_normal(rng, _STEPS, _SEQUENCES, _WIDTH), rng.integers(0, CLASSES, _SEQUENCES))),
    Model("GPT", f"{_BLOCKS} layers, {_WIDTH} wide, context {_CONTEXT}, batch {_TEXTS}", gpt,
          lambda rng: (rng.integers(0, _CHARACTERS, (_TEXTS, _CONTEXT)),
                       rng.integers(0, _CHARACTERS, _TEXTS * _CONTEXT))),
    Model("convolutional", f"2 layers of 5x5 on {_SIDE}x{_SIDE}, batch {_IMAGES}", convolutional,
          lambda rng: (_normal(rng, _IMAGES, 1, _SIDE, _SIDE), rng.integers(0, CLASSES, _IMAGES))),
    classifier("classifier, small", (64, 64, CLASSES), 64),
    classifier("classifier, large", (784, 512, 512, CLASSES), 256),
)


class Training:
    """A model, its batch and Adam, in one library on one device; each begins with the same weights."""

    def __init__(self, model: Model, library: Any, device: str):
        self._loss = library.nn.functional.cross_entropy
        self._rng = np.random.default_rng(SEED)
        self.x, self.y = (library.from_numpy(array).to(device) for array in model.inputs(self._rng))
        self.module = model.make(library)
        with library.no_grad():
            for parameter in self.module.parameters():
                parameter.copy_(library.from_numpy(self._start(tuple(parameter.shape))))
        self.module.to(device)
        self.optimizer = library.optim.Adam(self.module.parameters(), lr=1e-3)

    def _start(self, shape: tuple[int, ...]) -> np.ndarray:
        inputs = int(np.prod(shape[1:])) if len(shape) > 1 else shape[0]
        return _normal(self._rng, *shape) / np.float32(np.sqrt(inputs))

    def step(self) -> Any:
        """Forward, loss, backward and update; the loss."""
        self.optimizer.zero_grad()
        loss = self._loss(self.module(self.x), self.y)
        loss.backward()
        self.optimizer.step()
        return loss
