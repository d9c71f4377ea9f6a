"""A stand-in for the modules `cupy` and `cupyx`: as much of CuPy's public interface as `CuPyBackend` uses, over NumPy.

Machine code is the text itself, which `cuda_on_cpu` runs: what CuPy would be handed is what runs here.  Signatures and
habits are CuPy 14.2's; anything not in them is an error.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np

import cuda_on_cpu
from fake_streams import Streams


log: list[tuple] = []  # what was asked of the devices: ("launch", name, blocks, threads), ("allocate", shape), ...


def logged(kind: str, since: int = 0) -> list[tuple]:
    """The entries of a kind in the log."""
    return [entry[1:] for entry in log[since:] if entry[0] == kind]


class Device:
    current = [0]

    def __init__(self, device: int = None):
        self.id = Device.current[-1] if device is None else device

    def __enter__(self):
        Device.current.append(self.id)
        log.append(("enter", self.id))

    def __exit__(self, *_):
        Device.current.pop()

    def synchronize(self):
        log.append(("wait", "Device.synchronize"))

    @property
    def compute_capability(self):
        return "90"


streams = Streams(log, lambda: Device.current[-1])


class ndarray(np.ndarray):
    """An array that remembers the device on which it was made."""

    def __new__(cls, shape, dtype=float, memptr=None, strides=None, order="C"):
        log.append(("allocate", shape))
        return _arbitrary(super().__new__(cls, shape, dtype))

    def __array_finalize__(self, base):
        self._made_on = getattr(base, "_made_on", Device.current[-1])

    @property
    def device(self):
        return Device(self._made_on)

    @property
    def data(self):
        return SimpleNamespace(ptr=self.ctypes.data, device_id=self._made_on)

    def __array_wrap__(self, array, context=None, return_scalar=False):
        """Results are on the device that is the current one, wherever the operands are."""
        return array if isinstance(array, ndarray) else np.asarray(array).view(ndarray)

    def copy(self, order="C"):
        return streams.perform(lambda: _on_device(np.array(self, order=order)))  # on the current device, as CuPy does

    def astype(self, dtype, order="K", casting=None, subok=None, copy=True):
        if not copy and self.dtype == dtype:
            return self
        with np.errstate(all="ignore"):
            return streams.perform(lambda: _on_device(np.asarray(self).astype(dtype)))

    def __getitem__(self, index):
        """A position beyond the end is counted from the other one."""
        return np.asarray(super().__getitem__(_wrapped(index, self.shape))).view(ndarray)

    def __setitem__(self, index, value):
        if isinstance(value, ndarray) and isinstance(to := np.asarray(self)[_wrapped(index, self.shape)], np.ndarray):
            alike = to.shape == value.shape and to.strides == value.strides and to.dtype == value.dtype
            assert not (alike and to.flags.c_contiguous and to.ctypes.data != value.ctypes.data
                        and np.shares_memory(to, value)), "bytes are copied in whatever order where arrays are alike"
        streams.perform(lambda: super(ndarray, self).__setitem__(_wrapped(index, self.shape), value), self)

    def item(self, *args):
        log.append(("wait", "item"))
        return super().item(*args)

    def _to_host(self):
        log.append(("wait", "a number of Python's"))
        return super().item()

    def __float__(self):
        return float(self._to_host())

    def __int__(self):
        return int(self._to_host())

    def __bool__(self):
        return bool(self._to_host())


def _wrapped(index, shape):
    parts = index if isinstance(index, tuple) else (index,)
    if not any(isinstance(part, ndarray) for part in parts):  # those of NumPy are the tests' own
        return index
    used = sum(part.ndim if getattr(part, "dtype", None) == np.bool_ else part is not None and part is not Ellipsis
               for part in parts)
    wrapped, dim = [], 0
    for part in parts:
        if isinstance(part, np.ndarray):
            is_mask = part.dtype == bool
            wrapped.append(np.asarray(part) if is_mask else np.asarray(part) % shape[dim])
            if is_mask:
                log.append(("wait", "mask"))
            dim += part.ndim if is_mask else 1
        else:
            wrapped.append(part)
            dim += len(shape) - used if part is Ellipsis else part is not None
    return tuple(wrapped)


def _arbitrary(array):
    """New memory holds anything: no number, and the largest integers."""
    if array.dtype != bool:
        array.view(np.ndarray).reshape(-1).view(np.uint8).fill(255)
    return array


def _on_device(array) -> ndarray:
    log.append(("allocate", np.shape(array)))
    return np.asarray(array).view(ndarray)


class NVRTC:
    """CuPy's binding of the compiler.  Machine code is the text itself, with the target it was made for."""

    compiled: list[str] = []  # the targets, one for each run

    def __init__(self):
        self.programs: dict[int, list] = {}

    def getVersion(self):
        return 13, 2

    def getSupportedArchs(self):
        return 75, 80, 86, 89, 90, 100

    def createProgram(self, src: str, name: str, headers, include_names) -> int:
        self.programs[len(self.programs) + 1] = [src, None]
        return len(self.programs)

    def compileProgram(self, prog: int, options) -> None:
        assert all(isinstance(option, str) for option in options) and "-ftz=true" not in options
        (target,) = [option.partition("=")[2] for option in options if option.startswith("--gpu-architecture=")]
        if "#error" in self.programs[prog][0]:
            raise RuntimeError("NVRTC_ERROR_COMPILATION (6)")
        NVRTC.compiled.append(target)
        self.programs[prog][1] = target

    def getProgramLog(self, prog: int) -> str:
        return "gradcore.cu(1): error"

    def getCUBIN(self, prog: int) -> bytes:
        source, target = self.programs[prog]
        assert target.startswith("sm_")
        return f"{target}\n{source}".encode()

    def getPTX(self, prog: int) -> bytes:
        source, target = self.programs[prog]
        return f"{target}\n{source}".encode()

    def destroyProgram(self, prog: int) -> None:
        pass


