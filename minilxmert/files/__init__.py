"""Files, the same careful way everywhere: text and bytes in, bounded; whole files out, never half of one."""

from .kinds import expecting, kind_of, what_it_is
from .reading import JSON_LIMIT, content, decode, forget_pages, read_json, read_small, read_text, strict_json
from .saving import FolderLock
from .writing import PatientFile, flush_directory, make_folder, replacing, sweep, write_file
