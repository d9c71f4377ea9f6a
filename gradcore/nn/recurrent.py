"""Recurrent layers and cells."""

from __future__ import annotations

from typing import Any, Iterator, Optional, Sequence, Union

from ..core.tensor import DeviceLike, Tensor, as_tensor
from ..functions.cells import CELLS, Cell, Course
from ..functions.dropout import check_probability, dropout
from ..functions.recurrent import Recurrence
from ..operations.creation import zeros
from ..operations.indexing import index_select
from ..operations.linear_algebra import matmul
from ..operations.shaping import cat, permute, reshape, stack, transpose
from . import init
from .layers import check_size
from .module import Module
from .parameter import Parameter, draw_uniform, unfilled
from .utils.rnn import PackedSequence, padded_of, places_of, widths_of

States = Union[Tensor, tuple[Tensor, ...], None]


class _Recurrent(Module):
    """Base class of recurrent layers."""

    mode: str

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
                 device: DeviceLike = None, dtype: Any = None):
        name = type(self).__name__
        check_size(self, input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        if not hidden_size or not num_layers:
            raise ValueError(f"{name}: `hidden_size` and `num_layers` must be at least 1; got {hidden_size} and "
                             f"{num_layers}")
        check_size(self, proj_size=proj_size)
        if proj_size >= hidden_size:
            raise ValueError(f"{name}: `proj_size` must be less than `hidden_size`; got {proj_size} and {hidden_size}")
        check_probability(dropout, name)
        self.proj_size = proj_size
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout, self.bidirectional = bias, batch_first, float(dropout), bidirectional
        rows = self.cell.gates * hidden_size
        for layer, suffix in self._suffixes():
            inputs = input_size if layer == 0 else self._output_size * self.directions
            shapes = {"weight_ih": (rows, inputs), "weight_hh": (rows, self._output_size), "bias_ih": (rows,),
                      "bias_hh": (rows,), "weight_hr": (proj_size, hidden_size)}
            for kind in self._weight_names:
                setattr(self, kind + suffix, unfilled(shapes[kind], device, dtype))
        self.reset_parameters()

    @property
    def cell(self) -> Cell:
        return CELLS[self.mode]

    @property
    def _output_size(self) -> int:
        return self.proj_size or self.hidden_size

    @property
    def _weight_names(self) -> tuple[str, ...]:
        """The parameters of each layer and direction."""
        biases = ("bias_ih", "bias_hh") if self.bias else ()
        return ("weight_ih", "weight_hh", *biases, *["weight_hr"] * bool(self.proj_size))

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    def _suffixes(self) -> Iterator[tuple[int, str]]:
        """The layer's number, and the suffixes of parameter names for each direction."""
        ends = ("", "_reverse")[:self.directions]
        return ((layer, f"_l{layer}{end}") for layer in range(self.num_layers) for end in ends)

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, kind + suffix) for kind in self._weight_names] for _, suffix in self._suffixes()]

    def reset_parameters(self) -> None:
        """Reinitialize all parameters uniformly in ±1/sqrt(hidden_size)."""
        draw_uniform(self, init.bound_for(self.hidden_size))

    def flatten_parameters(self) -> None:
        """Accepted for compatibility with PyTorch; does nothing."""

    # -- calls ------------------------------------------------------------------------------------------------
    def forward(self, input: Union[Tensor, PackedSequence], hx: States = None) -> tuple[Any, ...]:
        """The states of the last layer at all time steps, and the final states of all layers.

        Parameters
        ----------
        input : shape (L, N, input_size), with `batch_first` (N, L, input_size), (L, input_size), or a PackedSequence.
        hx : the initial states, 0 by default: h, or for an LSTM the pair (h, c), of shape
            (num_layers · directions, N, hidden_size), h with `proj_size` instead of `hidden_size` if that is given.
        """
        if isinstance(input, PackedSequence):
            return self._of_packed(input, hx)
        x = self._by_time(input)
        steps, samples = x.shape[:2]
        states = self._first_states(hx, samples, x, is_batched=input.ndim == 3)
        output, last = self._run(x, (samples,) * steps, states)
        output = permute(reshape(output, -1, steps, samples), 1, 2, 0)
        if input.ndim == 2:
            return output.squeeze(1), self._states([state.squeeze(1) for state in last])
        return transpose(output, 0, 1) if self.batch_first else output, self._states(last)

    def _by_time(self, input: Tensor) -> Tensor:
        """The input as (time, samples, features)."""
        if input.ndim not in (2, 3) or input.shape[-1] != self.input_size:
            order = "(N, L, {0})" if self.batch_first else "(L, N, {0})"
            raise ValueError(f"{type(self).__name__}: the input must have shape {order.format(self.input_size)} or "
                             f"(L, {self.input_size}); got {input.shape}")
        if 0 in input.shape[:-1]:
            raise ValueError(f"{type(self).__name__}: the input must have one time and one sample at least; got shape "
                             f"{input.shape}")
        x = input if input.ndim == 3 else input.unsqueeze(1)
        return transpose(x, 0, 1) if self.batch_first and input.ndim == 3 else x

    def _of_packed(self, packed: PackedSequence, hx: States) -> tuple[Any, ...]:
        widths = widths_of(packed)
        if packed.data.ndim != 2 or packed.data.shape[1] != self.input_size:
            raise ValueError(f"{type(self).__name__}: the packed input must have {self.input_size} feature(s); got "
                             f"shape {packed.data.shape}")
        states = self._first_states(hx, widths[0], packed.data, is_batched=True)
        if packed.sorted_indices is not None:
            states = [index_select(state, 1, packed.sorted_indices) for state in states]
        output, last = self._run(padded_of(packed.data, widths, len(widths)), widths, states)
        data = transpose(index_select(output, 1, as_tensor(places_of(widths), device=output.device)))
        if packed.unsorted_indices is not None:
            last = [index_select(state, 1, packed.unsorted_indices) for state in last]
        return PackedSequence(data, *packed[1:]), self._states(last)

    def _states(self, last: Sequence[Tensor]) -> States:
        return last[0] if self.cell.states == 1 else tuple(last)

    def _first_states(self, hx: States, samples: int, x: Tensor, is_batched: bool) -> list[Tensor]:
        sizes = (self._output_size, self.hidden_size)[:self.cell.states]
        lead = (self.num_layers * self.directions, *[samples] * is_batched)
        if hx is None:
            made = {size: zeros(lead[0], samples, size, dtype=x.dtype, device=x.device) for size in set(sizes)}
            return [made[size] for size in sizes]
        states = [hx] if isinstance(hx, Tensor) else list(hx)
        if [state.shape for state in states] != [(*lead, size) for size in sizes]:
            wanted = " and ".join(dict.fromkeys([str((*lead, size)) for size in sizes]))
            what = "h" if self.cell.states == 1 else "a pair (h, c)"
            raise ValueError(f"{type(self).__name__}: the first states must be {what} of shape {wanted}; got "
                             f"{', '.join(str(state.shape) for state in states)}")
        return states if is_batched else [state.unsqueeze(1) for state in states]

    def _run(self, x: Tensor, widths: tuple[int, ...], states: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """All layers over (time, samples, features): (features, time · samples), and the final states."""
        sequence = transpose(reshape(x, -1, x.shape[2]))
        last: list[list[Tensor]] = []
        weights = iter(self.all_weights)
        for layer in range(self.num_layers):
            outputs = []
            for direction in range(self.directions):
                k = layer * self.directions + direction
                parameters = dict(zip(self._weight_names, next(weights)))
                first = [transpose(state[k]) for state in states]
                course = Course(self.cell, widths, is_reverse=direction == 1)
                of_h = [parameters.get(kind) for kind in ("weight_hh", "bias_ih", "bias_hh", "weight_hr")]
                output, *ends = Recurrence.apply(course, matmul(parameters["weight_ih"], sequence), *of_h, *first)
                outputs.append(output)
                last.append([transpose(end) for end in ends])
            sequence = outputs[0] if len(outputs) == 1 else cat(outputs, 0)
            if self.dropout and layer < self.num_layers - 1:
                sequence = dropout(sequence, self.dropout, self.training)
        return sequence, [stack(ends, 0) for ends in zip(*last)]

    def extra_repr(self) -> str:
        usual = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0,
                 "bidirectional": False}
        return ", ".join([f"{self.input_size}, {self.hidden_size}"]
                         + [f"{name}={getattr(self, name)}" for name, value in usual.items()
                            if getattr(self, name) != value])