class Function:
    """A kernel of a module, on the device that was current when it was loaded."""

    def __init__(self, text: str, name: str):
        self.text, self.name, self.device = text, name, Device.current[-1]

    def __call__(self, grid, block, args, shared_mem=0, stream=None, enable_cooperative_groups=False):
        assert type(grid) is tuple and type(block) is tuple and self.device == Device.current[-1]
        assert not shared_mem and 1 <= grid[0] < 2 ** 31 and 1 <= block[0] <= 1024
        for value in args:
            assert not isinstance(value, ndarray) or value.device.id == self.device
            assert isinstance(value, ndarray) or not isinstance(value, np.ndarray) or value.size == 1
        log.append(("launch", self.name, grid[0], block[0]))
        streams.perform(lambda: cuda_on_cpu.launch(self.text, self.name, grid[0], block[0], args), ())


class RawModule:
    def __init__(self, *, code=None, path=None, options=(), backend="nvrtc", name_expressions=None):
        assert code is None and isinstance(path, str)
        content = Path(path).read_bytes()
        target, _, self.text = content.rstrip(b"\0").decode().partition("\n")
        assert path.endswith(".cubin" if target.startswith("sm_") else ".ptx")

    def get_function(self, name: str):
        return SimpleNamespace(kernel=Function(self.text, name))


class MemoryHook:
    name = "MemoryHook"
    entered: list = []

    def __enter__(self):
        assert self not in MemoryHook.entered
        MemoryHook.entered.append(self)

    def __exit__(self, *_):
        MemoryHook.entered.remove(self)


class Memory:
    """What cudaMalloc gives."""

    def __init__(self, size: int):
        self.size = size
        self.array = np.empty(size, np.uint8)
        self.ptr = self.array.ctypes.data


class MemoryPointer:
    def __init__(self, mem: Memory, offset: int):
        assert isinstance(mem, Memory)
        self.mem, self.ptr = mem, mem.ptr + offset


