"""Binaries kept below the user's cache directory, shared by every checkout on the machine."""

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_LOCK_POLL_SECONDS = 0.2


def get_cache_root() -> Path:
    """The directory of everything that Holdfast's development tools keep between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "holdfast"


@contextmanager
def file_lock(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Holds a lock that other processes respect, and that the death of its holder frees.

    Args:
        path: The lock's file, made if missing and never removed.
        waiting: Called again and again while another process holds the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            waiting()
            time.sleep(_LOCK_POLL_SECONDS)
        yield


@dataclass(frozen=True)
class Entry:
    """The place of one program in the cache.

    Attributes:
        directory: Where it is, named after what the program is built from.
        name: The program's file name.
    """

    directory: Path
    name: str

    @property
    def path(self) -> Path:
        """The program, if `is_intact`."""
        return self.directory / self.name

    @property
    def lock(self) -> Path:
        """The file to lock while the program is being made."""
        return self.directory / "lock"

    @property
    def _record(self) -> Path:
        return self.directory / f"{self.name}.json"

    def is_intact(self) -> bool:
        """Whether the program is there as it was stored.

        The size is compared every time, the content only when the modification time has
        changed: reading 600 MB at every start would cost more than the rest of it.
        """
        try:
            record = json.loads(self._record.read_text())
            found = self.path.stat()
            if found.st_size != record["size"]:
                return False
            if found.st_mtime_ns == record["mtime_ns"]:
                return True
            if _digest(self.path) != record["sha256"]:
                return False
        except (OSError, ValueError, KeyError, TypeError):
            return False
        self._write_record(record["sha256"])
        return True

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """An empty directory to build in, on the same file system as the entry.

        Call it with `lock` held: it clears away what an interrupted build has left.
        """
        for left in self.directory.glob("build-*"):
            shutil.rmtree(left, ignore_errors=True)
        # Not a name that a compiler whose parent was killed may still write to.
        build = self.directory / f"build-{os.getpid()}"
        build.mkdir(parents=True)
        try:
            yield build
        finally:
            shutil.rmtree(build, ignore_errors=True)

    def store(self, built: Path) -> None:
        """Moves a finished program into the cache; readers see the old one or the new one."""
        digest = _digest(built)
        built.replace(self.path)
        self._write_record(digest)

    def _write_record(self, sha256: str) -> None:
        found = self.path.stat()
        record = {"size": found.st_size, "mtime_ns": found.st_mtime_ns, "sha256": sha256}
        temporary = self._record.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(record))
        temporary.replace(self._record)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
