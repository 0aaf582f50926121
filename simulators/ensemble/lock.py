"""One coordinator a store."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from simulators.errors import InputError

__all__ = ["locked"]

# file systems without locks say so in one of these ways; there, it is for the user to start only one
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[Path]:
    """Hold the hidden file `.NAME.lock` beside a path; the lock of a killed process is free at once.

    Returns:
        The lock file, which is removed in the end.

    Raises:
        InputError: if another process holds it, or it cannot be made.
    """
    import fcntl

    place = path.resolve()
    file = place.parent / f".{place.name}.lock"
    while True:
        try:
            handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise InputError(
                f"{path}: expected a folder that can be written, given {place.parent} ({error.strerror})"
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                holder = os.read(handle, 200).decode(errors="replace").strip() or "unknown"
                os.close(handle)
                raise InputError(
                    f"{path}: expected to be the only one who writes, given another at work (process {holder});"
                    " wait until it has ended"
                ) from error
        # whoever held it before may have removed the file in between
        with contextlib.suppress(FileNotFoundError):
            if file.stat().st_ino == os.fstat(handle).st_ino:
                break
        os.close(handle)
    try:
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()} on {os.uname().nodename}\n".encode())
        yield file
    finally:
        file.unlink(missing_ok=True)
        os.close(handle)
