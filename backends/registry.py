"""The registry of backends: one instance for each device, created on first use.

A package can add a device type by an entry point in the group "gradcore.backends".  Its name is the type, and its
object is the factory that `register` takes.  It is loaded when the device is first used.
"""

from __future__ import annotations

import os
from typing import Any, Callable, Optional, Union

from .base import Backend
from .device import Device
from .errors import BackendUnavailable
from .locks import Guard

DeviceLike = Union[str, Device, None]

# DLPack's device types: host memory (1; pinned: 3) and CUDA memory (2; managed: 13).
_DLPACK_TYPES = {1: "cpu", 3: "cpu", 2: "cuda", 13: "cuda"}

ENTRY_POINTS = "gradcore.backends"

_changing = Guard()
_factories: dict[str, Callable[[Device], Backend]] = {}  # by the type of device
_backends: dict[str, Backend] = {}  # by the device's string
_default: Optional[Device] = None


def register(device_type: str, factory: Callable[[Device], Backend]) -> None:
    """Register `factory(device)`, which makes the backend of every device of a type ("cuda": "cuda:0", "cuda:1", ...).

    A backend is an instance of a subclass of `Backend`.  If the device cannot be used, the factory raises
    `BackendUnavailable` with the reason.  An earlier registration of the type and its backends are dropped.  ::

        class MyBackend(Backend):
            def __init__(self, device):
                self.device = device
            ...

        register("mine", MyBackend)
        gradcore.ones(3, device="mine")

    A package does not need to call it if its pyproject.toml has an entry point ::

        [project.entry-points."gradcore.backends"]
        mine = "my_package:MyBackend"

    ``GRADCORE_DEVICE=mine pytest --pyargs gradcore.testing`` runs the tests that every backend must pass.
    `tests/strict_backend.py` of this project is an example of about two hundred lines.

    Raises
    ------
    ValueError : `device_type` is not a name of a device type, such as "cuda".
    TypeError : `factory` is not callable.

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
        raise ValueError(f'register takes the name of a device type, such as "cuda"; got {device_type!r}')
    if not callable(factory):
        raise TypeError(f"register takes a function that makes the backend of a device; got {type(factory).__name__}")
    with _changing.lock:
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
    with _changing.lock:
        _factories.pop(device_type, None)
        for name in [name for name in _backends if Device(name).type == device_type]:
            del _backends[name]


def get_backend(device: DeviceLike = None) -> Backend:
    """The backend of `device`: "cpu", "cuda", "cuda:N", "auto", a `Device`, or None for the default device.

    Raises `BackendUnavailable` if the device cannot be used; only "auto" falls back to another one.

    >>> get_backend("cpu").device
    Device('cpu')
    """
    backend = _backends.get(str(device if device is not None else _default))
    return _made(as_device(device)) if backend is None else backend


def _made(device: Device) -> Backend:
    name = str(device)
    with _changing.lock:
        if name not in _backends:
            if device.type not in _factories:
                _factories[device.type] = _factory_of_a_package(device)
            made = _factories[device.type](device)
            if not isinstance(made, Backend):
                raise TypeError(f'the factory for devices of the type "{device.type}" made a {type(made).__name__}, '
                                f'which is not a gradcore.backends.Backend')
            _backends[name] = made
        return _backends[name]


def _factory_of_a_package(device: Device) -> Callable[[Device], Backend]:
    """The factory that the entry point of an installed package gives for the type of device."""
    import importlib.metadata  # takes a tenth of a second, and only devices of packages need it

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
    raise ValueError(f'there is no device "{device}"; known are {", ".join(known)}, and "auto"')


def as_device(device: DeviceLike = None) -> Device:
    """`device` as a `Device`: None is the default device, "auto" is CUDA if it is available and the CPU otherwise.

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
    """The backend that owns `array`, or None if it is not an array of any device.

    >>> import numpy
    >>> backend_of(numpy.ones(3)).device, backend_of([1, 2])
    (Device('cpu'), None)
    """
    if "cpu" not in _backends:
        get_backend("cpu")
    for backend in tuple(_backends.values()):
        if backend.owns(array):
            return backend
    if type(array).__module__.partition(".")[0] == "cupy":  # an array of the user on a device not used so far
        return get_backend(f"cuda:{array.device.id}")
    return None


def backend_of_dlpack(place: tuple[int, int]) -> Backend:
    """The backend of DLPack's device `place`, a pair (device type, index).

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
    """The device of new tensors: that of `set_default_device`, else the variable GRADCORE_DEVICE, else the CPU.

    >>> default_device()
    Device('cpu')
    """
    if _default is None:
        set_default_device(os.environ.get("GRADCORE_DEVICE") or "cpu")
    assert _default is not None
    return _default


def set_default_device(device: DeviceLike) -> None:
    """Set the device of new tensors; None restores GRADCORE_DEVICE or the CPU.

    Raises `BackendUnavailable` if the device cannot be used.

    >>> set_default_device("cpu")
    >>> default_device()
    Device('cpu')
    >>> set_default_device(None)
    """
    global _default
    _default = None if device is None else get_backend(device).device
