"""Files, the same careful way everywhere: text and bytes in, bounded; whole files out, never half of one."""

from .mapped import forget_pages
from .reading import JSON_LIMIT, read_small, strict_json
from .writing import flush_directory, lock, replacing, sweep, write_file

__all__ = [
    "JSON_LIMIT",
    "flush_directory",
    "forget_pages",
    "lock",
    "read_small",
    "replacing",
    "strict_json",
    "sweep",
    "write_file",
]
