"""HDF5 weight files of either layout, told apart by what is in them. Imports h5py: import it inside functions."""

from ..errors import CheckpointError
from ..files.hdf5 import open_checked
from .keras_h5 import read_keras
from .own_h5 import is_own_layout, read_own


def read_hdf5(path, mapped=True):
    """(format, {name: array}, metadata) of a weight file: "keras h5" or "minilxmert h5". Raises CheckpointError.

    Names are published torch names. metadata: for our own format config, answers, tokens, provenance; or nothing.
    mapped: whether the arrays are views of the mapped file or of its bytes, read."""
    with open_checked(path, CheckpointError, mapped=mapped) as file:
        if "format" in file.attributes():
            return "minilxmert h5", *read_own(file)
        return "keras h5", read_keras(file), {}


def is_own(path):
    """Whether an HDF5 file is one that minilxmert wrote. Raises CheckpointError for a damaged one."""
    with open_checked(path, CheckpointError) as file:
        return is_own_layout(file)
