"""Atomic writing of files: the old contents remain until the new ones are on disk."""

from __future__ import annotations

import os
import secrets
import shutil
from typing import Any, BinaryIO, Callable


def write_whole(path: Any, write: Callable[[BinaryIO], None]) -> None:
    """Let `write` fill a new file beside `path`, then rename it to `path`.

    A program that is killed at any moment leaves the old file or the new one, whole.  What has no contents of its own,
    a pipe or a device, is written to.
    """
    target = os.path.realpath(path)  # a link stays a link
    folder, name = os.path.split(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"gradcore.save: there is no folder {folder!r}")
    if os.path.isdir(target):
        raise IsADirectoryError(f"gradcore.save: {target!r} is a folder")
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as file:
            write(file)
        return
    temporary = os.path.join(folder, f".{name}.{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(target):
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


def _sync_folder(folder: str) -> None:
    """Sync the new name to disk, if the system supports it."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
