"""A picture file of any kind that is read, told by its content: photographs come as JPEG, whatever their names say."""

from ..errors import PictureError
from ..files import kind_of, what_it_is
from ..files.arrays import map_file
from .pictures import read_png


def read_picture(path):
    """The picture in a PNG or JPEG file -> (H, W, 3) uint8, RGB, as the photographer saw it. Raises PictureError."""
    data = map_file(path, PictureError)
    kind = kind_of(data).name
    if kind == "JPEG":
        from .jpeg import read_jpeg  # with Numba's loops: only when there is one to read

        return read_jpeg(path)
    if kind == "PNG":
        return read_png(path)
    raise PictureError.at(path, None, "a PNG or JPEG picture (any picture program saves one)", what_it_is(data))
