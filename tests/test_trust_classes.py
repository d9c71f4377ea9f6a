"""Every public class is used at random: made, called, its methods and brackets called, with one odd argument or two.

Either there is a result, or an error in the library's own words that names the class, the method or the function; what
was refused has changed nothing.  So too for the functions of the modules below `gradcore`.
"""

from __future__ import annotations

import inspect
import types
import warnings
from typing import Any, Iterator

import numpy as np

import gradcore
from gradcore import (Tensor, accelerator, array_api, autograd, cuda, distributed, distributions, func, interop, linalg,
                      nn, optim, random, special)
from gradcore.core import arguments
from gradcore.core.hooks import Handle
from gradcore.nn import functional, init, parallel
from gradcore.nn.utils import rnn
from gradcore.optim import lr_scheduler, swa_utils
from gradcore.utils import data
from test_trust_signatures import ANYTHING, Caller, _foreign

ROUNDS, CALLS = 2, 3
# How an instance of each class is made; a class that is not named here is made without arguments.
MADE = """
nn.AdaptiveAvgPool1d(2) nn.AdaptiveAvgPool2d(2) nn.AdaptiveAvgPool3d(2) nn.AdaptiveMaxPool1d(2) nn.AdaptiveMaxPool2d(2)
nn.AdaptiveMaxPool3d(2) nn.AvgPool1d(2) nn.AvgPool2d(2) nn.AvgPool3d(2) nn.BatchNorm1d(3) nn.BatchNorm2d(3)
nn.BatchNorm3d(3) nn.Bilinear(3,3,2) nn.ChannelShuffle(1) nn.CircularPad1d(1) nn.CircularPad2d(1) nn.CircularPad3d(1)
nn.ConstantPad1d(1,0.5) nn.ConstantPad2d(1,0.5) nn.ConstantPad3d(1,0.5) nn.Conv1d(3,2,2) nn.Conv2d(3,2,2)
nn.Conv3d(3,2,2) nn.ConvTranspose1d(3,2,2) nn.ConvTranspose2d(3,2,2) nn.ConvTranspose3d(3,2,2) nn.Embedding(4,3)
nn.EmbeddingBag(4,3) nn.Fold((3,3),2) nn.GRU(3,2) nn.GRUCell(3,2) nn.GroupNorm(1,3) nn.InstanceNorm1d(3,affine=True)
nn.InstanceNorm2d(3,track_running_stats=True) nn.InstanceNorm3d(3) nn.LPPool1d(2,2) nn.LPPool2d(2,2) nn.LSTM(3,2)
nn.LSTMCell(3,2) nn.LayerNorm(3) nn.Linear(3,2) nn.LocalResponseNorm(2) nn.MaxPool1d(2) nn.MaxPool2d(2) nn.MaxPool3d(2)
nn.MaxUnpool1d(2) nn.MaxUnpool2d(2) nn.MaxUnpool3d(2) nn.ModuleDict({"a":nn.ReLU()}) nn.ModuleList([nn.ReLU()])
nn.MultiheadAttention(4,2) nn.ParameterDict({"a":nn.Parameter(Tensor([1.0]))}) nn.PixelShuffle(1) nn.PixelUnshuffle(1)
nn.ParameterList([nn.Parameter(Tensor([1.0]))]) nn.RMSNorm(3) nn.RNN(3,2) nn.RNNCell(3,2) nn.ReflectionPad1d(1)
nn.ReflectionPad2d(1) nn.ReflectionPad3d(1) nn.ReplicationPad1d(1) nn.ReplicationPad2d(1) nn.ReplicationPad3d(1)
nn.Sequential(nn.Linear(3,3),nn.ReLU()) nn.Threshold(0.1,2.0) nn.TransformerDecoderLayer(4,2,5)
nn.TransformerEncoderLayer(4,2,5) nn.TransformerDecoder(nn.TransformerDecoderLayer(4,2,5),1) nn.Unflatten(1,(1,3))
nn.TransformerEncoder(nn.TransformerEncoderLayer(4,2,5),1) nn.Transformer(4,2,1,1,5) nn.Unfold(2)
nn.Upsample(scale_factor=2) nn.UpsamplingBilinear2d(scale_factor=2) nn.UpsamplingNearest2d(scale_factor=2)
nn.ZeroPad1d(1) nn.ZeroPad2d(1) nn.ZeroPad3d(1) nn.Neuron(3) nn.Parameter(Tensor([1.0])) nn.Buffer(Tensor([1.0]))
optim.Adadelta(p()) optim.Adagrad(p()) optim.Adam(p()) optim.AdamW(p()) optim.Adamax(p()) optim.LBFGS(p())
optim.NAdam(p()) optim.RAdam(p()) optim.RMSprop(p()) optim.Rprop(p()) optim.SGD(p(),0.1,momentum=0.9)
optim.Optimizer(p(),{"lr":1.0})
lr_scheduler.ChainedScheduler([lr_scheduler.StepLR(o(),2)]) lr_scheduler.ConstantLR(o())
lr_scheduler.CosineAnnealingLR(o(),5) lr_scheduler.CosineAnnealingWarmRestarts(o(),2) lr_scheduler.LinearLR(o())
lr_scheduler.CyclicLR(o(),0.1,0.5,cycle_momentum=False) lr_scheduler.ExponentialLR(o(),0.9) lr_scheduler.StepLR(o(),2)
lr_scheduler.LambdaLR(o(),lambda*a:1.0) lr_scheduler.MultiStepLR(o(),[2,4]) lr_scheduler.PolynomialLR(o())
lr_scheduler.MultiplicativeLR(o(),lambda*a:1.0) lr_scheduler.OneCycleLR(o(),0.1,10) lr_scheduler.ReduceLROnPlateau(o())
lr_scheduler.SequentialLR(s,[lr_scheduler.StepLR(s,2),lr_scheduler.StepLR(s,3)],[2])
data.BatchSampler(data.SequentialSampler(range(5)),2,False) data.ChainDataset([]) data.ConcatDataset([[1],[2,3]])
data.DataLoader(range(5),2) data.DistributedSampler(range(5),2,0) data.RandomSampler(range(5)) data.StackDataset([1,2])
data.SequentialSampler(range(5)) data.Subset(range(5),[1,2]) data.SubsetRandomSampler([1,2])
data.TensorDataset(Tensor([1.0,2.0])) data.WeightedRandomSampler([1.0,2.0],3)
distributions.Bernoulli(0.5) distributions.Categorical(Tensor([0.5,0.5])) distributions.Exponential(1.0)
distributions.Independent(distributions.Normal(Tensor([0.0,1.0]),1.0),1) distributions.Laplace(0.0,1.0)
distributions.Normal(Tensor([0.0,1.0]),1.0) distributions.Uniform(0.0,1.0) distributions.Beta(1.0,2.0)
distributions.Binomial(3,Tensor([0.5])) distributions.Cauchy(0.0,1.0) distributions.Chi2(2.0)
distributions.Dirichlet(Tensor([1.0,2.0])) distributions.Gamma(1.0,2.0) distributions.Geometric(0.5)
distributions.Gumbel(0.0,1.0) distributions.HalfCauchy(1.0) distributions.HalfNormal(1.0) distributions.Poisson(2.0)
distributions.InverseGamma(3.0,1.0) distributions.Kumaraswamy(1.0,2.0) distributions.LogNormal(0.0,1.0)
distributions.MixtureSameFamily(D.Categorical(Tensor([0.5,0.5])),D.Normal(Tensor([0.0,1.0]),1.0))
distributions.Multinomial(2,Tensor([0.5,0.5])) distributions.NegativeBinomial(3,Tensor([0.5]))
distributions.MultivariateNormal(Tensor([0.0,1.0]),Tensor([[1.0,0.0],[0.0,1.0]])) distributions.Weibull(1.0,1.0)
distributions.OneHotCategorical(Tensor([0.5,0.5])) distributions.Pareto(1.0,2.0) distributions.StudentT(3.0)
distributions.OneHotCategoricalStraightThrough(Tensor([0.5,0.5])) distributions.AffineTransform(1.0,2.0)
distributions.RelaxedBernoulli(Tensor(0.5),Tensor([0.5])) distributions.ComposeTransform([distributions.ExpTransform()])
distributions.RelaxedOneHotCategorical(Tensor(0.5),Tensor([0.5,0.5])) distributions.PowerTransform(Tensor(2.0))
distributions.TransformedDistribution(distributions.Normal(0.0,1.0),[distributions.ExpTransform()])
rnn.pack_sequence([Tensor([1.0,2.0])])
core.Handle({},int) gradcore.set_grad_enabled(True) autograd.set_detect_anomaly(False) gradcore.Device("cpu")
swa_utils.AveragedModel(nn.Linear(3,2)) swa_utils.SWALR(o(),0.05) autograd.Context("Own",(Tensor([1.0]),))
"""
OF_GROUPS = "parallel.DistributedDataParallel(nn.Linear(3,2)) optim.ZeroRedundancyOptimizer(p(),optim.SGD,lr=0.1)"
ROOMS: dict[str, Any] = {"nn": nn, "optim": optim, "lr_scheduler": lr_scheduler, "data": data, "rnn": rnn, "cuda": cuda,
                         "distributions": distributions, "parallel": parallel, "autograd": autograd,
                         "gradcore": gradcore, "swa_utils": swa_utils}
