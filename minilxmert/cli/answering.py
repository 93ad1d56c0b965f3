"""minilxmert answer, detect: questions about pictures, and the objects of many photographs."""

import contextlib
import json
import sys
from functools import partial

from ..ask import ask, doubts, look
from ..errors import MinilxmertError, visible
from ..training.entries import read_lines
from . import common as cli

BAR = 30  # characters of a certain answer
WINDOW = 16  # batches whose questions are sorted by picture
REMEMBERED = 1 << 26  # bytes of objects that are kept for the next question, and of each picture beside them:
BESIDE = 1 << 13
PICTURES = (
    cli.option("--weights", "a file or a directory", cli.at_hand, cli.SHIPPED),
    cli.HEADS,
    cli.VOCAB,
    cli.DETECTOR,
    cli.RECIPE,
    cli.option("--features", f"the objects of the pictures, found by a detector: {cli.OBJECTS}"),
)
IMAGE = "a picture, PNG or JPEG, drawn or with --detector; or its id in --features"
ANSWERS = (
    cli.option("--answers", "the list of answers, JSON (default: with or beside the weights)"),
    cli.option("--top", "how many answers", cli.positive, 5, "N"),
)


@cli.command(
    "answer questions about pictures",
    *PICTURES,
    cli.option("--image", IMAGE, cli.at_hand),
    cli.option("--question", "the question, in quotes"),
    cli.option("--batch", 'many questions: lines of {"image": …, "question": …}', metavar="FILE"),
    *ANSWERS,
    cli.option("--batch-size", "questions at a time", cli.positive, 8, "N"),
    cli.flag("--json", "print JSON lines instead of bars"),
    cli.DTYPE,
)
def answer(options):
    """Answer a question about a picture, or many.

    minilxmert answer --image weights/scene.png --question "what color is the star ?"
    minilxmert answer --weights my-lxmert --features val2014_obj36.h5 --image COCO_val2014_000000000042 \\
        --question "what is it?"
    minilxmert answer --weights my-lxmert --detector frcnn-vg-finetuned --image photo.jpg --question "what is it?"
    """
    model, tokenizer = cli.load_model(options.weights, options), cli.tokenizer_of(options)
    drawn = is_drawn(options)
    with open_pictures(options, model) as features:
        for question, objects, answers in answer_all(model, tokenizer, features, questions(options), options):
            guess = doubts(tokenizer, question["question"], objects, answers[0], drawn)
            seen = features.names(objects) if not options.features else None
            if options.json:
                rows = [{"answer": a.text, "probability": round(a.probability, 6)} for a in answers]
                things = {} if seen is None else {"seen": seen}
                print(json.dumps({**question, "answers": rows, **things, "doubts": guess}), flush=True)
            else:
                print_answers(question, answers, seen, guess)


def is_drawn(options):
    """Whether the pictures are drawn scenes: neither a feature file nor a detector of photographs is given."""
    if options.features and options.detector:
        raise MinilxmertError("give either --features or --detector: both say what is in a picture")
    return not (options.features or options.detector)


@contextlib.contextmanager
def open_pictures(options, model):
    """Something that gives Objects by the name of a picture: a feature file, or a detector. It is said if the model
    learnt from objects of another one."""
    if options.features:
        from ..vision.features import open_features

        with open_features(options.features) as features:
            model.take_detector(features.about, options.features)
            yield features
    else:
        detector = cli.load_detector(options)
        if detector and model.detector:  # to tell detectors apart all their weights are read
            model.take_detector(detector.about(options.recipe), options.detector)
        yield Looked(detector, options.recipe)


class Looked(dict):
    """The Objects in picture files, by path; several questions about one picture look once, while there is room."""

    def __init__(self, detector, recipe):
        self.detector, self.recipe, self.bytes = detector, recipe, 0

    def __missing__(self, path):
        found = look(path, self.detector, self.recipe)
        if self.bytes > REMEMBERED:
            self.clear()
            self.bytes = 0
        self.bytes += BESIDE + found.features.nbytes
        return self.setdefault(path, found)

    def kinds(self, objects):
        """What each object is, in words."""
        from ..scenes.detector import describe

        return self.detector.names(objects) if self.detector else describe(objects)

    def names(self, objects):
        """What was seen, in words: the kinds of a photograph; of a drawn scene each object with its place."""
        if self.detector:
            return list(dict.fromkeys(self.kinds(objects)))
        centres = (objects.boxes[:, :2] + objects.boxes[:, 2:]) / 2
        return [f"{name} at ({x:.0f}, {y:.0f})" for name, (x, y) in zip(self.kinds(objects), centres, strict=True)]