class RNN(_Recurrent):
    """h' = tanh(W x + b + U h + d), or relu: see `gradcore.functions.recurrent`.

    Source: Elman, "Finding Structure in Time", Cognitive Science 14, 1990.

    >>> from gradcore import randn
    >>> output, last = RNN(input_size=3, hidden_size=4, batch_first=True)(randn(2, 5, 3))
    >>> output.shape, last.shape
    ((2, 5, 4), (1, 2, 4))
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh",
                 bias: bool = True, batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
                 device: DeviceLike = None, dtype: Any = None):
        self.mode, self.nonlinearity = _mode(nonlinearity, "RNN"), nonlinearity
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
                         device=device, dtype=dtype)


class LSTM(_Recurrent):
    """Long short-term memory: see `gradcore.functions.cells.lstm_step`.

    c' = sigmoid(f) c + sigmoid(i) tanh(g), h' = sigmoid(o) tanh(c'), where i, f, g, o are W x + b + U h + d.

    With `proj_size`, a further matrix projects the state to that size.
    Sources: Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural Computation 9, 1997; Sak, Senior and Beaufays,
    "Long Short-Term Memory Based Recurrent Neural Network Architectures", 2014, section 3.2.

    >>> output, (h, c) = LSTM(3, 5)(Tensor.zeros(7, 2, 3))
    >>> output.shape, h.shape
    ((7, 2, 5), (1, 2, 5))
    """

    mode = "LSTM"


class GRU(_Recurrent):
    """Gated recurrent units: see `gradcore.functions.cells.gru_step`.

    h' = (1 - z) n + z h, with r = sigmoid(W_r x + U_r h + ...), z = sigmoid(W_z x + U_z h + ...) and n = tanh(W_n x +
    r U_n h + ...).

    Source: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", EMNLP 2014.

    >>> from gradcore import randn
    >>> output, last = GRU(input_size=3, hidden_size=4)(randn(5, 2, 3))  # 5 steps of 2 sequences
    >>> output.shape, last.shape
    ((5, 2, 4), (1, 2, 4))
    """

    mode = "GRU"

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
                 device: DeviceLike = None, dtype: Any = None):
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
                         device=device, dtype=dtype)


def _mode(nonlinearity: str, name: str) -> str:
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f'{name}: `nonlinearity` must be "tanh" or "relu"; got {nonlinearity!r}')
    return f"RNN_{nonlinearity.upper()}"


class _CellModule(Module):
    """One step of a recurrent layer."""

    mode: str
    bias_ih: Optional[Parameter]
    bias_hh: Optional[Parameter]

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: DeviceLike = None,
                 dtype: Any = None):
        check_size(self, input_size=input_size, hidden_size=hidden_size)
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = CELLS[self.mode].gates * hidden_size
        self.weight_ih, self.weight_hh = [unfilled((rows, n), device, dtype) for n in (input_size, hidden_size)]
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, unfilled((rows,), device, dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Reinitialize all parameters uniformly in ±1/sqrt(hidden_size)."""
        draw_uniform(self, init.bound_for(self.hidden_size))

    def forward(self, input: Tensor, hx: States = None) -> States:
        """The new states: h, or for an LSTM the pair (h, c).

        Parameters
        ----------
        input : shape (N, input_size) or (input_size,).
        hx : the previous states, 0 by default, of shape (N, hidden_size) or (hidden_size,).
        """
        cell, name = CELLS[self.mode], type(self).__name__
        if input.ndim not in (1, 2) or input.shape[-1] != self.input_size:
            raise ValueError(f"{name}: the input must have shape (N, {self.input_size}) or ({self.input_size},); got "
                             f"{input.shape}")
        wanted = (*input.shape[:-1], self.hidden_size)
        states = [zeros(wanted, dtype=input.dtype, device=input.device)] * cell.states if hx is None \
            else [hx] if isinstance(hx, Tensor) else list(hx)
        if len(states) != cell.states or any(state.shape != wanted for state in states):
            raise ValueError(f"{name}: the states must be {cell.states} tensor(s) of shape {wanted}; got "
                             f"{', '.join(str(state.shape) for state in states)}")
        x, *states = [tensor if tensor.ndim == 2 else tensor.unsqueeze(0) for tensor in (input, *states)]
        _, *last = Recurrence.apply(Course(cell, (x.shape[0],)), matmul(self.weight_ih, transpose(x)), self.weight_hh,
                                    self.bias_ih, self.bias_hh, None, *[transpose(state) for state in states])
        last = [transpose(state) if input.ndim == 2 else reshape(state, -1) for state in last]
        return last[0] if cell.states == 1 else tuple(last)

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(_CellModule):
    """One step of `RNN`.

    >>> from gradcore import randn
    >>> RNNCell(3, 4)(randn(2, 3)).shape
    (2, 4)
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh",
                 device: DeviceLike = None, dtype: Any = None):
        self.mode, self.nonlinearity = _mode(nonlinearity, "RNNCell"), nonlinearity
        super().__init__(input_size, hidden_size, bias, device, dtype)


class LSTMCell(_CellModule):
    """One step of `LSTM`.

    >>> from gradcore import randn
    >>> hidden, cell = LSTMCell(3, 4)(randn(2, 3))
    >>> hidden.shape, cell.shape
    ((2, 4), (2, 4))
    """

    mode = "LSTM"


class GRUCell(_CellModule):
    """One step of `GRU`.

    >>> from gradcore import randn
    >>> GRUCell(3, 4)(randn(2, 3)).shape
    (2, 4)
    """

    mode = "GRU"
