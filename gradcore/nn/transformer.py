"""Transformer layers."""

from __future__ import annotations

import copy
import math
from typing import Any, Callable, Optional, Union

from .. import functions
from ..core.tensor import DeviceLike, Tensor
from ..operations.creation import full
from ..operations.triangles import triu
from . import init
from .attention import MultiheadAttention
from .containers import ModuleList
from .layers import Dropout, Linear, check_size
from .module import Module
from .normalization import LayerNorm

_ACTIVATIONS: dict[str, Callable[..., Any]] = {"relu": functions.relu, "gelu": functions.gelu}


class _TransformerLayer(Module):
    """Base class of encoder and decoder layers."""

    def _make(self, d_model: int, nhead: int, dim_feedforward: int, dropout: float,
              activation: Union[str, Callable[..., Any]], eps: float, batch_first: bool, norm_first: bool, bias: bool,
              parts: int, device: DeviceLike, dtype: Any) -> None:
        if isinstance(activation, str) and activation not in _ACTIVATIONS:
            raise ValueError(f"{type(self).__name__}: `activation` must be relu, gelu or a function; got "
                             f"{activation!r}")
        place = {"device": device, "dtype": dtype}
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, **place)
        if parts == 3:
            self.multihead_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, **place)
        self.linear1, self.dropout = Linear(d_model, dim_feedforward, bias, **place), Dropout(dropout)
        self.linear2, self.norm_first = Linear(dim_feedforward, d_model, bias, **place), norm_first
        for i in range(1, parts + 1):
            setattr(self, f"norm{i}", LayerNorm(d_model, eps, bias=bias, **place))
        for i in range(1, parts + 1):
            setattr(self, f"dropout{i}", Dropout(dropout))
        self.activation: Callable[..., Any] = _ACTIVATIONS[activation] if isinstance(activation, str) else activation

    def _fed_forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.linear2(self.dropout(self.activation(self.linear1(x))))
        return output

    def _joined(self, x: Tensor, i: int, part: Callable[[Tensor], Tensor]) -> Tensor:
        """x plus the output of sublayer `i`, normalized before or after."""
        norm, drop = getattr(self, f"norm{i}"), getattr(self, f"dropout{i}")
        joined: Tensor = x + drop(part(norm(x))) if self.norm_first else norm(x + drop(part(x)))
        return joined


class TransformerEncoderLayer(_TransformerLayer):
    """Self-attention, then a feed-forward network; each with a residual connection and normalization.

    Source: Vaswani et al., "Attention Is All You Need", NIPS 2017, section 3.1.

    >>> from gradcore import randn
    >>> TransformerEncoderLayer(d_model=4, nhead=2, dim_feedforward=8)(randn(5, 1, 4)).shape
    (5, 1, 4)
    """

    def __init__(self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
                 activation: Union[str, Callable[..., Any]] = functions.relu, layer_norm_eps: float = 1e-5,
                 batch_first: bool = False, norm_first: bool = False, bias: bool = True, device: DeviceLike = None,
                 dtype: Any = None):
        self._make(d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias,
                   2, device, dtype)

    def forward(self, src: Tensor, src_mask: Optional[Tensor] = None, src_key_padding_mask: Optional[Tensor] = None,
                is_causal: bool = False) -> Tensor:
        x = self._joined(src, 1, lambda y: self.self_attn(y, y, y, src_key_padding_mask, False, src_mask,
                                                          is_causal=is_causal)[0])
        return self._joined(x, 2, self._fed_forward)


class TransformerDecoderLayer(_TransformerLayer):
    """As `TransformerEncoderLayer`, with attention to the encoder's output, `memory`, in between.

    >>> from gradcore import randn
    >>> TransformerDecoderLayer(d_model=4, nhead=2, dim_feedforward=8)(randn(3, 1, 4), memory=randn(5, 1, 4)).shape
    (3, 1, 4)
    """

    def __init__(self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
                 activation: Union[str, Callable[..., Any]] = functions.relu, layer_norm_eps: float = 1e-5,
                 batch_first: bool = False, norm_first: bool = False, bias: bool = True, device: DeviceLike = None,
                 dtype: Any = None):
        self._make(d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias,
                   3, device, dtype)

    def forward(self, tgt: Tensor, memory: Tensor, tgt_mask: Optional[Tensor] = None,
                memory_mask: Optional[Tensor] = None, tgt_key_padding_mask: Optional[Tensor] = None,
                memory_key_padding_mask: Optional[Tensor] = None, tgt_is_causal: bool = False,
                memory_is_causal: bool = False) -> Tensor:
        x = self._joined(tgt, 1, lambda y: self.self_attn(y, y, y, tgt_key_padding_mask, False, tgt_mask,
                                                          is_causal=tgt_is_causal)[0])
        x = self._joined(x, 2, lambda y: self.multihead_attn(y, memory, memory, memory_key_padding_mask, False,
                                                             memory_mask, is_causal=memory_is_causal)[0])
        return self._joined(x, 3, self._fed_forward)


