"""`save` and `load`: what goes in comes out, what is no such file is refused, and the old file outlives a crash."""

from __future__ import annotations

import importlib.util
import io
import json
import pickle
import subprocess
import sys
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

import gradcore
from gradcore import Tensor, nn, optim
from library import ROOT

needs_safetensors = pytest.mark.skipif(importlib.util.find_spec("safetensors") is None,
                                       reason="safetensors is not installed (the extra test brings it)")
FORMATS = pytest.mark.parametrize("name", ["state.npz", "state.pt",
                                           pytest.param("state.safetensors", marks=needs_safetensors)])


def _same(a, b):
    """Whether two values are equal in kind, structure, dtype and bits."""
    if isinstance(a, Tensor) or isinstance(a, np.ndarray):
        return (type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape
                and np.asarray(a).tobytes() == np.asarray(b).tobytes())
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(_same, a, b))
    return type(a) is type(b) and (a == b or a != a and b != b)


def _values(rng):
    return {
        "floats": [gradcore.tensor(rng.normal(size=3), dtype=kind) for kind in ("float16", "float32", "float64")],
        "integers": {kind: gradcore.tensor(rng.integers(0, 99, (2, 3)), dtype=kind)
                     for kind in ("uint8", "int8", "int16", "int32", "int64", "bool")},
        "shapes": (Tensor(1.5), gradcore.zeros(0, 3), gradcore.arange(6).reshape(2, 3).T),
        "array": np.asfortranarray(rng.normal(size=(3, 2))),
        "plain": [None, True, 3, -2**70, 0.1, 1e-300, float("inf"), float("nan"), "ü\n\"", ""],
        7: {1.5: "a", None: (), True: [[], {}]}, "a/b": {"c": Tensor([1.0])}, "a": {"b/c": Tensor([2.0])},
        "dtype": np.dtype("float16"),
    }


@FORMATS
def test_what_goes_in_comes_out(name, rng, tmp_path):
    values = _values(rng)
    gradcore.save(values, tmp_path / name)
    assert _same(gradcore.load(tmp_path / name), values)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@FORMATS
def test_leaves_keep_that_they_want_a_gradient_and_what_is_shared_stays_so(name, tmp_path):
    weight = Tensor([1.0, 2.0], requires_grad=True)
    gradcore.save({"a": weight, "b": weight.detach(), "c": weight}, str(tmp_path / name))
    loaded = gradcore.load(str(tmp_path / name))
    assert loaded["a"].requires_grad and not loaded["b"].requires_grad
    loaded["b"].zero_()
    assert loaded["a"].tolist() == [0.0, 0.0] and (tmp_path / name).stat().st_size < 2000


def test_open_files(rng):
    values, buffer = _values(rng), io.BytesIO()
    gradcore.save(values, buffer)
    buffer.seek(0)
    assert _same(gradcore.load(buffer), values)


def test_numpy_reads_what_is_saved_and_the_other_way_round(tmp_path):
    gradcore.save({"weight": Tensor([1.0, 2.0]), "epoch": 3}, tmp_path / "a.npz")
    assert np.load(tmp_path / "a.npz")["weight"].tolist() == [1.0, 2.0]
    np.savez(tmp_path / "b.npz", x=np.arange(3))
    np.savez_compressed(tmp_path / "c.npz", x=np.arange(3))
    for name in ("b.npz", "c.npz"):
        assert _same(gradcore.load(tmp_path / name), {"x": gradcore.arange(3)})


def test_pytorch_reads_a_flat_safetensors_file_and_the_other_way_round(torch, tmp_path):
    from safetensors.torch import load_file, save_file
    gradcore.save(OrderedDict(weight=Tensor([[1.0, 2.0]]), n=gradcore.tensor(3)), tmp_path / "a.safetensors")
    theirs = load_file(tmp_path / "a.safetensors")
    assert theirs["weight"].tolist() == [[1.0, 2.0]] and theirs["n"].dtype == torch.int64
    bfloat = torch.tensor([1.5, -2.0, 3e38], dtype=torch.bfloat16)
    save_file({"x": bfloat, "y": torch.arange(3, dtype=torch.float16)}, tmp_path / "b.safetensors")
    loaded = gradcore.load(tmp_path / "b.safetensors")
    assert loaded["x"].dtype == np.float32 and loaded["x"].tolist() == bfloat.tolist()
    assert loaded["y"].dtype == np.float16 and loaded["y"].tolist() == [0.0, 1.0, 2.0]


def test_a_checkpoint_of_pytorch_in_the_same_modules(torch, rng, tmp_path):
    from safetensors.torch import save_file

    def network(library):
        return library.nn.Sequential(library.nn.Linear(3, 5), library.nn.PReLU(), library.nn.Linear(5, 2))

    theirs, ours = network(torch), network(gradcore)
    save_file(theirs.state_dict(), tmp_path / "model.safetensors")
    ours.load_state_dict(gradcore.load(tmp_path / "model.safetensors"))
    x = rng.normal(size=(4, 3)).astype("float32")
    np.testing.assert_allclose(ours(Tensor(x)).detach().numpy(), theirs(torch.tensor(x)).detach().numpy(), atol=1e-6)


