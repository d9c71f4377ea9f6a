"""The on-disk cache of compiled code.

A file is named by its key, which the caller derives from everything that determines the content, and by a digest of
the content.  A file that a full disk or a power failure has truncated is thus detected before it is loaded; loading a
truncated library would kill the process.  Processes may write the same key at the same time.

Modules that only this one needs are imported in its functions, since every process imports it and few compile.
"""

from __future__ import annotations

import functools
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Optional, Union

if TYPE_CHECKING:
    import tempfile


def find(key: str, suffix: str) -> Optional[Path]:
    """The cached file of `key`, or None if there is none or it is damaged."""
    for path in sorted(cache_folder().glob(f"{key}-*{suffix}")):
        if _is_whole(path, key, suffix):
            return path
    return None


_LARGEST = 1 << 30  # bytes; compiled code has far fewer
_NEW, _BUILD = "new-", "build-"  # how the names of unfinished files and folders begin
_ABANDONED = 24 * 3600  # seconds after which a process that wrote to one is considered dead


def store(key: str, suffix: str, content: bytes) -> Path:
    """Store `content` under `key` for this and later processes; raises OSError if it cannot be written.

    The content is synced to disk before the file gets its name, so no reader sees a partial file.  Whatever has that
    name already, even a folder, is replaced.
    """
    import tempfile

    folder = cache_folder()
    _remove_abandoned(folder)
    path = folder / _name(key, content, suffix)
    descriptor, fresh = tempfile.mkstemp(dir=folder, prefix=_NEW)
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
        about = path.stat()
        is_readable = stat.S_ISREG(about.st_mode) and about.st_size <= _LARGEST  # a pipe would be waited for
        return is_readable and path.name == _name(key, path.read_bytes(), suffix)
    except OSError:  # a folder, or an unreadable file
        return False


def _replace(fresh: Union[str, Path], path: Path) -> None:
    if path.is_dir() and not path.is_symlink():  # os.replace cannot replace a folder by a file
        import shutil

        shutil.rmtree(path, ignore_errors=True)  # another process may do the same
    os.replace(fresh, path)


def build_folder() -> tempfile.TemporaryDirectory[str]:
    """A temporary folder for a compiler, beside the files that it is for."""
    import tempfile

    return tempfile.TemporaryDirectory(dir=cache_folder(), prefix=_BUILD)


def _remove_abandoned(folder: Path) -> None:
    """Remove what killed processes have left, by the times of the files; clocks may have been changed."""
    import shutil
    import time

    for path in folder.iterdir():
        try:
            if path.name.startswith((_NEW, _BUILD)) and abs(time.time() - path.lstat().st_mtime) > _ABANDONED:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        except OSError:  # another process was faster
            pass


def _sync_folder(folder: Path) -> None:
    """Sync the new name to disk as well, where the system can sync folders."""
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
    """The cache folder. Only this user may write to it, since its files are loaded into the process."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = Path(base, "gradcore")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        why = _why_untrusted(folder)
    except OSError as error:  # no home folder, or no permission to write
        why = str(error)
    return folder if why is None else _private_folder()


def _why_untrusted(folder: Path) -> Optional[str]:
    """The reason why code must not be loaded from `folder`, or None."""
    about = os.lstat(folder)
    if not stat.S_ISDIR(about.st_mode):
        return f"{folder} is not a folder"
    if hasattr(os, "getuid") and about.st_uid != os.getuid():
        return f"{folder} belongs to another user"
    if about.st_mode & 0o077:
        return f"{folder} is open to others"
    return None if os.access(folder, os.W_OK | os.X_OK) else f"{folder} cannot be written to"


@functools.lru_cache(maxsize=None)
def _private_folder() -> Path:
    """A temporary folder for this process, removed at exit; `mkdtemp` makes it private."""
    import atexit
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="gradcore-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
