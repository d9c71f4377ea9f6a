"""A stand-in for the modules `cupy` and `cupyx`: as much of CuPy's public interface as `CuPyBackend` uses, over NumPy.

Its `ElementwiseKernel` compiles the parts it is given as C++ for the CPU, so that what CuPy would be handed is run:
parameters, types, conversions and body.  Signatures are CuPy 14's; anything not in them is an error.
"""

from __future__ import annotations

import ctypes
import math
from types import ModuleType, SimpleNamespace

import numpy as np

from gradcore.backends.native import vector_math
from gradcore.backends.formulas.cpp import TYPES
from gradcore.backends.native.build import library

from cuda_on_cpu import launch


class Device:
    current = [0]

    def __init__(self, device: int = 0):
        self.id = device

    def __enter__(self):
        Device.current.append(self.id)

    def __exit__(self, *_):
        Device.current.pop()

    def synchronize(self):
        pass


class ndarray(np.ndarray):
    """An array that remembers the device on which it was made."""

    def __array_finalize__(self, base):
        self._made_on = getattr(base, "_made_on", Device.current[-1])

    @property
    def device(self):
        return Device(self._made_on)

    def copy(self, order="C"):
        return _on_device(np.array(self, order=order))


def _on_device(array) -> ndarray:
    return np.asarray(array).view(ndarray)


class ElementwiseKernel:
    compiled = 0

    def __init__(self, in_params, out_params, operation, name="kernel", reduce_dims=True, preamble="", no_return=False,
                 return_tuple=False, *, options=()):
        self.inputs, self.outputs = ([part.split() for part in parts.split(", ")] for parts in (in_params, out_params))
        self.return_tuple = return_tuple
        assert name.isidentifier()
        ElementwiseKernel.compiled += 1
        self.function = library(self._source(operation)).fake_cupy_run

    def _source(self, operation: str) -> str:
        parameters = [(kind, name, TYPES[kind]) for kind, name in self.inputs + self.outputs]
        last = len(self.inputs)
        elements = "".join(f"{'const ' if i < last else ''}{kind}& {name} = (({kind}*)pointers[{i}])[i * steps[{i}]];"
                           for i, (_, name, kind) in enumerate(parameters))
        return (f"typedef _Float16 float16;\n{vector_math.source()}\nnamespace {{ namespace gradcore {{ "
                f"void loop(long n, void** pointers, const long* steps) {{\n"
                f"for (long i = 0; i < n; ++i) {{ {elements}\n{operation}; }} }} }} }}\n"
                f'extern "C" __attribute__((visibility("default"))) void fake_cupy_run(long n, void** pointers, '
                f"const long* steps) {{ gradcore::loop(n, pointers, steps); }}")

    def __call__(self, *args):
        assert len(args) == len(self.inputs)
        shape = np.broadcast_shapes(*(arg.shape for arg in args if isinstance(arg, ndarray)))
        operands = []
        for arg, (kind, name) in zip(args, self.inputs):
            if isinstance(arg, ndarray):
                assert arg.dtype == kind, f"Type is mismatched. {name} {arg.dtype} {kind}"
                operands.append(np.ascontiguousarray(np.broadcast_to(arg, shape)))
            else:
                assert isinstance(arg, (int, float))
                operands.append(np.asarray(arg, kind))
        results = [np.empty(shape, kind) for kind, _ in self.outputs]
        steps = [int(isinstance(arg, ndarray)) for arg in args] + [1] * len(results)
        pointers = [array.ctypes.data for array in operands + results]
        self.function((ctypes.c_long)(math.prod(shape)), (ctypes.c_void_p * len(pointers))(*pointers),
                      (ctypes.c_long * len(steps))(*steps))
        results = tuple(map(_on_device, results))
        return results if self.return_tuple or len(results) > 1 else results[0]


class MemoryHook:
    name = "MemoryHook"
    entered: list = []

    def __enter__(self):
        MemoryHook.entered.append(self)


class MemoryPool:
    used = 0

    def used_bytes(self):
        return self.used

    def total_bytes(self):
        return self.used + 512

    def free_all_blocks(self, stream=None):
        pass

    def malloc(self, size: int) -> None:
        """What happens when an array is made; free() when it goes."""
        self.used += size
        for hook in MemoryHook.entered:
            hook.malloc_postprocess(device_id=Device.current[-1], size=size, mem_size=size, mem_ptr=1, pmem_id=1)

    def free(self, size: int) -> None:
        self.used -= size
        for hook in MemoryHook.entered:
            hook.free_postprocess(device_id=Device.current[-1], mem_size=size, mem_ptr=1, pmem_id=1)


class RawKernel:
    def __init__(self, code, name, options=(), backend="nvrtc", *, translate_cucomplex=False,
                 enable_cooperative_groups=False, jitify=False):
        self.code, self.name = code, name

    def __call__(self, grid, block, args, *, shared_mem=0):
        launch(self.code, self.name, *grid, *block, args)


def modules(devices: int = 1) -> dict[str, ModuleType]:
    """Modules to be put into `sys.modules`."""
    pool = MemoryPool()
    cupy, cupyx = ModuleType("cupy"), ModuleType("cupyx")
    runtime = SimpleNamespace(getDeviceCount=lambda: devices,
                              getDeviceProperties=lambda device: {"name": f"Pretended GPU {device}".encode()})
    cupy.__dict__.update(
        __version__="14.0.0", ndarray=ndarray, float32=np.float32, ElementwiseKernel=ElementwiseKernel,
        RawKernel=RawKernel, add=np.add, minimum=np.minimum, matmul=np.matmul, sum=np.sum, pi=np.pi,
        may_share_memory=lambda a, b, max_work=None: np.may_share_memory(a, b),
        array=lambda obj, dtype=None, copy=True, order="K", subok=False, ndmin=0, *, blocking=False:
            obj if isinstance(obj, ndarray) and not copy and dtype in (None, obj.dtype)
            else _on_device(np.array(obj, dtype, copy=copy)),
        empty=lambda shape, dtype=float, order="C": _on_device(np.empty(shape, dtype)),
        zeros=lambda shape, dtype=float, order="C": _on_device(np.zeros(shape, dtype)),
        full=lambda shape, fill_value, dtype=None, order="C": _on_device(np.full(shape, fill_value, dtype)),
        asnumpy=lambda a, stream=None, order="C", out=None, *, blocking=True: np.array(a.view(np.ndarray)),
        get_default_memory_pool=lambda: pool,
        cuda=SimpleNamespace(Device=Device, runtime=runtime, MemoryHook=MemoryHook))
    cupyx.scatter_add = np.add.at
    return {"cupy": cupy, "cupyx": cupyx}