MODULES: dict[str, Any] = {"functional": functional, "linalg": linalg, "special": special, "init": init, "rnn": rnn,
                           "nn.utils": nn.utils, "autograd": autograd, "array_api": array_api, "interop": interop,
                           "data": data, "distributed": distributed, "cuda": cuda, "random": random,
                           "accelerator": accelerator, "distributions": distributions, "func": func,
                           "autograd.functional": autograd.functional, "swa_utils": swa_utils,
                           "parametrize": nn.utils.parametrize, "parametrizations": nn.utils.parametrizations}
# What changes the library itself, starts processes, or is no call of a user's.
LEFT_OUT = {"manual_seed_all", "set_rng_state_all", "manual_seed", "set_rng_state", "use_stream", "gradcheck", "seed",
            "init_process_group", "publish", "publish_own", "get_backend", "usable_reason", "seed_all", "fork_rng",
            "graph", "save_checkpoint", "load_checkpoint", "Variable", "forward", "rate", "order", "update", "later",
            "share_memory", "skip", "draw", "check", "bound_for", "collated", "keep"}
NOT_MADE = {"Event", "Stream", "WorkerInfo", "DistributedDataParallel", "ZeroRedundancyOptimizer",
            "LRScheduler", "Activation"}
PROTOCOLS = "__getitem__ __setitem__ __delitem__ __contains__ __add__ __iadd__ __call__".split()
ODD = [*[value for value in ANYTHING if value is not print
         and (not isinstance(value, (int, float)) or abs(value) < 9 or value != value)],
       [Tensor([1.0])], {"params": [1]}, {"a": Tensor([1.0])}, {"state": {}, "param_groups": []}, lambda *args: 1,
       {"params": [Tensor([1.0])], "lr": "a"}, {"seed": "a"}, {"last_epoch": "a"}, nn.ReLU(), [nn.ReLU(), 3], Tensor]


