"""How a camera was held: the orientation that a picture file tells, and the picture turned by it.

Sources: Exif 2.32, section 4.6.4 (tag 0x0112); TIFF 6.0, section 2. OpenCV turns what it reads; Pillow does not."""

import numpy as np

ORIENTATION, SHORT = 0x0112, 3
BYTE_ORDERS = {b"II*\0": "little", b"MM\0*": "big"}
ENTRY = 12  # bytes of a directory's entry: tag, type, count, value


def orientation(exif):
    """The orientation, 1 … 8, in the bytes of an Exif block (a TIFF header and what follows).

    1, upright, where there is none or the block is damaged: no picture is refused for what is said beside it."""
    order = BYTE_ORDERS.get(exif[:4])
    if order is None:
        return 1

    def number(at, size):
        return int.from_bytes(exif[at : at + size], order)

    first = number(4, 4)
    for entry in range(first + 2, first + 2 + ENTRY * number(first, 2), ENTRY):
        if entry + ENTRY > len(exif):
            break
        if number(entry, 2) == ORIENTATION:
            value = number(entry + 8, 2)
            return value if number(entry + 2, 2) == SHORT and 1 <= value <= 8 else 1
    return 1


def turn(picture, orientation):
    """A stored picture (H, W, C) as the photographer saw it: a view, (W, H, C) for orientations 5 to 8."""
    if orientation >= 5:
        picture = picture.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        picture = picture[::-1]
    return picture[:, ::-1] if orientation in (2, 3, 6, 7) else picture


def turn_back(picture, orientation):
    """The inverse of `turn`: of an upright picture, the view whose rows and columns are those of the file."""
    return turn(picture, {6: 8, 8: 6}.get(orientation, orientation))


def empty_upright(height, width, orientation):
    """(a picture to be filled, upright; its view (height, width, 3) as the file stores it), uint8"""
    sides = (width, height) if orientation >= 5 else (height, width)
    picture = np.empty((*sides, 3), np.uint8)
    return picture, turn_back(picture, orientation)