@needs_safetensors
def test_headers_of_any_length(tmp_path):
    """One of 128 bytes begins with the byte that pickles begin with."""
    lengths = set()
    for n in range(60, 80):
        gradcore.save({"x" * n: gradcore.ones(2)}, tmp_path / "a.safetensors")
        lengths.add((tmp_path / "a.safetensors").read_bytes()[0])
        assert list(gradcore.load(tmp_path / "a.safetensors")) == ["x" * n]
    assert 128 in lengths


# -- devices --------------------------------------------------------------------------------------------------
def test_tensors_come_back_to_their_device(backend, tmp_path):
    gradcore.save([gradcore.ones(2, device=backend.device)], tmp_path / "a.npz")
    assert gradcore.load(tmp_path / "a.npz")[0].device == backend.device
    for place in ("cpu", {str(backend.device): "cpu"}, lambda tensor, location: tensor):
        assert gradcore.load(tmp_path / "a.npz", map_location=place)[0].device == "cpu"
    gradcore.save([gradcore.ones(2)], tmp_path / "b.npz")
    assert gradcore.load(tmp_path / "b.npz", backend.device)[0].device == backend.device


def _from_another_machine(path, device):
    """A file as a machine with this device would have written it."""
    gradcore.save({"x": gradcore.ones(2)}, path)
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents["structure.json"] = contents["structure.json"].replace(b'"cpu"', f'"{device}"'.encode())
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in contents.items():
            archive.writestr(name, data)


@pytest.mark.parametrize("device", ["cuda:77", "tpu:0"])
def test_a_file_of_a_device_that_is_not_there(device, tmp_path):
    _from_another_machine(tmp_path / "a.npz", device)
    assert gradcore.load(tmp_path / "a.npz")["x"].device == "cpu"
    assert gradcore.load(tmp_path / "a.npz", map_location="cpu")["x"].device == "cpu"
    seen = []
    gradcore.load(tmp_path / "a.npz", map_location=lambda tensor, location: seen.append(location))
    assert seen == [device]


# -- files that are refused -----------------------------------------------------------------------------------
class Bomb:
    def __reduce__(self):
        return exec, ("raise SystemExit('code of a file was run')",)


@FORMATS
def test_truncated_and_flipped_files_are_refused_wherever_they_are_cut(name, rng, tmp_path):
    path = tmp_path / name
    gradcore.save({"x": gradcore.tensor(rng.normal(size=20)), "y": [1, gradcore.ones(3)]}, path)
    whole = path.read_bytes()
    for length in {*rng.integers(0, len(whole), 40).tolist(), 0, 1, 8, 9, len(whole) - 1}:
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="cannot be loaded: "):
            gradcore.load(path)
    for place in rng.integers(0, len(whole), 60).tolist():
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1:])
        try:  # a flipped bit is refused, or changes numbers and names, but never fails without words
            gradcore.load(path)
        except ValueError as error:
            assert "cannot be loaded: " in str(error)


def test_pickles_and_foreign_files_are_refused(tmp_path, torch):
    path = tmp_path / "a.pt"

    def refused(message):
        with pytest.raises(ValueError, match=message):
            gradcore.load(path)

    path.write_bytes(pickle.dumps(Bomb()))
    refused("it is pickled")
    torch.save({"x": torch.ones(2)}, path)
    refused("as torch.save writes it.*safetensors.torch.save_file")
    np.savez(path.with_suffix(".npz"), x=np.array([Bomb()], dtype=object))
    path = path.with_suffix(".npz")
    refused("pickled objects")
    path.write_bytes(b"")
    refused("it is empty")
    path.write_bytes(b"\x89PNG and more")
    refused("no .npz and no .safetensors")
    with pytest.raises(FileNotFoundError):
        gradcore.load(tmp_path / "nothing.npz")


@pytest.mark.parametrize("tree", [
    {"pickle": "x"}, {"tensor": "nothing", "device": "cpu", "requires_grad": False}, {"dict": [[[1], 2]]},
    {"dict": [1]}, {"array": ["x"]}, {"dtype": "no such"}, [[[{"tensor": "x"}]]],
    {"tensor": "x", "device": 5, "requires_grad": True},
], ids=str)
def test_structures_that_nobody_saved_are_refused(tree, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("structure.json", json.dumps(tree))
        buffer = io.BytesIO()
        np.save(buffer, np.arange(3))
        archive.writestr("x.npy", buffer.getvalue())
    with pytest.raises(ValueError, match="cannot be loaded: "):
        gradcore.load(tmp_path / "a.npz")


def test_a_file_that_claims_to_be_huge_takes_no_memory(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**15,)})
    deep = "[" * 100_000
    for contents in ({"x.npy": header.getvalue()}, {"structure.json": deep}):
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            for name, data in contents.items():
                archive.writestr(name, data)
        with pytest.raises(ValueError, match="cannot be loaded: "):
            gradcore.load(tmp_path / "a.npz")