def _is_ours(value: Any) -> bool:
    return (getattr(value, "__module__", None) or "").startswith("gradcore")


def _instances() -> Iterator[tuple[str, Any]]:
    """Each public class with one of its instances, or None where it is only constructed wrongly."""
    def o() -> optim.Optimizer:
        return optim.SGD(nn.Linear(3, 2).parameters(), lr=0.1)

    names = {**ROOMS, "D": distributions,
             "p": lambda: list(nn.Linear(3, 2).parameters()), "o": o, "s": o(), "Tensor": Tensor,
             "core": types.SimpleNamespace(Handle=Handle)}
    made = [eval(text, names) for text in (MADE + OF_GROUPS * distributed.is_initialized()).split()]
    known = {type(instance): instance for instance in made}
    yield from ((kind.__name__, instance) for kind, instance in known.items())
    for room in ROOMS.values():
        for name in getattr(room, "__all__", None) or dir(room):
            kind = getattr(room, name)
            if isinstance(kind, type) and _is_ours(kind) and kind not in known and not issubclass(
                    kind, (Exception, Tensor)) and kind.__name__ not in NOT_MADE:
                known[kind] = kind()
                yield kind.__name__, known[kind]


def _functions() -> dict[str, Any]:
    return {f"{room}.{name}": value for room, module in MODULES.items()
            for name in getattr(module, "__all__", None) or dir(module)
            for value in [getattr(module, name)] if not name.startswith("_") and name not in LEFT_OUT
            and isinstance(value, types.FunctionType) and _is_ours(value)
            and (hasattr(module, "__all__") or value.__module__ == module.__name__)}


