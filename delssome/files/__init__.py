"""The one door to files: read within bounds, written whole, kept on the disk.

Everything that the package keeps, and all that it writes for users, goes through here:
one place where an error gets its file's name, and where a test can make any call fail.
"""

from delssome.files.claim import SETTINGS, claim, write_settings
from delssome.files.folder import put_files
from delssome.files.read import (
    MAX_BYTES,
    BadFileError,
    ObjectsError,
    check_size,
    read_array,
    read_arrays,
    read_bytes,
    read_json,
    reading,
)
from delssome.files.write import (
    clear_leftovers,
    make_folder,
    pack_arrays,
    write_atomically,
    write_if_missing,
)

__all__ = [
    "MAX_BYTES",
    "SETTINGS",
    "BadFileError",
    "ObjectsError",
    "check_size",
    "claim",
    "clear_leftovers",
    "make_folder",
    "pack_arrays",
    "put_files",
    "read_array",
    "read_arrays",
    "read_bytes",
    "read_json",
    "reading",
    "write_atomically",
    "write_if_missing",
    "write_settings",
]
