"""Recurrent layers, attention and transformers beside PyTorch's, padded and packed sequences."""

from __future__ import annotations

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, nn
from gradcore.backends import Backend
from gradcore.nn.utils import rnn
from beside_torch import assert_alike, compare, compare_modules

DRAWS = pytest.mark.parametrize("draw", range(3))


@DRAWS
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_layers_over_time(kind, draw, torch, backend: Backend, rng):
    options = {"num_layers": int(rng.integers(1, 3)), "bidirectional": bool(rng.random() < 0.5),
               "batch_first": bool(rng.random() < 0.5), "bias": bool(rng.random() < 0.7)}
    if kind == "RNN":
        options["nonlinearity"] = str(rng.choice(["tanh", "relu"]))
    if kind == "LSTM" and rng.random() < 0.5:
        options["proj_size"] = 3
    batch = () if rng.random() < 0.3 else (3,)
    shape = (*batch, 5, 4) if options["batch_first"] else (5, *batch, 4)
    count = options["num_layers"] * (2 if options["bidirectional"] else 1)
    sizes = [options.get("proj_size", 6), 6][:2 if kind == "LSTM" else 1]
    states = [rng.normal(size=(count, *batch, size)) for size in sizes]
    ours, theirs = getattr(nn, kind)(4, 6, **options), getattr(torch.nn, kind)(4, 6, **options)
    ours.double().load_state_dict(theirs.double().state_dict())
    ours.to(backend.device)
    parameters = [list(module.parameters()) for module in (ours, theirs)]
    assert [name for name, _ in ours.named_parameters()] == [name for name, _ in theirs.named_parameters()]

    def called(module):
        return lambda x, *hx: module(x, (hx if kind == "LSTM" else hx[0]) if draw else None)

    compare(torch, called(ours), called(theirs), [rng.normal(size=shape), *(states if draw else [])], backend.device,
            rng, tuple(parameters))


@pytest.mark.parametrize("kind", ["RNNCell", "LSTMCell", "GRUCell"])
@pytest.mark.parametrize("batch", [(), (3,)])
def test_cells(kind, batch, torch, backend: Backend, rng):
    states = [rng.normal(size=(*batch, 6)) for _ in range(2 if kind == "LSTMCell" else 1)]
    ours, theirs = getattr(nn, kind)(4, 6), getattr(torch.nn, kind)(4, 6)
    ours.double().load_state_dict(theirs.double().state_dict())
    ours.to(backend.device)

    def called(module):
        return lambda x, *hx: module(x, hx if kind == "LSTMCell" else hx[0])

    compare(torch, called(ours), called(theirs), [rng.normal(size=(*batch, 4)), *states], backend.device, rng,
            tuple(list(module.parameters()) for module in (ours, theirs)))
    compare(torch, ours, theirs, [rng.normal(size=(*batch, 4))], backend.device, rng)


@pytest.mark.parametrize("kind, options", [("RNN", {}), ("LSTM", {}), ("GRU", {}), ("LSTM", {"proj_size": 1})])
def test_second_derivatives(kind, options, backend: Backend, rng):
    layer = getattr(nn, kind)(2, 2, bidirectional=True, **options).double().to(backend.device)
    x = Tensor(rng.normal(size=(3, 2, 2)), requires_grad=True, device=backend.device)

    def penalty(x):
        output = layer(x)[0]
        slopes = gradcore.grad((output * output).sum(), (x, layer.weight_hh_l0), create_graph=True)
        return sum((slope * slope).sum() for slope in slopes)

    assert gradcore.gradcheck(penalty, (x,))


@pytest.mark.parametrize("kind, more", [("RNN", {}), ("LSTM", {}), ("GRU", {}), ("LSTM", {"proj_size": 2})])
@pytest.mark.parametrize("is_sorted", [True, False])
def test_packed_sequences(kind, more, is_sorted, torch, backend: Backend, rng):
    lengths = [5, 3, 3, 1] if is_sorted else [3, 1, 5, 3]
    options = {"num_layers": 2, "bidirectional": True, **more}
    ours, theirs = getattr(nn, kind)(4, 6, **options), getattr(torch.nn, kind)(4, 6, **options)
    ours.double().load_state_dict(theirs.double().state_dict())
    ours.to(backend.device)

    def called(module, utils, count=lambda lengths: lengths):
        def run(x):
            packed = utils.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=is_sorted)
            output, states = module(packed)
            padded, counts = utils.pad_packed_sequence(output, batch_first=True, padding_value=7.0, total_length=6)
            assert counts.tolist() == lengths
            return output.data, padded, states
        return run

    compare(torch, called(ours, rnn), called(theirs, torch.nn.utils.rnn), [rng.normal(size=(4, 5, 4))], backend.device,
            rng, tuple(list(module.parameters()) for module in (ours, theirs)))


