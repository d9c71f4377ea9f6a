"""Which backend serves which device: one instance each, made when it is first asked for.

A package brings a device type of its own by an entry point of the group "gradcore.backends", whose name is the type
and whose object is the factory that `register` would be given.  It is loaded when the device is first asked for.
"""

from __future__ import annotations

import os
import threading
from typing import Any, Callable, Optional, Union

from .base import Backend
from .device import Device
from .errors import BackendUnavailable

DeviceLike = Union[str, Device, None]

# DLPack's numbers: memory of the host and the same for CUDA to copy from, of a CUDA device and of both by turns.
_DLPACK_TYPES = {1: "cpu", 3: "cpu", 2: "cuda", 13: "cuda"}

ENTRY_POINTS = "gradcore.backends"

_lock = threading.RLock()
_factories: dict[str, Callable[[Device], Backend]] = {}  # by the type of device
_backends: dict[str, Backend] = {}  # by the device's string
_default: Optional[Device] = None


def register(device_type: str, factory: Callable[[Device], Backend]) -> None:
    """Let `factory(device)` make the backend of every device of a type ("cuda" for "cuda:0", "cuda:1", ...).

    A backend is a subclass of `Backend`; where its device cannot be used, the factory raises `BackendUnavailable` with
    the reason.  What was registered for the type before, and the backends made by it, are forgotten.  ::

        class MyBackend(Backend):
            def __init__(self, device):
                self.device = device
            ...

        register("mine", MyBackend)
        gradcore.ones(3, device="mine")

    A package need not call it: its entry point does, in its pyproject.toml ::

        [project.entry-points."gradcore.backends"]
        mine = "my_package:MyBackend"

    and ``GRADCORE_DEVICE=mine pytest --pyargs gradcore.testing`` holds the backend to what all backends are held to.
    `tests/strict_backend.py` of this project is an example of some two hundred lines.

    Raises
    ------
    ValueError : `device_type` is no name of a device type, such as "cuda".
    TypeError : `factory` cannot be called.

    >>> from gradcore.backends import NumPyBackend
    >>> class Mine(NumPyBackend):
    ...     def __init__(self, device):
    ...         super().__init__()
    ...         self.device = device
    ...
    >>> register("mine", Mine)
    >>> get_backend("mine:1").device
    Device('mine:1')
    >>> unregister("mine")
    """
    if not _names_a_type(device_type):
        raise ValueError(f'register takes the name of a device type, as "cuda" is one; got {device_type!r}')
    if not callable(factory):
        raise TypeError(f"register takes a function that makes the backend of a device; got {type(factory).__name__}")
    with _lock:
        unregister(device_type)
        _factories[device_type] = factory


def _names_a_type(name: Any) -> bool:
    try:
        is_type: bool = Device(name).type == name != "auto"
        return is_type
    except ValueError:
        return False


def unregister(device_type: str) -> None:
    """Undo `register`.

    >>> from gradcore.backends import NumPyBackend
    >>> register("mine", lambda device: NumPyBackend())
    >>> unregister("mine")
    >>> try:
    ...     get_backend("mine")
    ... except ValueError as error:
    ...     print(str(error)[:27])
    there is no device "mine:0"
    """
    with _lock:
        _factories.pop(device_type, None)
        for name in [name for name in _backends if Device(name).type == device_type]:
            del _backends[name]


def get_backend(device: DeviceLike = None) -> Backend:
    """The backend of `device`: "cpu", "cuda", "cuda:N", "auto", a `Device`, or None for the default device.

    A device that cannot be used raises `BackendUnavailable`; only "auto" chooses another.

    >>> get_backend("cpu").device
    Device('cpu')
    """
    backend = _backends.get(str(device if device is not None else _default))
    return _made(as_device(device)) if backend is None else backend


def _made(device: Device) -> Backend:
    name = str(device)
    with _lock:
        if name not in _backends:
            if device.type not in _factories:
                _factories[device.type] = _factory_of_a_package(device)
            made = _factories[device.type](device)
            if not isinstance(made, Backend):
                raise TypeError(f'the factory for devices of the type "{device.type}" made a {type(made).__name__}, '
                                f'which is no gradcore.backends.Backend')
            _backends[name] = made
        return _backends[name]


def _factory_of_a_package(device: Device) -> Callable[[Device], Backend]:
    """What the entry point of an installed package names for the type of device."""
    import importlib.metadata  # a tenth of a second, and for the devices of packages only

    points = importlib.metadata.entry_points(group=ENTRY_POINTS)
    for point in points:
        if point.name == device.type:
            try:
                factory: Callable[[Device], Backend] = point.load()
                return factory
            except Exception as error:  # whatever the package's import raises
                raise BackendUnavailable(f"{device} cannot be used: {point.value}, which a package names as its "
                                         f"backend, was not loaded ({type(error).__name__}: {error})") from error
    known = sorted({*_factories, *points.names})
    raise ValueError(f'there is no device "{device}"; known are {", ".join(known)}, and "auto", which chooses')


def as_device(device: DeviceLike = None) -> Device:
    """`device` as a `Device`: None is the default device, "auto" CUDA where it can be used and the CPU elsewhere.

    >>> as_device("cuda:1"), as_device("cpu")
    (Device('cuda:1'), Device('cpu'))
    """
    if device is None:
        return default_device()
    return _choice() if device == "auto" else Device(device)


def _choice() -> Device:
    try:
        return get_backend("cuda").device
    except BackendUnavailable:
        return Device("cpu")


def backend_of(array: Any) -> Optional[Backend]:
    """The backend on whose device `array` lives; None for what is no array of any device.

    >>> import numpy
    >>> backend_of(numpy.ones(3)).device, backend_of([1, 2])
    (Device('cpu'), None)
    """
    if "cpu" not in _backends:
        get_backend("cpu")
    for backend in tuple(_backends.values()):
        if backend.owns(array):
            return backend
    if type(array).__module__.partition(".")[0] == "cupy":  # the user's own array, on a device not asked for so far
        return get_backend(f"cuda:{array.device.id}")
    return None


def backend_of_dlpack(place: tuple[int, int]) -> Backend:
    """The backend for memory on a device as DLPack numbers it, `place` being the device's type and index.

    >>> backend_of_dlpack((1, 0)).device
    Device('cpu')
    """
    kind, index = place
    name = _DLPACK_TYPES.get(int(kind))
    if name is None:
        raise BufferError(f"memory of DLPack's device type {int(kind)} belongs to no device here; known are the types "
                          f"{', '.join(f'{known} ({device})' for known, device in sorted(_DLPACK_TYPES.items()))}")
    return get_backend(name if name == "cpu" else f"{name}:{index}")


def default_device() -> Device:
    """Where tensors are made when no device is named: `set_default_device`'s, else GRADCORE_DEVICE's, else the CPU.

    >>> default_device()
    Device('cpu')
    """
    if _default is None:
        set_default_device(os.environ.get("GRADCORE_DEVICE") or "cpu")
    assert _default is not None
    return _default


def set_default_device(device: DeviceLike) -> None:
    """Make tensors on `device` when none is named; None goes back to GRADCORE_DEVICE or the CPU.

    A device that cannot be used is refused here, not at some later tensor.

    >>> set_default_device("cpu")
    >>> default_device()
    Device('cpu')
    >>> set_default_device(None)
    """
    global _default
    _default = None if device is None else get_backend(device).device
