"""The three tasks of the paper, VQA, GQA and NLVR2, from one table: what is read, trained, predicted and measured.
"questions" are those of VQA and of GQA together, for one model that answers both; it has no files of its own.

    data = load_task("vqa", ["minival.json"], open_all(["val2014_obj36.h5"]))
    predictions = predict(model, tokenizer, data)           # {question_id: answer}
    print(data.report(predictions))
Source of the hyper-parameters: the authors' run scripts and the paper, section 4."""

import warnings
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ..errors import ConfigError, FeatureFileError, TaskFileError
from ..published import model as faces
from ..vision.features import open_features
from . import metrics, task_files
from .batches import QuestionBatches, StatementBatches
from .entries import refuse_shared
from .resuming import digest

FREQUENT = 9  # as often an answer is the best of a question, to be one of VQA's 3,129 published ones
TINY, FAST = 512, 5000  # examples of the authors' --tiny and --fast


class Task(NamedTuple):
    """How a task is done: its measures and files, its face and batches, its published hyper-parameters."""

    report: object
    read: object
    write: object
    rate: float
    soft: bool = False  # whether labels are scores of several answers
    face: type = faces.LxmertForQuestionAnswering
    batches: type = QuestionBatches
    score: str = "question_answering_score"  # the output that chooses
    classes: tuple = ()  # what it chooses from, where that is not a list of answers
    keys: tuple = ("question_id",)  # of records, which no two may share; the first names a prediction
    batch_size: int = 32
    epochs: int = 4


STATEMENTS = faces.LxmertForVisualReasoning, StatementBatches, "logits", (0, 1), ("uid", "identifier")
TASKS = {
    "vqa": Task(metrics.vqa_report, task_files.read_vqa, task_files.write_vqa_answers, 5e-5, True),
    "gqa": Task(metrics.gqa_report, task_files.read_gqa, task_files.write_gqa_answers, 1e-5, True),
    "questions": Task(metrics.questions_report, None, None, 1e-5),
    "nlvr2": Task(
        metrics.nlvr2_report, task_files.read_nlvr2, task_files.write_nlvr2_answers, 5e-5, False, *STATEMENTS
    ),
}


@dataclass
class TaskData:
    """Examples of a task. records: VqaQuestion, GqaQuestion or Nlvr2Statement; pictures: Objects by id; kinds: a name
    for each record where they are of different kinds."""

    task: str
    records: list
    pictures: object
    kinds: list = field(default_factory=list)

    def __len__(self):
        return len(self.records)

    @property
    def examples(self):
        return [record.example for record in self.records]

    def cut(self, count):
        return TaskData(self.task, self.records[:count], self.pictures, self.kinds[:count])

    def answers(self):
        """The texts of all answers of the labels, the most frequent first: a head for a task without a list.

        Of what people said freely (VQA's original annotations) only the commonest answers of FREQUENT questions."""
        found = Counter(answer for record in self.records for answer in record.label or ())
        if any(getattr(record, "annotators", None) for record in self.records):
            best = Counter(record.commonest for record in self.records if record.commonest)
            found = {answer: count for answer, count in best.items() if count >= FREQUENT} or found
        return sorted(found, key=lambda answer: (-found[answer], answer))

    def report(self, predictions, **options):
        """The task's measures of {record's key: answer} -> metrics.Report"""
        return TASKS[self.task].report(self.records, predictions, **options)

    def report_by_kind(self, predictions):
        """Accuracy of each kind of question -> metrics.Report"""
        points = [record.points(metrics.prediction_of(predictions, record.key, self.task)) for record in self.records]
        rows = metrics.count_points(points, self.kinds or [self.task] * len(points))
        return metrics.Report(f"{self.task} by kind", rows)


def load_task(task, paths, pictures, annotations=()):
    """The records of one or several files of a task, with the pictures they are about. Raises TaskFileError, also for
    a key that is in two of the files: predictions are kept by it.

    annotations: paths of the original VQA annotations, of those who have them."""
    filed = [name for name in TASKS if TASKS[name].read]
    if task not in filed:
        raise ConfigError.at("task", None, f"one of {', '.join(filed)}", task)
    files = {path: TASKS[task].read(path) for path in paths}
    for key in TASKS[task].keys:
        records = refuse_shared(files, key)
    return TaskData(task, task_files.annotate(records, annotations) if annotations else records, pictures)


