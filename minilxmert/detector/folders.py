"""Many photographs: found one after the other, kept as they are found, and written as one feature file at the end.

What was found is kept in a TSV beside the file that comes of it, a line a photograph, as the authors' tool writes it:
whoever is stopped goes on behind the last whole line. The order in which they were found leaves no trace."""

import base64
import itertools
import os
from pathlib import Path

import numpy as np

from ..errors import FeatureFileError, MinilxmertError, PictureError
from ..files import kind_of
from ..files.saving import take
from ..files.writing import is_plain, opened
from ..vision.features import convert_to_hdf5, open_features
from ..vision.objects import check_id, plain_id
from ..vision.pictures import READABLE, read_picture
from ..vision.tsv import LONGEST_LINE

SUFFIXES = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".heic", ".avif", ".bmp", ".tif", ".tiff"}


def photographs(folder, part=(1, 1)):
    """{id: path} of the pictures in a folder and those in it, in the order of their ids; of part (k, n), every nth.

    A picture's id is its path in the folder without the suffix, with _ for what an id cannot hold. Where that makes two
    the same, or one of them is neither PNG nor JPEG (a telephone's HEIC beside its JPEG), one keeps its suffix and, if
    need be, gets a number. Raises FeatureFileError: none, or two that differ in the suffix alone."""
    folder = Path(folder)
    if not folder.is_dir():
        raise FeatureFileError.at(folder, None, "a folder of pictures", "no such folder")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    found, others = {}, []
    for image_id, (first, *more) in same_ids(files, folder).items():
        found[image_id] = first
        others += more
    for path in others:
        image_id = plain_id(path.relative_to(folder).as_posix())
        numbered = (f"{image_id}-{number}" for number in itertools.count(2))
        found[next(free for free in itertools.chain([image_id], numbered) if free not in found)] = path
    if not found:
        raise FeatureFileError.at(folder, None, "pictures: files like photo.jpg", "none")
    number, parts = part
    return dict(sorted(found.items())[number - 1 :: parts])


def same_ids(files, folder):
    """{id: paths of the files that could have it}, first a picture that can be read and whose name needs no change."""
    stems, named = {path: path.relative_to(folder).with_suffix("").as_posix() for path in files}, {}
    for path, stem in stems.items():
        named.setdefault(plain_id(stem), []).append(path)
    for image_id, paths in named.items():
        if len(paths) > 1:
            readable = [path for path in paths if kind_of(path).name in READABLE]
            paths.sort(key=lambda path, good=readable: (path not in good, stems[path] not in named))
            if len({stems[path] for path in readable}) < len(readable):
                names = ", ".join(path.relative_to(folder).as_posix() for path in readable)
                raise FeatureFileError.at(folder, image_id, "one picture of this name (rename the others)", names)
    return named


def detect_all(detector, pictures, out, recipe="authors", part=(1, 1), progress=None, failed=None):
    """Find the objects in pictures {id: path} and write them to `out`, our HDF5 -> how many could not be read.

    part: (k, n) of the photographs, which the file says if n > 1: only then it may be without a picture. progress:
    called with (done, in all); failed: with (path, MinilxmertError) of a picture that is left out. Stopped at any
    moment, the next call with this detector goes on. Raises FeatureFileError: no picture could be read, no such file,
    a stopped run over other pictures."""
    if not is_plain(out := Path(os.path.realpath(out))):
        expected = "the name of a plain file: beside it is kept what was found"
        raise FeatureFileError.at(out, None, expected, "a folder" if out.is_dir() else "a pipe or a device")
    about = detector.about(recipe)
    share = [*map(str, part)] if part[1] > 1 else []
    journal = Path(f"{out}.{'-'.join([*about.values(), *share])}.part")
    with opened(open, journal, "ab") as file:
        if not take(file):
            raise FeatureFileError.at(out, None, "a file that nobody is writing", "one that another run is at work on")
        known = resume(journal)
        if others := sorted(known - pictures.keys()):
            found = f"one of {others[0]}, which is not among them (remove the file to begin anew)"
            raise FeatureFileError.at(journal, None, "what a stopped run found in these pictures", found)
        missing = write_found(detector, pictures, known, file, recipe, progress, failed)
    found = [journal] if journal.stat().st_size else []
    if found or share:
        convert_to_hdf5(found, out, about=about | {"part": "/".join(share)})
    for file in (journal, Path(f"{journal}.index")):  # the reader keeps one beside a large TSV
        file.unlink(missing_ok=True)
    if not (found or share):
        raise FeatureFileError.at(out, None, "a picture that can be read", "none")
    return missing


def write_found(detector, pictures, known, file, recipe, progress, failed):
    """Write the objects in those pictures that are not known, a line each -> how many could not be read."""
    missing = 0
    for number, (image_id, path) in enumerate(pictures.items(), 1):
        if image_id not in known:
            try:
                file.write(tsv_line(detector(read_photograph(image_id, path), recipe, image_id)))
                file.flush()
            except MinilxmertError as problem:
                missing += 1
                if failed:
                    failed(path, problem)
        if progress:
            progress(number, len(pictures))
    return missing


def read_photograph(image_id, path):
    """The picture (H, W, 3) in a file whose objects are to be kept by this id. Raises PictureError."""
    try:
        check_id(image_id, path, "its name")
    except FeatureFileError as problem:
        expected = "at most 256 characters, neither img_id nor image_id (rename it)"
        raise PictureError.at(path, "its name", expected, f"{len(image_id)} characters") from problem
    return read_picture(path)


def check_part(file, pictures, about):
    """What is not in a part that was ended before: sentences about those of its pictures {id: path} that cannot be
    read. Raises FeatureFileError: another detector's or recipe's, or of other pictures."""
    with open_features(file) as known:
        ids = set(known)
        if known.about != about:
            raise FeatureFileError.at(file, None, f"what this detector finds: {about}", dict(known.about))
    others, left_out = ids - pictures.keys(), []
    for image_id in sorted(pictures.keys() - ids) if not others else ():
        try:
            read_photograph(image_id, pictures[image_id])
            others.add(image_id)
        except MinilxmertError as problem:
            left_out.append(str(problem))
    if others:
        expected = "what was found in these pictures"
        raise FeatureFileError.at(file, min(others), expected, "other pictures (remove the file to begin anew)")
    return left_out


def resume(journal):
    """The ids in a TSV that a stopped run has left, which may be empty; the half of a line at its end is cut off."""
    with open(journal, "rb+") as file:
        start = max(0, file.seek(0, os.SEEK_END) - LONGEST_LINE)
        file.seek(start)
        whole = start + file.read().rfind(b"\n") + 1
        file.truncate(whole)
    if not whole:
        return set()
    with open_features(journal) as pictures:
        return set(pictures)


def tsv_line(objects):
    """Objects of one picture as a line of the authors' TSV: ten fields, arrays in base64."""
    fields = [objects.image_id, objects.height, objects.width]
    fields += [objects.object_ids, objects.object_conf, objects.attribute_ids, objects.attribute_conf]
    fields += [len(objects), objects.boxes, objects.features]
    return "\t".join(encoded(field) for field in fields).encode() + b"\n"


def encoded(field):
    if not isinstance(field, np.ndarray):
        return str(field)
    return base64.b64encode(field.astype(field.dtype.newbyteorder("<")).tobytes()).decode()
