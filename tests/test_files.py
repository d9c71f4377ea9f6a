"""Files of `save` at their edges: names that formats do not keep, kinds of files, bytes that look like others."""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
import threading
import tracemalloc
import zipfile

import numpy as np
import pytest

import gradcore
from gradcore import load, save

FORMATS = pytest.mark.parametrize("name", ["a.npz", "a.safetensors"])


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, request):
    if "safetensors" in request.node.name:
        pytest.importorskip("safetensors")
    monkeypatch.chdir(tmp_path)


@FORMATS
@pytest.mark.parametrize("keys", [
    ("a\0b", "a\0c"), ("\ud800", "\ud801"), ("x" * 70_000, "x" * 70_001), ("a\\b", "a/b"), ("A", "a"), ("", "value"),
    ("a\0b", "value", "value#2"), ("__metadata__", "structure.json"), ("../../a", "/a"), ("a.pkl", "a.npy"),
    ("z", "a", "m"), (1, "1", True + 1, None)], ids=lambda keys: f"{keys!r:.20}")
def test_any_keys_come_back_in_their_order(keys, name):
    values = {key: gradcore.arange(3.0) + i for i, key in enumerate(keys)}
    save(values, name)
    loaded = load(name)
    assert list(loaded) == list(values)
    assert [x.tolist() for x in loaded.values()] == [x.tolist() for x in values.values()]


@FORMATS
@pytest.mark.parametrize("value", [None, [None], False, 0, "", {}, (), float("-inf")], ids=repr)
def test_values_without_arrays(value, name):
    save(value, name)
    assert load(name) == value and type(load(name)) is type(value)


def test_a_file_of_safetensors_is_told_from_others_whatever_the_length_of_its_header():
    """Its first byte is that of a pickle for one length in 32, and its first two are those of an archive for some."""
    pytest.importorskip("safetensors")
    for length in (*range(64, 1024, 8), 0x4B50):
        header = json.dumps({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).ljust(length).encode()
        found = load(io.BytesIO(struct.pack("<Q", length) + header + struct.pack("<f", 5)))
        assert found["x"].tolist() == [5.0], length


@FORMATS
def test_paths_of_every_kind(name):
    x = gradcore.arange(3.0)
    for path in (name, os.fsencode(name), type("Path", (), {"__fspath__": lambda self: name})()):
        save([x], path)
        assert load(path)[0].tolist() == [0, 1, 2]
    for wrong in (3, None, 1.5):
        for call in (lambda: save([x], wrong), lambda: load(wrong)):
            with pytest.raises(TypeError, match="(save|load): expected str, bytes or os.PathLike object, not "):
                call()


def test_files_without_a_way_back():
    x = gradcore.arange(3.0)
    with gzip.open("a.gz", "wb") as file:
        save({"x": x}, file)
    with gzip.open("a.gz", "rb") as file:
        assert load(file)["x"].tolist() == [0, 1, 2]
    with np.load(gzip.open("a.gz")) as archive:
        assert archive["x"].tolist() == [0, 1, 2]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_written_to_and_not_replaced():
    os.mkfifo("pipe")
    found = []
    reader = threading.Thread(target=lambda: found.append(load("pipe")))
    reader.start()
    save({"x": gradcore.arange(3.0)}, "pipe")
    reader.join(10)
    assert found[0]["x"].tolist() == [0, 1, 2] and os.listdir() == ["pipe"] and not os.path.isfile("pipe")


def test_one_file_holds_one_value():
    """An archive is found from its end, so that the second of two would be taken for the first."""
    file = io.BytesIO(b"head")
    file.seek(4)
    save([1], file)
    file.seek(4)
    assert load(file) == [1]
    file.seek(0, io.SEEK_END)
    save([2], file)
    file.seek(4)
    with pytest.raises(ValueError, match="something else lies before the last archive"):
        load(file)


@FORMATS
def test_what_is_too_deep_is_refused_before_the_old_file_changes(name):
    save(1, name)
    itself, deep = [], None
    itself.append(itself)
    for _ in range(5000):
        deep = [deep]
    for value in (itself, deep):
        with pytest.raises(ValueError, match="gradcore.save: the value is nested too deep, or holds itself"):
            save(value, name)
    assert load(name) == 1


def test_a_header_is_read_no_further_than_numpy_understands(rng):
    def archive(contents):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr("x.npy", contents)
        file.seek(0)
        return file

    huge = archive(b"\x93NUMPY\x02\x00" + struct.pack("<I", 30_000_000) + b" " * 30_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="x.npy has a header that NumPy does not read"):
            load(huge)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    whole = io.BytesIO()
    np.save(whole, np.arange(3))
    whole = whole.getvalue()
    for _ in range(500):
        changed = bytearray(whole)
        for place in rng.integers(0, len(whole), rng.integers(1, 4)):
            changed[place] = rng.integers(256)
        try:
            load(archive(bytes(changed)))
        except ValueError as error:
            assert "cannot be loaded: " in str(error)


def test_files_for_text_and_wrong_places_are_told():
    save([gradcore.ones(1)], "a.npz")
    with open("a.npz", encoding="latin-1") as file, pytest.raises(TypeError, match="must be open in binary mode"):
        load(file)
    with pytest.raises(ValueError, match="function map_location must return a tensor, or None.*returned int"):
        load("a.npz", map_location=lambda x, device: 5)


@pytest.mark.parametrize("suffix", [".npz", ".pt"])
def test_a_changed_byte_is_refused_or_changes_nothing(suffix, tmp_path, rng):
    path = tmp_path / f"a{suffix}"
    saved = {"weight": gradcore.tensor(rng.normal(size=3)), "steps": [1, 2.5, None]}
    gradcore.save(saved, path)
    whole, refused = path.read_bytes(), 0
    for i in range(len(whole)):
        changed = bytearray(whole)
        changed[i] ^= 1 << int(rng.integers(8))
        try:
            found = gradcore.load(io.BytesIO(bytes(changed)))
        except ValueError:
            refused += 1
        else:
            assert list(found) == list(saved) and found["steps"] == saved["steps"]
            np.testing.assert_array_equal(found["weight"].numpy(), saved["weight"].numpy())
    assert refused > len(whole) / 4