def questions(options):
    """The questions asked: [{"image": id, "question": text}], from the options or from the lines of a file."""
    refuse_empty(options.question)
    if (options.batch is None) == (options.question is None) or (options.question and not options.image):
        raise MinilxmertError('give either --image PICTURE --question "…" or --batch FILE')
    if options.question:
        return [{"image": options.image, "question": options.question}]
    if not (rows := read_lines(options.batch, check_question)):
        raise MinilxmertError(f"--batch: no question in {options.batch}")
    return rows


def check_question(entry):
    """A line of a file of questions as it is. Raises TaskFileError."""
    for name in ("image", "question"):
        entry.take(name, str, "a text")
    return entry.value


def refuse_empty(question):
    """A question that is given says something."""
    if question is not None and not question.strip():
        raise MinilxmertError("--question: it is empty")


def answer_all(model, tokenizer, features, rows, options):
    """Yield (question, Objects, answers) in the order of the rows, with progress on stderr. Questions about one picture
    are answered together, as far as they stand within WINDOW batches: its objects are then encoded once."""
    window = options.batch_size * WINDOW
    for begin in range(0, len(rows), window):
        part, done, ready = rows[begin : begin + window], {}, 0
        turn = {image: number for number, image in enumerate(dict.fromkeys(row["image"] for row in part))}
        order = sorted(range(len(part)), key=lambda number: turn[part[number]["image"]])
        for start in range(0, len(part), options.batch_size):
            batch = order[start : start + options.batch_size]
            pictures = {image: features[image] for image in dict.fromkeys(part[number]["image"] for number in batch)}
            objects = [pictures[part[number]["image"]] for number in batch]
            answers = ask(model, tokenizer, [part[number]["question"] for number in batch], objects, options.top)
            done |= zip(batch, zip(objects, answers, strict=True), strict=True)
            while ready in done:
                yield part[ready], *done.pop(ready)
                ready += 1
            if len(rows) > options.batch_size:
                cli.progress("answered", begin + start + len(batch), len(rows))


def print_answers(question, answers, seen=None, guess=()):
    """What makes an answer a guess, the answers as bars, and what was seen in the picture (None: a file said it)."""
    print(visible(f"{question['question']}  [{question['image']}]"))
    for doubt in guess:
        print(f"  a guess: {doubt}")
    texts = [visible(a.text) for a in answers]
    width = max(map(len, texts))
    for text, a in zip(texts, answers, strict=True):
        print(f"  {text:<{width}}  {a.probability:6.1%}  {'█' * round(a.probability * BAR)}".rstrip())
    if seen is not None:
        print(f"  seen: {', '.join(seen) or 'nothing'}")


@cli.command(
    "find the objects of photographs",
    cli.option("photographs", "pictures, PNG or JPEG, in it and in its folders", metavar="FOLDER"),
    cli.option("--detector", "the folder of frcnn-vg-finetuned", metavar="FOLDER", required=True),
    cli.RECIPE,
    cli.option("--out", "the feature file to write, HDF5", metavar="FILE", required=True),
    cli.DTYPE,
    cli.option("--part", "only every Nth picture, from the Kth on", default="1/1", metavar="K/N"),
)
def detect(options):
    """Find the objects of all photographs in a folder, and write them as one feature file. A picture's id is its path
    in the folder without the suffix, with _ for quotes, colons, backslashes and what cannot be printed. What was
    interrupted goes on; a picture that cannot be read is named and left out.

    minilxmert detect photos --detector frcnn-vg-finetuned --out found.h5
    minilxmert detect photos --detector frcnn-vg-finetuned --out found-3.h5 --part 3/8
    minilxmert convert found-1.h5 … found-8.h5 found.h5           # the same file as if one had found them all
    """
    from ..detector.folders import detect_all, photographs
    from ..vision.feature_files import read_part

    part = read_part(options.part, "--part")
    pictures = photographs(options.photographs, part)

    def failed(path, problem):
        print(f"left out: {problem}", file=sys.stderr)

    done = partial(cli.progress, "looked at", unit=" pictures")
    missing = detect_all(cli.load_detector(options), pictures, options.out, options.recipe, part, done, failed)
    print(f"wrote {options.out}: {len(pictures) - missing} pictures, {missing} left out")
    return cli.DISAGREES if missing else cli.OK


COMMANDS = cli.family(answer, detect)
