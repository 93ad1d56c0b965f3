"""minilxmert detect: the objects of many photographs, found once and kept."""

import re
import sys

from ..errors import MinilxmertError
from .common import DISAGREES, OK, add_recipe, load_detector, progress


def detect_arguments(command):
    command.add_argument("photographs", metavar="FOLDER", help="pictures, PNG or JPEG, in it and in its folders")
    command.add_argument("--detector", required=True, metavar="FOLDER", help="the folder of frcnn-vg-finetuned")
    add_recipe(command)
    command.add_argument("--out", required=True, metavar="FILE", help="the feature file to write, HDF5")
    command.add_argument("--part", default="1/1", metavar="K/N", help="only every Nth picture, from the Kth on")


def detect(options):
    """Find the objects of all photographs in a folder, and write them as one feature file. A picture's id is its path
    in the folder without the suffix. What was interrupted goes on; a picture that cannot be read is told and left out.

    minilxmert detect photos --detector frcnn-vg-finetuned --out found.h5
    minilxmert detect photos --detector frcnn-vg-finetuned --out found-3.h5 --part 3/8
    minilxmert convert found-1.h5 … found-8.h5 found.h5           # the same file as if one had found them all
    """
    from ..detector.folders import detect_all, photographs

    pictures = photographs(options.photographs, part(options.part))

    def failed(path, problem):
        print(f"left out: {problem}", file=sys.stderr)

    def done(number, total):
        progress("looked at", number, total, " pictures")

    missing = detect_all(load_detector(options), pictures, options.out, options.recipe, done, failed)
    print(f"wrote {options.out}: {len(pictures) - missing} pictures, {missing} left out")
    return DISAGREES if missing else OK


def part(text):
    """ "3/8" -> (3, 8)"""
    numbers = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
    if not numbers or not 1 <= int(numbers[1]) <= int(numbers[2]):
        raise MinilxmertError(f"--part: expected K/N like 3/8, found {text!r}")
    return int(numbers[1]), int(numbers[2])


COMMANDS = {
    "detect": (detect, detect_arguments, "find the objects of photographs"),
}
