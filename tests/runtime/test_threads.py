"""The number of usable CPUs is the smallest of what the scheduler and the control groups grant."""

import pytest

from runtime import usable_cpus


def machine(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


V2 = {"proc/self/cgroup": "0::/app/worker\n"}
V1 = {"proc/self/cgroup": "5:memory:/m\n4:cpu,cpuacct:/docker/abc\n0::/\n"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 64),
        (V2, 64),
        (V2 | {"sys/fs/cgroup/app/worker/cpu.max": "400000 100000\n"}, 4),
        (V2 | {"sys/fs/cgroup/app/worker/cpu.max": "250000 100000"}, 2),
        (V2 | {"sys/fs/cgroup/app/worker/cpu.max": "50000 100000"}, 1),
        (V2 | {"sys/fs/cgroup/app/worker/cpu.max": "max 100000"}, 64),
        (
            V2
            | {
                "sys/fs/cgroup/app/worker/cpu.max": "max 100000",
                "sys/fs/cgroup/app/cpu.max": "300000 100000",
            },
            3,
        ),
        (V2 | {"sys/fs/cgroup/cpu.max": "300000 100000"}, 3),
        (V2 | {"sys/fs/cgroup/unified/app/cpu.max": "300000 100000"}, 3),
        (V2 | {"sys/fs/cgroup/app/worker/cpu.max": "99900000 100000"}, 64),
        (V2 | {"sys/fs/cgroup/app/worker/cpu.max": "rubbish"}, 64),
        (V2 | {"sys/fs/cgroup/app/worker/cpu.max": "100000 0"}, 64),
        ({"proc/self/cgroup": "0::/../../x\n", "sys/fs/cgroup/cpu.max": "200000 100000"}, 2),
        (
            V1
            | {
                "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n",
            },
            64,
        ),
        (
            V1
            | {
                "sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_quota_us": "600000\n",
                "sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_period_us": "100000\n",
            },
            6,
        ),
        # The path is the host's, the mount the container's.
        (
            V1
            | {
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "600000",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "200000",
            },
            3,
        ),
    ],
)
def test_the_smallest_quota_on_the_way_up_counts(tmp_path, files, expected):
    assert usable_cpus(machine(tmp_path, files), affinity=64) == expected


def test_the_affinity_mask_counts(tmp_path):
    files = V2 | {"sys/fs/cgroup/app/worker/cpu.max": "800000 100000"}
    assert usable_cpus(machine(tmp_path, files), affinity=3) == 3


def test_this_machine_has_at_least_one():
    assert usable_cpus() >= 1