def test_sequences_of_several_lengths(torch, backend: Backend, rng):
    arrays = [rng.normal(size=(n, 2)) for n in (3, 1, 4)]
    theirs = torch.nn.utils.rnn
    for options in ({}, {"batch_first": True, "padding_value": 2.0}, {"padding_side": "left"}):
        compare(torch, lambda *parts: rnn.pad_sequence(parts, **options),
                lambda *parts: theirs.pad_sequence(parts, **options), arrays, backend.device, rng)
    compare(torch, lambda *parts: rnn.pack_sequence(parts, enforce_sorted=False).data,
            lambda *parts: theirs.pack_sequence(parts, enforce_sorted=False).data, arrays, backend.device, rng)
    parts = [Tensor(array, device=backend.device) for array in arrays]
    for part, array in zip(rnn.unpack_sequence(rnn.pack_sequence(parts, enforce_sorted=False)), arrays):
        np.testing.assert_array_equal(part.numpy(), array)
    with pytest.raises(RuntimeError, match="lengths must fall; got \\[1, 2\\]"):
        rnn.pack_padded_sequence(Tensor.ones(2, 2, 1), [1, 2])
    with pytest.raises(ValueError, match="2 lengths from 1 to 3 are needed; got \\[4, 1\\]"):
        rnn.pack_padded_sequence(Tensor.ones(3, 2, 1), [4, 1])
    with pytest.raises(ValueError, match="pad_sequence: it takes tensors"):
        rnn.pad_sequence([])


def test_dropout_between_layers_and_what_is_refused():
    layer = nn.LSTM(2, 3, num_layers=2, dropout=0.5)
    x = Tensor.ones(4, 1, 2)
    assert (layer(x)[0] != layer(x)[0]).any() and (layer.eval()(x)[0] == layer(x)[0]).all()
    with pytest.raises(ValueError, match=r"LSTM: the first states must be a pair \(h, c\) of shape \(2, 1, 3\)"):
        layer(x, Tensor.ones(2, 1, 3))
    with pytest.raises(ValueError, match=r"LSTM: the first states must be .* got \(1, 1, 3\), \(1, 1, 3\)"):
        layer(x, (Tensor.ones(1, 1, 3), Tensor.ones(1, 1, 3)))
    with pytest.raises(ValueError, match="LSTM: `proj_size` must be less than `hidden_size`; got 3 and 3"):
        nn.LSTM(2, 3, proj_size=3)


# -- attention --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("options", [
    {}, {"is_causal": True}, {"scale": 0.3}, {"mask": "bool"}, {"mask": "float"}, {"enable_gqa": True}])
def test_scaled_dot_product_attention(options, torch, backend: Backend, rng):
    heads = 2 if options.get("enable_gqa") else 4
    arrays = [rng.normal(size=shape) for shape in ((2, 4, 5, 3), (2, heads, 6, 3), (2, heads, 6, 2))]
    mask = options.pop("mask", None)
    if mask:
        values = rng.random((5, 6)) < 0.7 if mask == "bool" else rng.normal(size=(2, 1, 5, 6))
        arrays.append(values)
        if mask == "bool":
            values[:, 0] = True
    compare(torch, lambda *args: nn.functional.scaled_dot_product_attention(*args, **options),
            lambda *args: torch.nn.functional.scaled_dot_product_attention(*args, **options), arrays, backend.device,
            rng)


def test_attention_to_nothing_is_nothing(backend: Backend):
    x = Tensor.ones(2, 3, device=backend.device)
    mask = Tensor([[False, False], [True, False]], dtype=bool, device=backend.device)
    assert nn.functional.scaled_dot_product_attention(x, x, x, mask).tolist() == [[0] * 3, [1] * 3]
    with pytest.raises(ValueError, match="`attn_mask` and `is_causal` exclude"):
        nn.functional.scaled_dot_product_attention(x, x, x, mask, is_causal=True)
    with pytest.raises(ValueError, match=r"shapes .* are needed; got query \(2, 3\), key \(2, 2\)"):
        nn.functional.scaled_dot_product_attention(x, x[:, :2], x)