class MemoryPool:
    used = 0

    def __init__(self, allocator=lambda size: MemoryPointer(Memory(size), 0)):
        self._allocator = allocator

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


pinned: set[int] = set()  # where memory that the device reads begins


def empty_pinned(shape, dtype=float, order="C") -> np.ndarray:
    array = np.empty(shape, dtype)
    pinned.add(array.ctypes.data)
    return array


def argsort(a, axis=-1, kind=None) -> ndarray:
    """CuPy's is stable."""
    return streams.perform(lambda: _on_device(np.argsort(np.asarray(a), axis, "stable")))


def asnumpy(a, stream=None, order="C", out=None, *, blocking=True) -> np.ndarray:
    log.append(("wait", "asnumpy") if blocking else ("to host", a.nbytes))
    if out is None:
        return np.array(a.view(np.ndarray))
    assert out.shape == a.shape and out.dtype == a.dtype
    np.copyto(out, a.view(np.ndarray), casting="no")
    return out


def nonzero(a) -> tuple:
    streams.refuse("the number of elements is read")
    log.append(("wait", "nonzero"))  # how many there are is read by the host
    return tuple(_on_device(np.argwhere(np.asarray(a))).T)  # columns of one array


def _of_numpy(name: str):
    """A function of CuPy that does what NumPy's does, to arrays of devices alone."""
    function = getattr(np, name)

    def on_device(*args, **kwargs):
        given = [item for arg in (*args, *kwargs.values())
                 for item in (arg if isinstance(arg, (list, tuple)) else (arg,))]
        assert not [item for item in given if isinstance(item, np.ndarray) and not isinstance(item, ndarray)]
        assert name != "where" or isinstance(args[0], ndarray), "CuPy calls a method of the condition"
        def compute():
            with np.errstate(all="ignore"):
                if name in MOVES:
                    return np.asarray(function(*args, **kwargs)).view(ndarray)
                result, out = flushed(function(*map(flushed, args), **{**kwargs, "out": None})), kwargs.get("out")
                return result if out is None else np.copyto(out, result) or out

        return streams.perform(compute, kwargs.get("out"))

    return on_device


MOVES = "where reshape broadcast_to permute_dims flip stack concat asarray sort searchsorted".split()


def flushed(x):
    """Float32 numbers close to zero are 0 to CuPy's own kernels, in what they read and what they write."""
    if not isinstance(x, (np.ndarray, np.generic)) or x.dtype != np.float32:
        return x if np.isscalar(x) or isinstance(x, ndarray) else np.asarray(x).view(ndarray)
    return np.where(np.abs(x) < np.finfo(np.float32).tiny, np.copysign(np.float32(0), x), x).view(ndarray)


OF_NUMPY = ("add subtract multiply divide negative minimum maximum remainder tanh exp less greater logical_and "
            "logical_or logical_not sum max min any all cumsum searchsorted where reshape broadcast_to "
            "permute_dims flip stack concat asarray argmax argmin sort").split()


def full(shape, fill_value, dtype=None, order="C") -> ndarray:
    """CuPy sets the bytes to 0 for each number that equals 0, -0.0 too."""
    value = np.asarray(fill_value, dtype)
    return streams.perform(lambda: _on_device(np.full(shape, 0 if value == 0 else value, value.dtype)))


def array(obj, dtype=None, copy=True, order="K", subok=False, ndmin=0, *, blocking=False) -> ndarray:
    if isinstance(obj, ndarray):
        return obj if not copy and dtype in (None, obj.dtype) else _on_device(np.array(obj, dtype))
    host = np.array(obj, dtype, copy=None)
    if host.ndim:
        log.append(("to device", host.nbytes))
        if blocking:
            log.append(("wait", "array"))
    return _on_device(np.array(host)) if host.ndim else full((), host, host.dtype)


