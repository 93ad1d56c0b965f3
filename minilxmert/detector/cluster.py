"""Photographs shared out to a Dask cluster (extra `cluster`), whose machines see the same folders.

    with LocalCluster(threads_per_worker=1) as cluster, Client(cluster) as client:  # or a cluster of any other kind
        left_out = detect_on_cluster(client, "photos", "frcnn-vg-finetuned", "found.h5")

A worker opens the detector once and takes part after part, each in a file of its own; in the end they are joined to the
very bytes that `minilxmert detect` writes. Of a worker that dies, another goes on behind its last whole photograph."""

import functools
import os
from pathlib import Path

from ..errors import FeatureFileError
from ..vision.features import convert_to_hdf5
from .folders import check_part, detect_all, photographs
from .frcnn import FasterRcnn


def detect_on_cluster(client, folder, detector, out, recipe="authors", parts=64, dtype="float32"):
    """Find the objects in the pictures of a folder and write them to `out`, our HDF5.

    client: a dask.distributed.Client; detector: the folder of its weights, dtype: as of FasterRcnn; parts: how many
    shares there are to take. -> sentences about the pictures that could not be read. What was stopped goes on if it is
    called alike, and is refused over other pictures. Raises FeatureFileError."""
    folder, detector, out = (Path(path).absolute() for path in (folder, detector, out))
    pictures = len(photographs(folder))
    parts = min(parts, pictures)
    files = [out.with_name(f"{out.name}.{recipe}.{number}-of-{parts}") for number in range(1, parts + 1)]
    tasks = [
        client.submit(look_at, folder, (number, parts), detector, dtype, file, recipe, pure=False)
        for number, file in enumerate(files, 1)
    ]
    left_out = [sentence for sentences in client.gather(tasks) for sentence in sentences]
    nothing = len(left_out) == pictures
    if not nothing:
        convert_to_hdf5(files, out)
    for file in files:
        os.remove(file)
    if nothing:
        raise FeatureFileError.at(folder, None, "a picture that can be read", left_out[0])
    return left_out


def look_at(folder, part, detector, dtype, file, recipe):
    """A worker's task: the objects of a part (k, n) of a folder, in a file -> sentences about what was left out."""
    pictures, detector, left_out = photographs(folder, part), opened(detector, dtype), []
    if file.exists():
        return check_part(file, pictures, detector.about(recipe))
    detect_all(detector, pictures, file, recipe, part, failed=lambda _, problem: left_out.append(str(problem)))
    return left_out


@functools.lru_cache(1)
def opened(detector, dtype):
    """The detector of a folder: a process has one, for all its tasks."""
    return FasterRcnn.from_pretrained(detector, dtype)
