"""Files, the same careful way everywhere: text and bytes in, bounded; whole files out, never half of one."""

from .kinds import expecting, kind_of, what_it_is
from .locking import FolderLock
from .mapped import content, forget_pages
from .reading import JSON_LIMIT, decoded, read_small, read_text, strict_json
from .writing import flush_directory, lock, replacing, sweep, write_file

__all__ = [
    "JSON_LIMIT",
    "FolderLock",
    "content",
    "decoded",
    "expecting",
    "flush_directory",
    "forget_pages",
    "kind_of",
    "lock",
    "read_small",
    "read_text",
    "replacing",
    "strict_json",
    "sweep",
    "what_it_is",
    "write_file",
]
