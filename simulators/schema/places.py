"""Places of outputs: what is written there is whole or absent."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from simulators.errors import InputError

__all__ = ["check_output", "placed"]

_NODE = os.uname().nodename
# with less free than this [bytes], what cannot be written lacks space
_FULL = 2**16


def check_output(path: str | Path, *, force: bool = False) -> Path:
    """Refuse, before any work is done, an output that exists or cannot be written.

    Returns:
        The path.

    Raises:
        InputError: with the reason and the remedy.
    """
    path = Path(path)
    if path.suffix not in (".nc", ".zarr"):
        raise InputError(f"{path}: expected a name that ends in .nc or .zarr")
    wanted = f"{path}: expected a folder that can be written, given {path.parent}"
    try:
        exists = path.exists()
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{wanted} ({error.strerror})") from error
    if exists and not force:
        raise InputError(
            f"{path}: expected a new output, given one that is finished already; use --force to replace it"
        )
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise InputError(wanted)
    return path


@contextlib.contextmanager
def placed(path: Path, *, force: bool = False) -> Iterator[Path]:
    """A place to write to, beside a path; what was written is then renamed into the path, unless it failed.

    Raises:
        InputError: if it could not be written, or another writer has finished meanwhile (without `force`).
    """
    scratch, whole = None, False
    try:
        place = path.resolve()
        _clear(place)
        scratch = Path(
            tempfile.mkdtemp(prefix=f".{place.name}.{os.getpid()}@{_NODE}.", suffix=".partial", dir=place.parent)
        )
        target = scratch / place.name
        yield target
        # another writer may have finished meanwhile
        check_output(path, force=force)
        if place.is_dir() or (place.exists() and target.is_dir()):
            place.rename(scratch / "replaced")
        target.replace(place)
        whole = True
    except InputError:
        raise
    except (OSError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        # netCDF reports a full disk as a RuntimeError, and what it cannot hold in every other way
        reason = os.strerror(errno.ENOSPC) if _is_full(path) else getattr(error, "strerror", None) or error
        raise InputError(f"{path}: expected to write there, given {reason}") from error
    finally:
        if scratch is not None:
            _remove(scratch, whole=whole)


def _is_full(path: Path) -> bool:
    """Whether the disk is full: HDF5 may say then that permission is denied."""
    try:
        return shutil.disk_usage(path.resolve().parent).free < _FULL
    except OSError:
        return False


def _remove(scratch: Path, *, whole: bool) -> None:
    """Remove the scratch folder, of a dataset that was written whole or of one that failed."""
    shutil.rmtree(scratch, ignore_errors=True)
    if whole:
        return
    # threads of zarr may go on writing, and make the folder anew, for a moment after one of them has failed
    gone, deadline = time.monotonic(), time.monotonic() + 5.0
    while time.monotonic() - gone < 0.5 and time.monotonic() < deadline:
        time.sleep(0.02)
        if scratch.exists():
            shutil.rmtree(scratch, ignore_errors=True)
            gone = time.monotonic()


def _clear(path: Path) -> None:
    """Remove what killed writers of this path, on this machine, have left beside it."""
    for scratch in path.parent.glob(f".{glob.escape(path.name)}.*@{glob.escape(_NODE)}.*.partial"):
        writer = scratch.name.removeprefix(f".{path.name}.").partition("@")[0]
        try:
            os.kill(int(writer), 0)
        except ProcessLookupError:
            shutil.rmtree(scratch, ignore_errors=True)
        except (ValueError, PermissionError):
            continue