def _methods(instance: Any) -> dict[str, Any]:
    names = [name for name in dir(type(instance)) if name in PROTOCOLS or not name.startswith("_")]
    return {name: getattr(instance, name) for name in names if name not in LEFT_OUT
            and isinstance(inspect.getattr_static(type(instance), name), (types.FunctionType, classmethod))
            and not isinstance(instance, Tensor)}


def _quiet(*args: Any, **kwargs: Any) -> None:
    """A function that may be called back with anything."""


class Words(Caller):
    """Random wrong calls, and what is wrong with the words that they are answered in."""

    def __init__(self, device: Any, rng: np.random.Generator):
        super().__init__(device, rng)
        self.faults: list[str] = []
        self.calls = self.refusals = 0

    def fitting(self, parameter: inspect.Parameter) -> Any:
        layer = nn.Linear(3, 2)
        known = {"params": [*layer.parameters()], "parameters": [*layer.parameters()], "module": layer,
                 "modules": [layer], "fn": _quiet, "hook": _quiet, "dataset": [1, 2, 3], "sampler": [1, 0],
                 "optimizer": optim.SGD(layer.parameters(), lr=0.1), "name": "extra", "lengths": [2, 1],
                 "tensors": [self.one_of(self.tensors)], "generator": None, "device": "cpu", "dtype": None}
        if parameter.name in known:
            return known[parameter.name]
        return super().fitting(parameter)

    def drawn(self, function: Any) -> tuple[list, dict]:
        parameters = list(inspect.signature(function).parameters.values())
        odd = set(self.rng.integers(max(len(parameters), 1), size=self.one_of([1, 1, 2])))
        args: list = []
        kwargs: dict = {}
        for i, parameter in enumerate(parameters):
            value = self.one_of(ODD) if i in odd else self.fitting(parameter)
            if parameter.name in ("fn", "func", "function", "hook") and callable(value):
                value = _quiet  # lest it be a function that refuses what it is called with
            is_left = parameter.default is not parameter.empty and i not in odd and self.rng.random() < 0.6
            if parameter.kind is parameter.VAR_KEYWORD or is_left:
                continue
            if parameter.kind is parameter.VAR_POSITIONAL:
                args += [value] * self.rng.integers(0, 3)
            elif parameter.kind is parameter.KEYWORD_ONLY or len(args) < i:
                kwargs[parameter.name] = value
            else:
                args.append(value)
        if self.rng.random() < 0.03:
            kwargs["nonsense"] = 1
        return args, kwargs

    def try_call(self, label: str, function: Any, args: list, kwargs: dict, names: set[str], owner: Any = None) -> Any:
        """Call, and keep what is wrong with an error: foreign words, no name, or something changed."""
        given = [*args, *kwargs.values()]
        before = _seen([owner, given])
        self.calls += 1
        try:
            result = function(*args, **kwargs)
            return list(result) if isinstance(result, types.GeneratorType) else result
        except (MemoryError, gradcore.BackendUnavailable, StopIteration):
            return None
        except Exception as error:
            self.refusals += 1
            words, fault = str(error), ""
            if isinstance(error, AssertionError) or not arguments.is_own(error):
                fault = "foreign words"
            elif not any(name.lower() in words.lower() for name in names):
                fault = "no name"
            elif before != _seen([owner, given]):
                fault = "changed"
            if fault and "has no float16" not in words:
                self.faults.append(f"{fault}: {label} {arguments._listed(args, kwargs)[:400]}: "
                                   f"{type(error).__name__} {words}")
        return None