def matmul(a, b, out=None) -> ndarray:
    """CuPy multiplies a row by a column element by element, in their dtype; other floats it gives to cuBLAS, which it
    does not call while a graph is recorded."""
    if streams.recording is not None and a.dtype.kind == "f":
        raise NotImplementedError("calling cuBLAS API during stream capture is currently unsupported")
    return streams.perform(lambda: _matmul(a, b))


def _matmul(a, b) -> ndarray:
    if max(a.ndim, b.ndim) <= 2 and a.shape[:-1] in ((), (1,)) and b.shape[1:] in ((), (1,)):
        product = a.reshape(-1) * b.reshape(-1)
        return _on_device(np.sum(product, dtype=product.dtype).reshape(a.shape[:-1] + b.shape[1:]))
    return _on_device(np.matmul(a, b))


def as_strided(x, shape=None, strides=None) -> ndarray:
    return np.lib.stride_tricks.as_strided(x, shape, strides, subok=True)


def _linalg() -> ModuleType:
    """What fails for some matrices, and says so where it is told to look."""
    linalg = ModuleType("cupy.linalg")

    def cholesky(a) -> ndarray:
        try:
            return _on_device(np.linalg.cholesky(np.asarray(a)))
        except np.linalg.LinAlgError:
            if errors[-1] != "raise":
                return _on_device(np.zeros_like(a))
            raise np.linalg.LinAlgError("Error reported by spotrf in cuSOLVER. devInfo = [1].") from None

    linalg.cholesky, linalg.det = cholesky, lambda a: _on_device(np.linalg.det(np.asarray(a)))
    return linalg


errors = ["ignore"]  # of linear algebra


@contextlib.contextmanager
def errstate(*, linalg=None):
    errors.append(linalg)
    try:
        yield
    finally:
        errors.pop()


def modules(devices: int = 1) -> dict[str, ModuleType]:
    """Modules to be put into `sys.modules`."""
    pool = MemoryPool()
    cupy, cupyx = ModuleType("cupy"), ModuleType("cupyx")
    runtime = SimpleNamespace(getDeviceCount=lambda: devices, getDevice=lambda: Device.current[-1],
                              runtimeGetVersion=lambda: 13020, driverGetVersion=lambda: 13020,
                              getDeviceProperties=lambda device: {"name": f"Pretended GPU {device}".encode()})
    cupy.__dict__.update(
        __version__="14.2.0", ndarray=ndarray, float32=np.float32, RawModule=RawModule,
        **{name: _of_numpy(name) for name in OF_NUMPY}, nonzero=nonzero, matmul=matmul, pi=np.pi,
        may_share_memory=lambda a, b, max_work=None: np.may_share_memory(a, b), array=array,
        empty=lambda shape, dtype=float, order="C": _arbitrary(_on_device(np.empty(shape, dtype))),
        zeros=lambda shape, dtype=float, order="C": _on_device(np.zeros(shape, dtype)), full=full,
        arange=lambda start, stop=None, step=1, dtype=None: _on_device(np.arange(start, stop, step, dtype)),
        asnumpy=asnumpy, argsort=argsort,
        get_default_memory_pool=lambda: pool, lib=SimpleNamespace(stride_tricks=SimpleNamespace(as_strided=as_strided)),
        cuda=SimpleNamespace(Device=Device, runtime=runtime, MemoryHook=MemoryHook, nvrtc=NVRTC(),
                             Stream=streams.Stream, Event=streams.Event, get_current_stream=streams.current,
                             MemoryPool=MemoryPool, Memory=Memory, MemoryPointer=MemoryPointer,
                             using_allocator=streams.using_allocator, get_elapsed_time=lambda start, end: 1.5,
                             pinned_memory=SimpleNamespace(is_memory_pinned=lambda address: address in pinned)))
    cupyx.scatter_add = lambda a, slices, value: np.add.at(a.view(np.ndarray), _wrapped(slices, a.shape), value)
    cupyx.empty_pinned, cupyx.errstate, cupy.linalg = empty_pinned, errstate, _linalg()
    return {"cupy": cupy, "cupyx": cupyx}
