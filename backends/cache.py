"""Files of compiled code that outlive the process: where they are kept, when they are trusted, how they are written.

A file's name is its key, which the caller makes of all that decides what is in it, and the digest of what is in it.
So a file that a full disk or a power cut has left incomplete is told from a whole one before it is loaded: to map a
library that is too short kills the process.  Two processes that write one key at once do not disturb each other.

What only this needs is imported in the functions: most processes never compile, and all import this module.
"""

from __future__ import annotations

import functools
import os
import stat
from pathlib import Path
from typing import Optional, Union


def find(key: str, suffix: str) -> Optional[Path]:
    """The file that is kept under `key`, if one is there and whole."""
    for path in sorted(cache_folder().glob(f"{key}-*{suffix}")):
        if _is_whole(path, key, suffix):
            return path
    return None


def store(key: str, suffix: str, content: bytes) -> Path:
    """Keep `content` under `key`, for this and later processes.

    It is on the disk before it gets its name, so that nobody ever sees half of it.  What stands in its place, a folder
    too, is replaced.  An OSError says why it could not be written.
    """
    import tempfile

    folder = cache_folder()
    path = folder / _name(key, content, suffix)
    descriptor, fresh = tempfile.mkstemp(dir=folder, prefix="new-")
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        _replace(fresh, path)
    except BaseException:
        Path(fresh).unlink(missing_ok=True)
        raise
    _sync_folder(folder)
    return path


def _name(key: str, content: bytes, suffix: str) -> str:
    import hashlib

    return f"{key}-{hashlib.sha256(content).hexdigest()[:32]}{suffix}"


def _is_whole(path: Path, key: str, suffix: str) -> bool:
    try:
        return path.name == _name(key, path.read_bytes(), suffix)
    except OSError:  # a folder, or what cannot be read
        return False


def _replace(fresh: Union[str, Path], path: Path) -> None:
    if path.is_dir() and not path.is_symlink():  # a file cannot be renamed to it
        import shutil

        shutil.rmtree(path)
    os.replace(fresh, path)


def _sync_folder(folder: Path) -> None:
    """Bring the new name to the disk too; where folders cannot be synced the system does so in its own time."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def cache_folder() -> Path:
    """The folder of compiled code: this user's alone, since what is in it is loaded into the process."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = Path(base, "gradcore")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        why = _why_untrusted(folder)
    except OSError as error:  # no home, or one that cannot be written to
        why = str(error)
    return folder if why is None else _private_folder()


def _why_untrusted(folder: Path) -> Optional[str]:
    """Why code must not be loaded from `folder`, or None."""
    about = os.lstat(folder)
    if not stat.S_ISDIR(about.st_mode):
        return f"{folder} is no folder"
    if hasattr(os, "getuid") and about.st_uid != os.getuid():
        return f"{folder} belongs to another user"
    if about.st_mode & 0o077:
        return f"{folder} is open to others"
    return None if os.access(folder, os.W_OK | os.X_OK) else f"{folder} cannot be written to"


@functools.lru_cache(maxsize=None)
def _private_folder() -> Path:
    """A fresh folder for this process, removed at its end; `mkdtemp` makes it ours alone."""
    import atexit
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="gradcore-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