class Together:
    """Several feature files as one: a picture is looked for in each, and what is in two must be the same."""

    def __init__(self, files):
        self.files = files

    @property
    def path(self):
        return ", ".join(str(file.path) for file in self.files)

    def __getitem__(self, image):
        found = [(file, file[image]) for file in self.files if image in file]
        for file, objects in found[1:]:
            if digest(objects, QuestionBatches.SHOWN) != digest(found[0][1], QuestionBatches.SHOWN):
                expected = f"the same objects as in {found[0][0].path}"
                raise FeatureFileError.at(file.path, f"image {image!r}", expected, "others: which are meant?")
        if found:
            return found[0][1]
        raise FeatureFileError.at(self.path, f"image {image!r}", "one of their pictures", "none")

    def __contains__(self, image):
        return any(image in file for file in self.files)

    @property
    def about(self):
        """What the files say of all their pictures: the first that says something."""
        return next((file.about for file in self.files if file.about), {})


def open_all(paths):
    """Feature files (TSV, HDF5, npz) as one Together. Raises FeatureFileError. Says in a line if two of them tell of
    different detectors."""
    files = [open_features(path) for path in paths]
    named = [file for file in files if file.about]
    other = next((file for file in named if file.about != named[0].about), None)
    if other:
        warnings.warn(f"{other.path}: objects of another detector than in {named[0].path}", stacklevel=2)
    return Together(files)


def predict(model, tokenizer, data, batch_size=64, progress=None, hidden=None):
    """-> {record's key: the text of the likeliest answer}, or of statements 1 or 0"""
    task = TASKS[data.task]
    classes = task.classes or model.answers
    if not classes:
        raise ConfigError.at("model", "answers", "the texts of its answers (--answers FILE)", "only their numbers")
    batches = batches_of(data, model, tokenizer, hidden, labelled=False)
    chosen = []
    for start in range(0, len(batches), batch_size):
        rows = range(start, min(start + batch_size, len(batches)))
        scores = model(**without_labels(batches.batch(rows, None)))[task.score]
        chosen += [classes[number] for number in scores.argmax(1)]
        if progress:
            progress(rows.stop, len(batches))
    answered = dict(zip((record.key for record in data.records), chosen, strict=True))
    if len(answered) < len(data):
        raise TaskFileError.at("questions", None, f"{len(data)} identities", f"{len(answered)}: some are there twice")
    return answered


def batches_of(data, model, tokenizer, hidden=None, labelled=True, **choices):
    """The batches of TaskData for a model: with its answers, and with no more words than it has positions for.

    labelled: whether they are for learning; a test split has no labels. Raises VocabularyError for a tokenizer with
    other tokens than the model's."""
    model.take_tokens(tokenizer.tokens)
    take_detector(model, data.pictures, learn=labelled)
    examples = data.examples if labelled else [replace(example, answers=None) for example in data.examples]
    answers, positions = model.answers or (), model.config.max_position_embeddings
    choices |= {"most_words": min(64, positions), "hidden": hidden}
    return TASKS[data.task].batches(data.pictures, examples, tokenizer, answers, **choices)


def take_detector(model, pictures, learn):
    """Stored.take_detector for pictures, of which a feature file may say which detector saw them; a dict says none."""
    about = getattr(pictures, "about", None)
    if about:
        model.take_detector(about, pictures.path, learn)


def without_labels(call):
    return {name: value for name, value in call.items() if not name.endswith("labels")}


def majority(train, data):
    """{record's key: the most frequent answer of its kind in `train`}: what needs neither picture nor question."""
    counts = {}
    for record, kind in zip(train.records, train.kinds or [""] * len(train), strict=True):
        if record.commonest is not None:  # of a record that tells none, nothing can be counted
            counts.setdefault(kind, Counter())[record.commonest] += 1
    best = {kind: of_kind.most_common(1)[0][0] for kind, of_kind in counts.items()}
    other = next(iter(best.values()), "")  # for a kind that `train` happens to lack
    return {r.key: best.get(k, other) for r, k in zip(data.records, data.kinds or [""] * len(data), strict=True)}


def beside(reports):
    """Reports of the same rows by name -> the text of one table: the first with intervals, of the others the shares."""
    first, *_ = reports.values()
    columns = [[name, *(other[row.name].text for row in first.rows)] for name, other in list(reports.items())[1:]]
    lines = zip(first.table(first.rows), *columns, strict=True)
    return "\n".join(line + "".join(f"{text:>16}" for text in texts) for line, *texts in lines)
