"""`Module` as PyTorch's: what is registered, hooks, state, and how it prints."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, nn


class Net(nn.Module):
    """Two layers with one weight, and buffers."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.second = nn.Linear(3, 3)
        self.second.weight = self.first.weight
        self.register_buffer("mean", gradcore.zeros(3))
        self.register_buffer("scratch", gradcore.ones(2), persistent=False)
        self.register_parameter("absent", None)

    def forward(self, x, scale=1.0):
        return self.second(self.first(x) - self.mean) * scale


def test_what_is_registered_is_found():
    net = Net()
    assert [name for name, _ in net.named_parameters()] == ["first.weight", "first.bias", "second.bias"]
    assert [name for name, _ in net.named_parameters(remove_duplicate=False)][2] == "second.weight"
    assert [name for name, _ in net.named_buffers()] == ["mean", "scratch"] and len(list(net.buffers())) == 2
    assert [name for name, _ in net.named_modules(prefix="net")] == ["net", "net.first", "net.second"]
    assert list(net.children()) == [net.first, net.second] and list(net.parameters(recurse=False)) == []
    assert net.get_submodule("first") is net.first and net.get_parameter("first.bias") is net.first.bias
    assert list(net.state_dict()) == ["mean", "first.weight", "first.bias", "second.weight", "second.bias"]
    seen = []
    assert net.apply(lambda module: seen.append(type(module).__name__)) is net and seen == ["Linear", "Linear", "Net"]
    with pytest.raises(AttributeError, match="no module 'third'"):
        net.get_submodule("third")


def test_a_parameter_is_replaced_by_parameters_only():
    net, before = Net(), None
    before = net.first.weight
    with pytest.raises(TypeError, match=r"Linear.weight is a parameter; .* got a Tensor: write nn.Parameter"):
        net.first.weight = gradcore.zeros(3, 3)
    with pytest.raises(TypeError, match="Net.first is a module"):
        net.first = 3
    with pytest.raises(TypeError, match="Net.mean is a buffer"):
        net.mean = 3
    assert net.first.weight is before
    net.mean = gradcore.ones(3)  # a buffer is replaced by any tensor
    assert net.state_dict()["mean"].tolist() == [1, 1, 1]
    net.first.bias = None
    assert "first.bias" not in net.state_dict()
    net.absent = nn.Parameter([1.0])
    assert "absent" in net.state_dict()
    del net.absent
    assert "absent" not in net.state_dict() and not hasattr(net, "absent")


@pytest.mark.parametrize("register, value, error, words", [
    ("register_buffer", 3, TypeError, "must be a Tensor or None; got int"),
    ("register_parameter", gradcore.zeros(1), TypeError, "must be a Parameter or None; got Tensor"),
    ("add_module", gradcore.zeros(1), TypeError, "must be a Module or None; got Tensor")])
def test_what_is_not_registered_is_refused(register, value, error, words):
    net = Net()
    with pytest.raises(error, match=words):
        getattr(net, register)("new", value)
    for name in ("", "a.b", "forward"):
        with pytest.raises(KeyError, match="register|add_module"):
            getattr(net, register)(name, None)
    assert not hasattr(net, "new")


def test_parameters_share_the_memory_of_tensors():
    x = gradcore.zeros(3)
    parameter, buffer = nn.Parameter(x), nn.Buffer(x)
    x.fill_(2.0)
    assert parameter.tolist() == buffer.tolist() == [2, 2, 2] and parameter.requires_grad and not x.requires_grad
    assert nn.Parameter(gradcore.zeros(2, dtype="int64"), requires_grad=False).dtype == np.int64
    with pytest.raises(TypeError, match="floating-point"):
        nn.Parameter(gradcore.zeros(2, dtype="int64"))
    with pytest.raises(TypeError, match=r"Tensor: `requires_grad` must be True or False; got int 3"):
        Tensor(2, 3)


def test_attributes_and_subclasses_survive_copies():
    class_of = {"parameter": nn.Parameter([1.0]), "buffer": nn.Buffer([1.0], persistent=False)}
    class_of["parameter"].tag = ["decay"]
    for name, tensor in class_of.items():
        for other in (copy.deepcopy(tensor), pickle.loads(pickle.dumps(tensor)), copy.copy(tensor)):
            assert type(other) is type(tensor) and vars(other) == vars(tensor), name
    net = Net()
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert list(other.state_dict()) == list(net.state_dict()) and other.scratch.tolist() == [1, 1]
    assert copy.deepcopy(net).second.weight.tolist() == net.first.weight.tolist()
    tied = copy.deepcopy(net)
    assert tied.second.weight is tied.first.weight and tied.first.weight is not net.first.weight


