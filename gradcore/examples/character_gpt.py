"""A small GPT learns a text by characters, nearly to its entropy.

The text is generated from random words, so its entropy is known; no model can do better.
Source: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019; after Karpathy's minGPT.
"""

from __future__ import annotations

import math

import gradcore
from gradcore import nn, optim
from gradcore.nn import functional as F

from .study import Bar, Findings

STEPS = 400
_LAYERS, _HEADS, _WIDTH, _CONTEXT, _BATCH = 2, 4, 64, 48, 24
_WORDS = (("the", "a", "one", "my"), ("old", "red", "quick", "sleepy", "small", "loud", "wise", "green"),
          ("cat", "robot", "teacher", "river", "ghost", "baker", "piano", "dragon"),
          ("sees", "likes", "paints", "follows"))
_ORDER = (0, 1, 2, 3, 0, 1, 2)  # article, adjective, noun, verb, article, adjective, noun


def _text(sentences: int) -> tuple[str, float]:
    """A text, and its entropy in bits per character."""
    draws = [gradcore.randint(0, len(_WORDS[kind]), (sentences,), device="cpu").tolist() for kind in _ORDER]
    words = [[_WORDS[kind][i] for i in drawn] for kind, drawn in zip(_ORDER, draws)]
    text = "".join(" ".join(sentence) + ".\n" for sentence in zip(*words))
    return text, sentences * sum(math.log2(len(_WORDS[kind])) for kind in _ORDER) / len(text)


class _Block(nn.Module):
    """Causal attention and a feed-forward network, each with a residual connection."""

    def __init__(self) -> None:
        super().__init__()
        self.before_attention, self.before_neurons = nn.LayerNorm(_WIDTH), nn.LayerNorm(_WIDTH)
        self.queries_keys_values, self.mixed = nn.Linear(_WIDTH, 3 * _WIDTH), nn.Linear(_WIDTH, _WIDTH)
        self.neurons = nn.Sequential(nn.Linear(_WIDTH, 4 * _WIDTH), nn.GELU(), nn.Linear(4 * _WIDTH, _WIDTH))

    def forward(self, x: gradcore.Tensor) -> gradcore.Tensor:
        batch, length, _ = x.shape
        parts = self.queries_keys_values(self.before_attention(x)).split(_WIDTH, dim=2)
        q, k, v = (part.view(batch, length, _HEADS, _WIDTH // _HEADS).transpose(1, 2) for part in parts)
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.mixed(attended.transpose(1, 2).reshape(batch, length, _WIDTH))
        fed_forward: gradcore.Tensor = self.neurons(self.before_neurons(x))
        return x + fed_forward


class _GPT(nn.Module):
    """Scores of the next character at each position of a text."""

    def __init__(self, letters: int):
        super().__init__()
        self.letters, self.places = nn.Embedding(letters, _WIDTH), nn.Embedding(_CONTEXT, _WIDTH)
        self.blocks = nn.Sequential(*[_Block() for _ in range(_LAYERS)])
        self.norm, self.head = nn.LayerNorm(_WIDTH), nn.Linear(_WIDTH, letters, bias=False)

    def forward(self, index: gradcore.Tensor) -> gradcore.Tensor:
        places = gradcore.arange(index.shape[1], device=index.device)
        scores: gradcore.Tensor = self.head(self.norm(self.blocks(self.letters(index) + self.places(places))))
        return scores


def _continued(model: _GPT, index: gradcore.Tensor, count: int) -> gradcore.Tensor:
    """The text continued by `count` characters, sampled from the model."""
    with gradcore.no_grad():
        for _ in range(count):
            scores = model(index[:, -_CONTEXT:])[:, -1]
            index = gradcore.cat([index, gradcore.multinomial(F.softmax(scores, dim=-1), 1)], dim=1)
    return index


def run(steps: int, device: gradcore.Device, bar: Bar) -> Findings:
    """Train on pieces of the text, and let the model generate text."""
    text, least = _text(2000)
    alphabet = sorted(set(text))
    letters = gradcore.tensor([alphabet.index(letter) for letter in text], device=device)
    model = _GPT(len(alphabet)).to(device)
    optimizer = optim.AdamW(model.parameters(), lr=3e-3)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    bits: list[float] = []
    for _ in bar(range(steps), "letters"):
        starts = gradcore.randint(0, len(letters) - _CONTEXT - 1, (_BATCH, 1), device=device)
        piece = letters[starts + gradcore.arange(_CONTEXT + 1, device=device)]
        loss = F.cross_entropy(model(piece[:, :-1]).reshape(-1, len(alphabet)), piece[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        bits.append(loss.item() / math.log(2))
    start = gradcore.tensor([[alphabet.index("\n")]], device=device)
    written = "".join(alphabet[i] for i in _continued(model, start, min(120, steps))[0].tolist()).strip().splitlines()
    last = sum(bits[-10:]) / len(bits[-10:])
    sentences = [f"{sum(parameter.numel() for parameter in model.parameters())} parameters, {steps} steps: {last:.3f} "
                 f"bits for each letter; the text has {least:.3f}, equal letters would have "
                 f"{math.log2(len(alphabet)):.3f}", "it writes: " + " / ".join(written[:3])]
    curves = {"GPT": bits, "in the text": [least] * steps}
    return Findings(sentences, {"bits": last, "least": least, "first": bits[0]}, list(range(1, steps + 1)), curves,
                    "step", "bits for each letter")