class _Stack(Module):
    def __init__(self, layer: Module, num_layers: int, norm: Optional[Module]):
        check_size(self, num_layers=num_layers)
        self.layers = ModuleList([copy.deepcopy(layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm

    def _ended(self, x: Tensor) -> Tensor:
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(_Stack):
    """A stack of copies of an encoder layer, with an optional final normalization.

    >>> from gradcore import randn
    >>> encoder = TransformerEncoder(TransformerEncoderLayer(d_model=4, nhead=2, dim_feedforward=8), num_layers=2)
    >>> encoder(randn(5, 1, 4)).shape
    (5, 1, 4)
    """

    def __init__(self, encoder_layer: Module, num_layers: int, norm: Optional[Module] = None,
                 enable_nested_tensor: bool = True, mask_check: bool = True):
        super().__init__(encoder_layer, num_layers, norm)

    def forward(self, src: Tensor, mask: Optional[Tensor] = None, src_key_padding_mask: Optional[Tensor] = None,
                is_causal: Optional[bool] = None) -> Tensor:
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask)
        return self._ended(src)


class TransformerDecoder(_Stack):
    """A stack of copies of a decoder layer, with an optional final normalization.

    >>> from gradcore import randn
    >>> decoder = TransformerDecoder(TransformerDecoderLayer(d_model=4, nhead=2, dim_feedforward=8), num_layers=2)
    >>> decoder(randn(3, 1, 4), memory=randn(5, 1, 4)).shape
    (3, 1, 4)
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Optional[Module] = None):
        super().__init__(decoder_layer, num_layers, norm)

    def forward(self, tgt: Tensor, memory: Tensor, tgt_mask: Optional[Tensor] = None,
                memory_mask: Optional[Tensor] = None, tgt_key_padding_mask: Optional[Tensor] = None,
                memory_key_padding_mask: Optional[Tensor] = None, tgt_is_causal: Optional[bool] = None,
                memory_is_causal: bool = False) -> Tensor:
        for layer in self.layers:
            tgt = layer(tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)
        return self._ended(tgt)


class Transformer(Module):
    """An encoder and a decoder: see `TransformerEncoder` and `TransformerDecoder`.

    >>> from gradcore import randn
    >>> model = Transformer(d_model=4, nhead=2, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=8)
    >>> model(randn(5, 1, 4), randn(3, 1, 4)).shape
    (3, 1, 4)
    """

    def __init__(self, d_model: int = 512, nhead: int = 8, num_encoder_layers: int = 6, num_decoder_layers: int = 6,
                 dim_feedforward: int = 2048, dropout: float = 0.1,
                 activation: Union[str, Callable[..., Any]] = functions.relu, custom_encoder: Optional[Module] = None,
                 custom_decoder: Optional[Module] = None, layer_norm_eps: float = 1e-5, batch_first: bool = False,
                 norm_first: bool = False, bias: bool = True, device: DeviceLike = None, dtype: Any = None):
        options = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias,
                   device, dtype)
        self.encoder = custom_encoder or TransformerEncoder(
            TransformerEncoderLayer(*options), num_encoder_layers, LayerNorm(d_model, layer_norm_eps, bias=bias))
        self.decoder = custom_decoder or TransformerDecoder(
            TransformerDecoderLayer(*options), num_decoder_layers, LayerNorm(d_model, layer_norm_eps, bias=bias))
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(self, src: Tensor, tgt: Tensor, src_mask: Optional[Tensor] = None, tgt_mask: Optional[Tensor] = None,
                memory_mask: Optional[Tensor] = None, src_key_padding_mask: Optional[Tensor] = None,
                tgt_key_padding_mask: Optional[Tensor] = None, memory_key_padding_mask: Optional[Tensor] = None,
                src_is_causal: Optional[bool] = None, tgt_is_causal: Optional[bool] = None,
                memory_is_causal: bool = False) -> Tensor:
        memory = self.encoder(src, src_mask, src_key_padding_mask)
        output: Tensor = self.decoder(tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)
        return output

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: DeviceLike = None, dtype: Any = None) -> Tensor:
        """The causal mask: minus infinity above the diagonal, 0 elsewhere."""
        return triu(full((sz, sz), -math.inf, dtype=dtype, device=device), 1)
