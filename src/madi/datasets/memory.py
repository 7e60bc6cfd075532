"""How much memory there is for a set of examples."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_UNKNOWN = 2**32  # where the system does not tell: 4 GiB
_GROUPS = (  # limit and use of a container's memory: cgroups of version 2, then of version 1
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def available() -> int:
    """Bytes that this process can still take: the least that the machine, its container and its own limit leave."""
    return max(0, min(_of_machine(), _of_container(), _of_process()))


def _of_machine() -> int:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return _physical() // 2


def _physical() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # not a POSIX system
        return 2 * _UNKNOWN


def _of_container() -> int:
    left = [_number(limit) - _number(used) for limit, used in _GROUPS if _number(limit) and _number(used)]
    return min(left, default=sys.maxsize)


def _of_process() -> int:
    """What the address space's limit (`ulimit -v`) leaves."""
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    except (ImportError, OSError, ValueError):
        return sys.maxsize
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit - used


def _number(path: str) -> int:
    """The number in a file of the system; 0 where there is none ("max": no limit)."""
    try:
        return int(Path(path).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
