"""What the processor has, and the register tile that suits it.

A matrix product is made of tiles: `rows` × (`vectors` · `lanes`) sums that stay in vector registers while the kernel
walks along the inputs. A good tile nearly fills the registers: rows · vectors sums, `vectors` weights and one input.
The environment variable MINILXMERT_TILE chooses another one by name, e.g. to test what a smaller processor runs."""

import ctypes
import functools
import os
import platform
import sys
from pathlib import Path
from typing import NamedTuple

from ..errors import ConfigError


class Tile(NamedTuple):
    lanes: int  # float32 values in one vector register
    vectors: int  # registers side by side: lanes · vectors outputs
    rows: int  # input rows multiplied at once


TILES = {
    "avx512": Tile(16, 3, 8),  # 32 registers of 512 bits
    "avx2": Tile(8, 2, 6),  # 16 registers of 256 bits
    "neon": Tile(4, 4, 6),  # 32 registers of 128 bits
    "any": Tile(4, 2, 4),  # 16 registers of 128 bits; LLVM makes do where there are none
    "plain": Tile(8, 2, 4),  # the Python definition of a tile, without vector instructions
}
AMX = {"amx-tile", "amx-bf16"}  # both are needed
ARCH_PRCTL, REQUEST_PERMISSION, TILE_DATA = 158, 0x1023, 18  # Linux's numbers on x86-64, to ask for AMX


def tile_name():
    """The name of the tile in use: MINILXMERT_TILE, or what suits the processor. Raises ConfigError."""
    chosen = os.environ.get("MINILXMERT_TILE") or suits(features())
    if chosen not in TILES:
        raise ConfigError.at("MINILXMERT_TILE", None, f"one of {', '.join(TILES)}", chosen)
    return chosen


def suits(has):
    """The name of the best tile for a processor, `has` its set of features."""
    if "avx512f" in has:
        return "avx512"
    if {"avx2", "fma"} <= has:
        return "avx2"
    return "neon" if "neon" in has else "any"


def bfloat16_name():
    """How weights kept as bfloat16 are multiplied (pairs.py): MINILXMERT_BFLOAT16, or the best that this process may
    use. Raises ConfigError."""
    possible = [*instructions(features()), "widened", "emulated"]
    chosen = os.environ.get("MINILXMERT_BFLOAT16") or possible[0]
    if chosen not in possible:
        raise ConfigError.at("MINILXMERT_BFLOAT16", None, f"one of {', '.join(possible)}", chosen)
    return chosen


def instructions(has):
    """The instructions that multiply bfloat16 pairs, best first, if the tile is theirs; `has`: the features."""
    if tile_name() != "avx512":
        return []
    tiles = ["amx"] if AMX <= has and amx_allowed() else []
    return tiles + (["avx512_bf16"] if "avx512bf16" in has else [])


def amx_allowed():
    """Whether the system lets this process, with its threads and children, use AMX's tile registers."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    return ctypes.CDLL(None).syscall(ARCH_PRCTL, REQUEST_PERMISSION, TILE_DATA) == 0


def quota(root="/sys/fs/cgroup"):
    """How many processors the system gives this process time for: a container's limit, else without bound.

    Source: Linux's documentation of control groups, cpu.max (version 2), cpu.cfs_quota_us (version 1)."""
    shares = [float("inf")]
    for places, names in (("", ("cpu.max",)), ("cpu", ("cpu.cfs_quota_us", "cpu.cfs_period_us"))):
        for folder in {Path(root, places), *own_groups(Path(root, places))}:
            try:
                most, period = " ".join((folder / name).read_text() for name in names).split()
                if most != "max" and int(most) > 0:
                    shares.append(int(most) / int(period))
            except (OSError, ValueError):
                pass
    return max(1, min(shares))


def own_groups(root):
    """The folders of this process's control groups, and of those around them."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    paths = [Path(line.split(":", 2)[2].lstrip("/")) for line in lines if line.count(":") >= 2]
    return [root / part for path in paths for part in (path, *path.parents)]


@functools.cache
def features():
    """The names of the features, as LLVM knows them, of the processor that Numba compiles for: this one, unless
    NUMBA_CPU_FEATURES names others."""
    import llvmlite.binding

    named = os.environ.get("NUMBA_CPU_FEATURES")
    if named is not None:
        return frozenset(name[1:] for name in named.split(",") if name.startswith("+"))
    return frozenset(name for name, present in llvmlite.binding.get_host_cpu_features().items() if present)