@pytest.mark.parametrize("options, masks", [
    ({}, {}), ({"batch_first": True}, {"average_attn_weights": False}), ({"bias": False}, {"need_weights": False}),
    ({"kdim": 5, "vdim": 7}, {"attn_mask": "bool"}), ({"add_bias_kv": True}, {"key_padding_mask": "bool"}),
    ({"add_zero_attn": True, "add_bias_kv": True}, {"attn_mask": "float", "key_padding_mask": "float"}),
    ({}, {"attn_mask": "heads"})])
def test_multihead_attention(options, masks, torch, backend: Backend, rng):
    ours, theirs = nn.MultiheadAttention(6, 2, **options), torch.nn.MultiheadAttention(6, 2, **options)
    shapes = [(4, 3, 6), (5, 3, options.get("kdim", 6)), (5, 3, options.get("vdim", 6))]
    if options.get("batch_first"):
        shapes = [(shape[1], shape[0], shape[2]) for shape in shapes]
    made = {"bool": rng.random((4, 5)) < 0.3, "float": rng.normal(size=(4, 5)), "heads": rng.normal(size=(6, 4, 5))}
    padding = {"bool": np.arange(5) >= rng.integers(2, 6, (3, 1)), "float": rng.normal(size=(3, 5))}
    made["bool"][:, 0] = padding["bool"][:, 0] = False
    given = {name: made[value] if name == "attn_mask" else padding[value] if name == "key_padding_mask" else value
             for name, value in masks.items()}

    def called(module, tensor):
        def run(*args):
            named = {name: tensor(value) if isinstance(value, np.ndarray) else value for name, value in given.items()}
            return module(*args, **named)
        return run

    for parameters in theirs.parameters():
        torch.nn.init.normal_(parameters, std=0.5)
    ours.double().load_state_dict(theirs.double().state_dict())
    ours.to(backend.device)
    compare(torch, called(ours, lambda value: gradcore.tensor(value, device=backend.device)),
            called(theirs, torch.tensor), [rng.normal(size=shape) for shape in shapes], backend.device, rng,
            tuple(list(module.parameters()) for module in (ours, theirs)))


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("options", [{}, {"norm_first": True, "batch_first": True, "activation": "gelu"}])
def test_transformers(options, torch, backend: Backend, rng):
    args = (6, 2, 8, 0.0)
    for count, kind in enumerate(("Encoder", "Decoder")):
        layers = [getattr(module, f"Transformer{kind}Layer")(*args, **options) for module in (nn, torch.nn)]
        ours, theirs = [getattr(module, f"Transformer{kind}")(layer, 2, module.LayerNorm(6))
                        for module, layer in zip((nn, torch.nn), layers)]
        arrays = [rng.normal(size=(3, 3, 6)) for _ in range(count + 1)]
        compare_modules(torch, ours, theirs, arrays, backend.device, rng)
        mask = nn.Transformer.generate_square_subsequent_mask(3, device=backend.device).double()
        their_mask = torch.nn.Transformer.generate_square_subsequent_mask(3, dtype=torch.float64)
        assert_alike([mask], [their_mask])
        compare(torch, lambda *x: ours(*x, mask), lambda *x: theirs(*x, their_mask), arrays, backend.device, rng)
    options = {"num_encoder_layers": 1, "num_decoder_layers": 1, "dim_feedforward": 5, "dropout": 0.0}
    compare_modules(torch, nn.Transformer(4, 2, **options), torch.nn.Transformer(4, 2, **options),
                    [rng.normal(size=(3, 2, 4)), rng.normal(size=(4, 2, 4))], backend.device, rng)


def test_masks_that_do_not_fit_are_refused():
    attention, x = nn.MultiheadAttention(4, 2), Tensor.ones(3, 2, 4)
    for options, words in (({"attn_mask": Tensor.ones(2, 3)}, r"`attn_mask` must have shape \(3, 3\) or \(4, 3, 3\)"),
                           ({"key_padding_mask": Tensor.ones(3, 2)}, r"`key_padding_mask` must have shape \(2, 3\)"),
                           ({"is_causal": True}, "`is_causal` is a hint about `attn_mask`")):
        with pytest.raises(ValueError, match="MultiheadAttention: " + words):
            attention(x, x, x, **options)
    with pytest.raises(ValueError, match="MultiheadAttention: query, key and value must have"):
        attention(x, x[:, :, :2], x)