def test_a_state_is_checked_before_it_is_loaded():
    net = Net()
    state = {name: value + 1 for name, value in net.state_dict().items()}
    before = {name: value.numpy().copy() for name, value in net.state_dict().items()}
    for wrong, words in (({**state, "first.weight": np.zeros((2, 2))}, "first.weight has shape"),
                         ({**state, "first.weight": np.full((3, 3), "a")}, "no numbers"),
                         ({**state, "more": 1.0}, "unknown: more")):
        with pytest.raises(ValueError, match=words):
            net.load_state_dict(wrong)
    with pytest.raises(TypeError, match="`state_dict` must be a dict; got list"):
        net.load_state_dict([1])
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])
    keys = net.load_state_dict({"mean": gradcore.ones(3), "more": 1.0}, strict=False)
    assert keys.unexpected_keys == ["more"] and "first.weight" in keys.missing_keys and net.mean.tolist() == [1, 1, 1]


def test_moving_replaces_buffers_that_are_plain_tensors(backend):
    net, mine = Net(), gradcore.zeros(3)
    net.mean = mine
    net.to(backend.device).double()
    assert net.mean.dtype == np.float64 and net.mean.device == backend.device and mine.dtype == np.float32
    assert net.second.weight is net.first.weight and net.first.weight.dtype == np.float64


# -- hooks ------------------------------------------------------------------------------------------------------------

def both(torch):
    """The same net in both libraries."""
    ours = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def seen_by_hooks(model, x, hooks):
    """What hooks on the middle of a model see, and the gradients afterwards."""
    seen = []

    def values(tensors):
        return [None if value is None else np.array(value.tolist()) for value in tensors]

    def pre(module, inputs):
        seen.append(values(inputs))
        return inputs[0] * 2 if "replace" in hooks else None

    def after(module, inputs, output):
        seen.append(values([*inputs, output]))
        return output * 3 if "replace" in hooks else None

    def backward(module, grad_input, grad_output):
        seen.append(values([*grad_input, *grad_output]))
        return (grad_input[0] * 5,) if "replace" in hooks else None

    handles = [model[1].register_forward_pre_hook(pre), model[1].register_forward_hook(after),
               model[1].register_full_backward_hook(backward)]
    y = model(x)
    y.register_hook(lambda gradient: gradient * 7)
    model[0].weight.register_hook(lambda gradient: seen.append(values([gradient])))
    (y * y).sum().backward()
    for handle in handles:
        handle.remove()
    count = len(seen)
    model(x)
    assert len(seen) == count
    return seen, [np.array(parameter.grad.tolist()) for parameter in model.parameters()]


