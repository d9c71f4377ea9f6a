"""What the figures were measured on: device names, library versions, and which devices cannot be used, and why."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import re
import time
from typing import Any

import gradcore
from gradcore.backends import BackendUnavailable, get_backend

_TELLING = ("OPENBLAS_", "OMP_", "MKL_", "KMP_", "GRADCORE_")  # beginnings of variables' names
LIBRARIES = ("gradcore", "numpy", "torch", "jax", "mygrad", "autograd", "cupy-cuda13x", "cupy-cuda12x", "cupy")


def usable_devices(asked: str = "all") -> tuple[list[str], dict[str, str]]:
    """The devices to measure, and for those that were asked for and cannot be used the reason.

    `asked` is "all", "cpu", "cuda", "cuda:N" or "auto".
    """
    wanted = {"all": ["cpu", *_cuda_devices()], "cuda": _cuda_devices()}.get(asked, [asked])
    usable, missing = [], {}
    for name in wanted:
        try:
            usable.append(str(get_backend(name).device))
        except BackendUnavailable as error:
            missing[name] = str(error)
    return usable, missing


def _cuda_devices() -> list[str]:
    """Every CUDA device; "cuda" where there is none, which then says what is missing."""
    return [f"cuda:{i}" for i in range(gradcore.cuda.device_count())] or ["cuda"]


def description(device: str) -> str:
    """The device's name for people."""
    return _cpu_name() if device == "cpu" else get_backend(device).description()


def _cpu_name() -> str:
    name = get_backend("cpu").description()
    try:
        with open("/proc/cpuinfo") as file:
            found = re.search(r"model name\s*:\s*(.+)", file.read())
            name = found.group(1) if found else name
    except OSError:
        pass
    return f"{name}, {cores()} cores"


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def facts(devices: list[str]) -> dict[str, Any]:
    """What a reader must know to judge the figures."""
    versions = {name: version for name in LIBRARIES if (version := _version(name))}
    return {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "devices": {device: description(device) for device in devices},
            "system": f"{platform.system()} {platform.machine()}", "python": platform.python_version(),
            "versions": versions, "threads": _threads(), "cuda": _cuda_versions(devices),
            "simd": _vector_extensions(), "environment": _environment()}


class Watch:
    """How much of the processor time of a run went to other processes."""

    def __init__(self) -> None:
        self.busy, self.ours, self.begin = _busy_seconds(), _our_seconds(), time.perf_counter()

    def used(self) -> float:
        """The processor seconds of this process since the beginning."""
        return _our_seconds() - self.ours

    def used_by_others(self, used: float | None = None) -> float | None:
        """The part of all cores' time since the beginning that others used; None where the system does not tell.

        `used` are the processor seconds of the run, where several processes make it.
        """
        busy = _busy_seconds()
        if busy is None or self.busy is None:
            return None
        others = (busy - self.busy) - (self.used() if used is None else used)
        return max(0.0, others / (time.perf_counter() - self.begin) / (os.cpu_count() or 1))


def _our_seconds() -> float:
    """What this process and those that it started and saw the end of have worked."""
    return sum(os.times()[:4])


def _busy_seconds() -> float | None:
    """What all cores together worked, and what a hypervisor kept from them, since the system started."""
    try:
        with open("/proc/stat") as file:
            user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    except (OSError, ValueError):
        return None
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _threads() -> dict[str, int]:
    threads = {"cores": cores()}
    try:
        import torch
        threads["torch"] = torch.get_num_threads()
    except ImportError:
        pass
    return threads


def _environment() -> dict[str, str]:
    """The variables that tell libraries which code and how many threads to use."""
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith(_TELLING)}


def _cuda_versions(devices: list[str]) -> dict[str, int]:
    for device in devices:
        if device != "cpu":
            runtime = get_backend(device).xp.cuda.runtime
            return {"driver": runtime.driverGetVersion(), "runtime": runtime.runtimeGetVersion()}
    return {}


def _vector_extensions() -> list[str]:
    """Those of NumPy's dispatch targets that this CPU has."""
    import numpy

    found = numpy.show_config(mode="dicts").get("SIMD Extensions", {})
    return [*found.get("found", []), *found.get("baseline", [])]
