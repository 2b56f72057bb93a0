"""How many CPUs this process may really use.

A container is often given two CPUs of a machine that has sixty-four. A runtime that starts a
thread for each of the sixty-four then spends its quota on switching between them, so the default
number of threads comes from what the scheduler and the control groups grant.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def usable_cpus(root: str | os.PathLike[str] = "/", affinity: int | None = None) -> int:
    """The number of CPUs that this process may use, at least 1.

    The minimum of the scheduler's affinity mask, the quota of every cgroup v2 above the process
    (`cpu.max`) and the quota of every cgroup v1 above it (`cpu.cfs_quota_us`). A fraction of a CPU
    is rounded down: a thread more than the quota is a thread that gets throttled.

    Args:
        root: where `proc` and `sys` are found.
        affinity: the number of CPUs in the affinity mask; by default that of this process.
    """
    granted = float(_affinity() if affinity is None else affinity)
    for quota in _quotas(Path(root)):
        granted = min(granted, quota)
    return max(1, math.floor(granted))


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quotas(root: Path) -> Iterator[float]:
    """The CPU quota of each control group that holds this process."""
    mount = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        # `hierarchy:controllers:path`; the unified hierarchy (v2) names no controllers.
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            for folder in (mount, mount / "unified"):
                yield from (_v2_quota(group) for group in _upwards(folder, path))
        elif "cpu" in controllers.split(","):
            for folder in {mount / controllers, mount / "cpu"}:
                yield from (_v1_quota(group) for group in _upwards(folder, path))


def _upwards(mount: Path, path: str) -> Iterator[Path]:
    """The folder of a group and of all the groups above it, up to the mount point.

    Inside a container the path may be the host's, or climb out of the mount with `..`; what is
    not there grants no less, and the mount point itself is always asked.
    """
    parts = [part for part in PurePosixPath(path).parts if part not in ("/", "..")]
    for depth in range(len(parts), -1, -1):
        yield mount.joinpath(*parts[:depth])


def _v2_quota(group: Path) -> float:
    quota, _, period = _read(group / "cpu.max").partition(" ")
    return _ratio(quota, period)


def _v1_quota(group: Path) -> float:
    return _ratio(_read(group / "cpu.cfs_quota_us"), _read(group / "cpu.cfs_period_us"))


def _ratio(quota: str, period: str) -> float:
    """`quota / period`; infinity for "max", -1, or a file that is missing or unreadable."""
    try:
        granted = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):
        return math.inf
    return granted if granted > 0 else math.inf


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