def test_what_cannot_be_saved_is_named_and_the_old_file_stays(tmp_path):
    path = tmp_path / "a.npz"
    gradcore.save(1, path)
    for value, message in (({"model": {"a": [nn.Linear(1, 1)]}}, "model/a/0 is a Linear.*state_dict"),
                           ({(1, 2): 3}, "keys are numbers"), ({1, 2}, "the value is a set"),
                           (np.array(["a"]), "holds <U1"), (lambda x: x, "is a function")):
        with pytest.raises(TypeError, match=message):
            gradcore.save(value, path)
    assert gradcore.load(path) == 1 and [*tmp_path.iterdir()] == [path]
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        gradcore.save(1, tmp_path / "nowhere" / "a.npz")
    with pytest.raises(IsADirectoryError):
        gradcore.save(1, tmp_path)


# -- a crash --------------------------------------------------------------------------------------------------
KILLED = """
import os, signal, sys
import numpy as np
import gradcore
path, moment = sys.argv[1:]
def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
target, name = {"write": (np.lib.format, "write_array"), "fsync": (os, "fsync"), "replace": (os, "replace")}[moment]
if moment == "write":  # after the first of two arrays
    whole, seen = np.lib.format.write_array, []
    def die(*args, **kwargs):
        if seen:
            args[0].flush(); os.kill(os.getpid(), signal.SIGKILL)
        seen.append(whole(*args, **kwargs))
setattr(target, name, die)
gradcore.save({"x": gradcore.zeros(1000), "y": gradcore.zeros(1000)}, path)
"""


@pytest.mark.parametrize("moment", ["write", "fsync", "replace"])
def test_a_save_that_is_killed_leaves_the_old_file(moment, tmp_path):
    path = tmp_path / "a.npz"
    gradcore.save({"x": gradcore.ones(3)}, path)
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), moment], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    assert gradcore.load(path)["x"].tolist() == [1.0, 1.0, 1.0]
    assert len([*tmp_path.iterdir()]) == 2  # what was begun stands beside it
    gradcore.save({"x": gradcore.zeros(1)}, path)
    assert gradcore.load(path)["x"].tolist() == [0.0]


# -- training that goes on ------------------------------------------------------------------------------------
class _Training:
    """A network with dropout, Adam, a scheduler and a shuffled loader, one step at a time."""

    def __init__(self):
        gradcore.manual_seed(1)
        x = gradcore.randn(22, 4, generator=gradcore.Generator().manual_seed(0))
        samples = gradcore.utils.data.TensorDataset(x, (x.sum(dim=1) > 0).to(dtype="int64"))
        self.model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 2))
        self.optimizer = optim.Adam(self.model.parameters(), lr=0.02, amsgrad=True)
        self.scheduler = optim.lr_scheduler.StepLR(self.optimizer, 1, gamma=0.7)
        self.loader = gradcore.utils.data.DataLoader(samples, batch_size=5, shuffle=True)

    def parts(self):
        return {"model": self.model, "optimizer": self.optimizer, "scheduler": self.scheduler, "loader": self.loader}

    def steps(self, epochs, first=0):
        for epoch in range(first, epochs):
            for x, y in self.loader:
                loss = gradcore.functions.cross_entropy(self.model(x), y)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                yield epoch
            self.scheduler.step()

    def save(self, path, epoch):
        gradcore.save({"epoch": epoch, "random": gradcore.get_rng_state(),
                       **{name: part.state_dict() for name, part in self.parts().items()}}, path)

    def load(self, path):
        saved = gradcore.load(path)
        for name, part in self.parts().items():
            part.load_state_dict(saved[name])
        gradcore.set_rng_state(saved["random"])
        return saved["epoch"]

    def weights(self):
        return [parameter.detach().clone() for parameter in self.model.parameters()]


def test_training_that_stops_after_any_step_goes_on_to_the_same_bits(tmp_path):
    whole = _Training()
    for step, epoch in enumerate(whole.steps(3)):
        whole.save(tmp_path / f"{step}.npz", epoch)
    expected = whole.weights()
    assert step == 14
    for stopped in range(15):
        again = _Training()
        gradcore.manual_seed(99)  # the state decides, not the seed of the new program
        for _ in again.steps(3, first=again.load(tmp_path / f"{stopped}.npz")):
            pass
        assert all(map(_same, again.weights(), expected)), f"stopped after step {stopped}"
