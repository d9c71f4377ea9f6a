"""Backends from outside: registered by a call, or by the entry point of an installed package."""

from __future__ import annotations

import sys

import pytest

import gradcore
from gradcore import Tensor
from gradcore.backends import BackendUnavailable, Device, NumPyBackend, get_backend, register, unregister

MODULE = """
from gradcore.backends import Device, NumPyBackend

class Backend(NumPyBackend):
    def __init__(self, device):
        super().__init__()
        self.device = device

    def owns(self, array):
        return False
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A function that installs a package with a module and its entry points."""
    def install(module: str, **points: str) -> None:
        (tmp_path / "package_with_a_device.py").write_text(module)
        folder = tmp_path / "package_with_a_device-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: package-with-a-device\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(
            "[gradcore.backends]\n" + "".join(f"{name} = {value}\n" for name, value in points.items()))
        monkeypatch.syspath_prepend(str(tmp_path))

    yield install
    sys.modules.pop("package_with_a_device", None)
    for kind in ("mine", "broken", "senseless"):
        unregister(kind)


def test_a_package_brings_its_own_device(package):
    package(MODULE, mine="package_with_a_device:Backend")
    x = Tensor([1.0, 2.0], device="mine:1", requires_grad=True)
    (x * x).sum().backward()
    assert x.device == "mine:1" and x.grad.tolist() == [2, 4]
    assert get_backend("mine:1") is x._backend and get_backend("mine") is not x._backend


def test_a_package_is_not_loaded_before_its_device_is_asked_for(package):
    package("raise RuntimeError('loaded')", broken="package_with_a_device:Backend")
    gradcore.ones(2)
    with pytest.raises(ValueError, match='no device "other:0"; known are broken, cpu, cuda'):
        get_backend("other")
    with pytest.raises(BackendUnavailable, match=r"broken:0 cannot be used: package_with_a_device:Backend.*loaded"):
        get_backend("broken")


def test_what_is_no_backend_is_refused(package):
    package("def factory(device): return 3", senseless="package_with_a_device:factory")
    with pytest.raises(TypeError, match='type "senseless" made a int, which is not a gradcore.backends.Backend'):
        get_backend("senseless")


@pytest.mark.parametrize("kind, factory, error", [
    ("my device", NumPyBackend, ValueError), (3, NumPyBackend, ValueError), ("auto", NumPyBackend, ValueError),
    ("mine", "text", TypeError)])
def test_registration_is_checked(kind, factory, error):
    with pytest.raises(error, match="register takes"):
        register(kind, factory)


def test_a_registered_type_is_forgotten():
    register("mine", lambda device: NumPyBackend())
    first = get_backend("mine")
    register("mine", lambda device: NumPyBackend())
    assert get_backend("mine") is not first and Device("mine").index == 0
    unregister("mine")
    with pytest.raises(ValueError, match="no device"):
        get_backend("mine")
