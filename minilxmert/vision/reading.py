"""A picture file of any kind that is read, told by its content: photographs come as JPEG, whatever their names say."""

from ..checkpoints.arrays import map_file
from ..errors import PictureError
from ..pictures import read_png

JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG"
STARTS = {b"GIF8": "GIF", b"BM": "BMP", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"\xff\x0a": "JPEG XL"}
BRANDS = {b"WEBP": "WebP", b"avif": "AVIF", b"avis": "AVIF", b"jP  ": "JPEG 2000", b"JXL ": "JPEG XL"}
BRANDS |= dict.fromkeys((b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"), "HEIC")


def read_picture(path):
    """The picture in a PNG or JPEG file -> (H, W, 3) uint8, RGB, as the photographer saw it. Raises PictureError."""
    head = bytes(map_file(path, PictureError)[:12])
    if head.startswith(JPEG):
        from .jpeg import read_jpeg  # compiles loops: only when there is one to read

        return read_jpeg(path)
    if head.startswith(PNG):
        return read_png(path)
    raise PictureError.at(path, None, "a PNG or JPEG picture (any picture program saves one)", other_kind(head))


def other_kind(head):
    """What a file that begins so is, as far as pictures go, in words."""
    name = BRANDS.get(head[8:12]) or next((name for start, name in STARTS.items() if head.startswith(start)), None)
    return f"a {name} picture: save it as PNG or JPEG" if name else "another file" if head else "an empty file"