@pytest.mark.parametrize("hooks", ["look", "replace"])
def test_hooks_see_and_replace_what_pytorchs_do(hooks, rng):
    torch = pytest.importorskip("torch")
    ours, theirs = both(torch)
    x = rng.normal(size=(5, 3)).astype("float32")
    mine = seen_by_hooks(ours, Tensor(x, requires_grad=True), hooks)
    other = seen_by_hooks(theirs, torch.tensor(x, requires_grad=True), hooks)
    for a, b in zip([value for group in mine[0] for value in group] + mine[1],
                    [value for group in other[0] for value in group] + other[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * max(1.0, np.abs(b).max()))  # terms cancel


def test_backward_hooks_of_modules_with_several_inputs():
    class Two(nn.Module):
        def forward(self, a, b, factor=1):
            return a * b * factor, a + b

    module, seen = Two(), []
    module.register_full_backward_hook(lambda m, along_in, along_out: seen.append(
        [None if g is None else g.item() for g in (*along_in, *along_out)]))
    module.register_full_backward_pre_hook(lambda m, along_out: (along_out[0] * 10, along_out[1]))
    module.register_forward_pre_hook(lambda m, inputs, options: (inputs, {"factor": 2}), with_kwargs=True)
    a, b = Tensor([3.0], requires_grad=True), Tensor([5.0])
    product, total = module(a, b)
    (product + total).backward()
    assert seen == [[101.0, None, 10.0, 1.0]] and a.grad.item() == 101


def test_hooks_of_leaves_see_the_whole_gradient():
    x, seen = Tensor([2.0], requires_grad=True), []
    with x.register_hook(lambda gradient: seen.append(gradient.item())):
        (x * x + x * 3).backward()
        assert seen == [7.0] and x.grad.item() == 7
        gradient, = gradcore.grad(x * x, x)
        assert seen == [7.0, 4.0]
    (x * 1).backward()
    assert len(seen) == 2 and x.grad.item() == 8
    with pytest.raises(RuntimeError, match="does not require a gradient"):
        Tensor([1.0]).register_hook(print)
    x.register_hook(lambda gradient: gradcore.zeros(2))
    with pytest.raises(ValueError, match=r"same shape, \(1,\); got \(2,\)"):
        (x * 1).backward()


# -- printing ---------------------------------------------------------------------------------------------------------

def test_a_module_prints_once():
    net = nn.Module()
    net.inner = nn.Sequential(nn.ReLU())
    net.again = net.inner
    net.itself = net
    assert repr(net).splitlines() == ["Module(", "  (inner): Sequential(", "    (0): ReLU()", "  )",
                                      "  (again): Sequential, the same as (inner)",
                                      "  (itself): Module, the same as the whole", ")"]
    assert [name for name, _ in net.named_modules()] == ["", "inner", "inner.0"] and net.state_dict() == {}


def test_gradients_that_are_made_zeros_are_zeros_whatever_they_were():
    model = nn.Linear(2, 1)
    model.weight.grad = Tensor([[float("inf"), float("nan")]])
    model.zero_grad(set_to_none=False)
    assert model.weight.grad.tolist() == [[0, 0]] and model.bias.grad is None
    model.zero_grad()
    assert model.weight.grad is None


def test_dictionaries_of_parts_are_used_as_dictionaries():
    named = nn.ParameterDict([("a", Tensor([1.0])), ("b", Tensor([2.0, 3.0]))])
    assert [name for name, _ in named.items()] == list(named.keys()) == ["a", "b"]
    assert [part.tolist() for part in named.values()] == [[1], [2, 3]]
    assert named.get("c") is None and named.get("a") is named["a"] is named.a
    assert repr(named) == "ParameterDict((a): (1,), (b): (2,))"
    del named["a"]
    assert "a" not in named and named.pop("b").tolist() == [2, 3] and len(named) == 0
    modules = nn.ModuleDict({"a": nn.ReLU()})
    modules.clear()
    assert len(modules) == 0 and not list(modules.children())


def test_lists_of_parts_are_added_as_lists():
    layers = nn.ModuleList([nn.ReLU()]) + [nn.Tanh()]
    assert [type(layer) for layer in layers] == [nn.ReLU, nn.Tanh] and isinstance(layers, nn.ModuleList)
    slopes = nn.ParameterList([Tensor([1.0])]) + [Tensor([2.0, 3.0])]
    assert repr(slopes) == "ParameterList((0): (1,), (1): (2,))" and len(list(slopes.parameters())) == 2


@pytest.mark.parametrize("module, text", [
    (nn.Bilinear(1, 2, 3), "Bilinear(in1_features=1, in2_features=2, out_features=3, bias=True)"),
    (nn.Unflatten(1, (2, 3)), "Unflatten(dim=1, unflattened_size=(2, 3))"),
    (nn.Dropout(0.25), "Dropout(p=0.25, inplace=False)"),
    (nn.ZeroPad2d(1), "ZeroPad2d((1, 1, 1, 1))"),
    (nn.ConstantPad1d((1, 2), 3.0), "ConstantPad1d((1, 2), value=3.0)"),
    (nn.GroupNorm(1, 2), "GroupNorm(1, 2, eps=1e-05, affine=True)"),
    (nn.RMSNorm(2), "RMSNorm((2,), eps=None, elementwise_affine=True)"),
    (nn.AdaptiveAvgPool2d(3), "AdaptiveAvgPool2d(output_size=3)"),
    (nn.PixelShuffle(2), "PixelShuffle(upscale_factor=2)"),
    (nn.PixelUnshuffle(2), "PixelUnshuffle(downscale_factor=2)"),
    (nn.Embedding(4, 3, padding_idx=0), "Embedding(4, 3, padding_idx=0)"),
    (nn.GRU(2, 3, num_layers=2), "GRU(2, 3, num_layers=2)"),
    (nn.GRUCell(2, 3, bias=False), "GRUCell(2, 3, bias=False)"),
])
def test_modules_are_shown_with_their_options(module, text):
    assert repr(module) == text
