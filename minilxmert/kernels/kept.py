"""Where the compiled kernels are kept, which can be said without Numba."""

import os
import re
from pathlib import Path

OURS = re.compile(r"numba-[\w.+]+-[0-9a-f]{16}")


def cache_base():
    """Where the folders of compiled kernels are, one for each version and processor."""
    own = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "minilxmert")
    return os.environ.get("NUMBA_CACHE_DIR") or own


def kept_folders():
    """{folder: bytes} of the compiled kernels of this and other versions of minilxmert."""
    named = [path for path in sorted(Path(cache_base()).glob("numba-*-*")) if OURS.fullmatch(path.name)]
    folders = [path for path in named if path.is_dir() and not path.is_symlink()]  # others are not our making
    return {path: sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) for path in folders}