def _marred(state: Any, rng: np.random.Generator) -> Any:
    """A state with one thing in it that is another."""
    if not isinstance(state, (dict, list, tuple)) or not state or rng.random() < 0.1:
        return ODD[rng.integers(len(ODD))]
    names = list(state) if isinstance(state, dict) else range(len(state))
    chosen = names[rng.integers(len(names))]
    if isinstance(state, dict):
        return {name: _marred(part, rng) if name == chosen else part for name, part in state.items()}
    return type(state)([_marred(part, rng) if i == chosen else part for i, part in enumerate(state)])


def _seen(value: Any, depth: int = 0) -> Any:
    """What a call may change, as something that compares."""
    if isinstance(value, Tensor):
        return repr(value.detach().tolist()), value.requires_grad
    if isinstance(value, (int, float, str, type(None))):
        return repr(value)
    if depth < 4 and isinstance(value, dict):
        return [(repr(key)[:60], _seen(part, depth + 1)) for key, part in value.items()]
    if depth < 4 and isinstance(value, (list, tuple)):
        return [_seen(part, depth + 1) for part in value]
    if depth < 4 and _is_ours(type(value)):
        return _seen({name: part for name, part in getattr(value, "__dict__", {}).items()
                      if name not in ("_checked", "_delayed", "_lock")}, depth + 1)
    return type(value).__name__


def _is_constructed(instance: Any) -> bool:
    """Whether a user makes such instances, with arguments of its class."""
    kind = type(instance)
    is_made_by_init = kind.__init__ is not object.__init__ and "__init__" not in getattr(kind, "_unchecked", ()) and (
        kind.__new__ is object.__new__ or isinstance(instance, nn.Module))
    return is_made_by_init and not isinstance(instance, (autograd.Context, Handle, gradcore.Device, tuple, Tensor))


def _fuzz(words: Words, rounds: int = ROUNDS) -> None:
    functions = _functions()
    for _ in range(rounds):
        for name, instance in _instances():
            kind = type(instance)
            for _ in range(2 * _is_constructed(instance)):
                args, kwargs = words.drawn(types.MethodType(kind.__init__, instance))
                words.try_call(name, kind, args, kwargs, {name})
            for method, bound in _methods(instance).items():
                if method == "__call__" and isinstance(instance, nn.Module):
                    for _ in range(CALLS):
                        args, kwargs = words.drawn(instance.forward)
                        inside = {type(module).__name__ for module in instance.modules()}
                        words.try_call(name, instance, args, kwargs, inside, instance)
                else:
                    words.try_call(f"{name}.{method}", bound, *words.drawn(bound), {name, method}, instance)
                if method == "load_state_dict":
                    words.try_call(f"{name}.{method} marred", bound, [_marred(instance.state_dict(), words.rng)], {},
                                   {name}, instance)
                    if hasattr(instance, "step"):
                        words.try_call(f"{name}.step", instance.step, [], {}, {name}, instance)
        for name, function in functions.items():
            last = name.rpartition(".")[2]
            args, kwargs = words.drawn(function)
            words.try_call(name, function, args, kwargs, {last, function.__name__})


def test_random_use(backend, rng, monkeypatch):
    monkeypatch.setattr(arguments, "_foreign", _foreign)
    words = Words(backend.device, rng)
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            _fuzz(words)
        finally:  # calls of these are among those that are drawn
            autograd.set_detect_anomaly(False)
            gradcore.set_grad_enabled(True)
    assert not words.faults, "\n".join(words.faults)
    assert words.refusals > words.calls / 5
