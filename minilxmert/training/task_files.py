"""The files of VQA, GQA and NLVR2, as the LXMERT authors distribute them and as the data sets' own authors do.

    questions = read_vqa("minival.json")
    write_entries("copy.json", questions)               # of entries.py
    write_vqa_answers("test_predict.json", questions, {question.key: "yes" for question in questions})
One record a task, with the published names; what a test split does not tell is None. Sources: vqa_data.py, gqa_data.py
and nlvr2_data.py of the LXMERT authors; visualqa.org, gqa and lil-lab/nlvr for the original files."""

import json
import re
from collections import Counter
from dataclasses import dataclass, replace

from ..errors import TaskFileError
from ..files import read_text, write_file
from .batches import Example
from .entries import LIMIT, Entry, entries, read_entries, read_lines, read_task_json, refuse_shared
from .metrics import VQA_TYPES, official_form, require, soft_scores

PAIR = re.compile(r".+-[^-]+-[^-]+-[^-]+")  # an NLVR2 identifier: split-set-pair-sentence


@dataclass(frozen=True, slots=True)
class Question:
    """What a question of VQA and one of GQA have in common."""

    question_id: int | str
    img_id: str  # COCO_train2014_000000458752
    sent: str
    label: dict | None = None  # {answer: 0.3, 0.6, 0.9 or 1}

    @property
    def key(self):
        """Its name in predictions."""
        return self.question_id

    @property
    def example(self):
        return Example(self.img_id, self.sent, self.label)

    @property
    def commonest(self):
        return max(self.label, key=self.label.get) if self.label else None

    def points(self, answer):
        """How right an answer is, 0…1. Raises TaskFileError where there is no label."""
        return require(self, "label").get(answer, 0.0)


@dataclass(frozen=True, slots=True)
class VqaQuestion(Question):
    """A question about a photograph of MS COCO, and how right which answers are."""

    answer_type: str | None = None  # yes/no, number or other
    question_type: str | None = None  # its first words
    annotators: list | None = None  # the answers of ten people, where the file has them
    multiple_choice_answer: str | None = None  # the one that most of them gave, where the file has it

    @property
    def commonest(self):
        """The answer that most people gave, in the official form, or None. A label's scores, which end at 1 for four
        people of ten, do not tell it; of a file that has nothing else it is the first of the best ones."""
        given = self.annotators or ()
        if self.multiple_choice_answer is not None:
            given = [self.multiple_choice_answer]
        counts = Counter(official_form(answer) for answer in given) or self.label
        return max(counts, key=counts.get) if counts else None


@dataclass(frozen=True, slots=True)
class GqaQuestion(Question):
    """A question about a photograph of Visual Genome, with its one right answer, {answer: 1.0}."""

    structure: str | None = None  # query, verify, logical, choose or compare; this and the following where given
    balanced: bool | None = None  # whether the official measures count it
    semantics: str | None = None  # about an attribute (attr), a category (cat), the scene (global), obj or rel
    group: str | None = None  # questions whose answers have one distribution
    entailed: list | None = None  # identities of the questions whose answers follow from this one's
    steps: int | None = None  # of reasoning

    @property
    def words(self):
        return len(self.sent.split())


@dataclass(frozen=True, slots=True)
class Nlvr2Statement:
    """A statement about two photographs, true or not."""

    uid: str
    identifier: str  # split-set-pair-sentence
    img0: str
    img1: str
    sent: str
    label: int | None = None  # 1: true, 0: false

    @property
    def key(self):
        return self.uid

    @property
    def example(self):
        answers = None if self.label is None else {("no", "yes")[self.label]: 1.0}
        return Example((self.img0, self.img1), self.sent, answers)

    @property
    def commonest(self):
        return self.label

    def points(self, answer):
        return answer == require(self, "label")


def read_vqa(path):
    """The authors' VQA file (train.json, minival.json, test.json …), or the original v2_…_questions.json, which tells
    only the questions (see `annotate`) -> [VqaQuestion]. Raises TaskFileError."""
    value = read_task_json(path)
    if isinstance(value, dict) and "questions" in value:
        whole = Entry(value, path, "the whole file")
        pictures = (whole.maybe(whole.text, "data_type") or "mscoco").replace("mscoco", "COCO")
        split = whole.text("data_subtype").replace("test-dev", "test")  # some of the same pictures
        make, listed = original_vqa(f"{pictures}_{split}"), whole.take("questions", list, "a list")
    else:
        make, listed = authors_vqa, value
    return refuse_shared({path: entries(listed, path, make)}, "question_id")


def authors_vqa(entry):
    about = entry.given(label="scores", annotators="texts") | types_and_best(entry)
    return VqaQuestion(entry.identity("question_id"), str(entry.identity("img_id")), entry.text("sent"), **about)


def types_and_best(entry):
    """What both kinds of VQA's files may tell."""
    about = entry.given(question_type="text", multiple_choice_answer="text")
    return about | {"answer_type": entry.maybe(entry.choice, "answer_type", {name: name for name in VQA_TYPES})}


def original_vqa(pictures):
    """The reader of a question about one of some pictures: COCO_val2014, or of drawn scenes abstract_v002_val2015."""

    def question(entry):
        image = entry.take("image_id", lambda v: type(v) is int and v >= 0, "a number")
        return VqaQuestion(entry.identity("question_id"), f"{pictures}_{image:012d}", entry.text("question"))

    return question


def annotate(questions, paths):
    """VqaQuestions with what the original v2_…_annotations.json tell of them and they do not tell themselves: label,
    types, and the answers of ten people."""
    files = {path: read_entries(path, annotation, "annotations") for path in paths}
    rows = refuse_shared(files, "question_id", lambda row: row[0])
    by_id, completed = dict(rows), []
    for question in questions:
        if question.question_id not in by_id:
            names = ", ".join(map(str, paths))
            raise TaskFileError.at(names, f"question {question.question_id}", "annotations of every question", "none")
        more = by_id[question.question_id].items()
        completed.append(replace(question, **{name: value for name, value in more if getattr(question, name) is None}))
    return completed


def annotation(entry):
    """-> question_id, the fields of a VqaQuestion that an annotation tells"""
    people = entry.take("answers", lambda v: isinstance(v, list) and v, "the answers of people")
    given = [Entry(person, entry.file, f"{entry.name}, answers").text("answer") for person in people]
    about = {"label": soft_scores(given), "annotators": given, **types_and_best(entry)}
    return entry.identity("question_id"), about


def read_gqa(path):
    """The authors' GQA file (a list), or the original one ({question's identity: …}) -> [GqaQuestion]."""
    value = read_task_json(path)
    if isinstance(value, dict):
        return [original_gqa(Entry(item, path, f"question {key}"), key) for key, item in value.items()]
    return refuse_shared({path: entries(value, path, authors_gqa)}, "question_id")


def authors_gqa(entry):
    identities = (str(entry.identity(key)) for key in ("question_id", "img_id"))
    about = entry.given(label="scores", balanced="truth", entailed="texts")
    about |= entry.given(structure="text", semantics="text", group="text")
    steps = entry.maybe(entry.take, "steps", int, "a whole number")
    return GqaQuestion(*identities, entry.text("sent"), **about, steps=steps)


def original_gqa(entry, identity):
    """One question of val_balanced_questions.json, or of val_all_questions.json -> GqaQuestion."""
    types, groups = entry.inner("types"), entry.inner("groups")
    return GqaQuestion(
        *(identity, str(entry.identity("imageId")), entry.text("question")),
        label={entry.text("answer"): 1.0} if entry.has("answer") else None,
        structure=types.maybe(types.text, "structural"),
        balanced=entry.maybe(entry.truth, "isBalanced"),
        semantics=types.maybe(types.text, "semantic"),
        group=groups.maybe(groups.text, "global"),
        entailed=entry.maybe(entry.texts, "entailed"),
        steps=entry.maybe(count_steps, "semantic", entry),
    )


def count_steps(key, entry):
    """The steps of a program of GQA; asking for the result at its end is none, as in GQA's eval.py."""
    steps = [Entry(step, entry.file, f"{entry.name}, {key}") for step in entry.take(key, list, "a list of steps")]
    texts = [f"{step.text('operation')}: {step.text('argument')}" for step in steps]
    return sum(not any(end in step for end in ("exist", "query: name", "choose name")) for step in texts)


def read_nlvr2(path):
    """The authors' NLVR2 file (a list), or the original one (an object a line) -> [Nlvr2Statement]."""
    listed = read_text(path, "statements of NLVR2 or NLVR", TaskFileError, LIMIT)[:64].lstrip().startswith("[")
    statements = read_entries(path, authors_nlvr2) if listed else read_lines(path, original_nlvr2)
    return refuse_shared({path: refuse_shared({path: statements}, "uid")}, "identifier")


def authors_nlvr2(entry):
    label = entry.maybe(entry.choice, "label", {0: 0, 1: 1})
    img0, img1, sent = (entry.text(key) for key in ("img0", "img1", "sent"))
    return Nlvr2Statement(entry.text("uid"), pair_identifier(entry), img0, img1, sent, label)


def original_nlvr2(entry):
    """One line of dev.json: the pictures are named after the pair, both sentences of a pair share them."""
    identifier = pair_identifier(entry)
    pair = identifier.rpartition("-")[0]
    label = entry.maybe(entry.choice, "label", {"True": 1, "False": 0})
    return Nlvr2Statement(identifier, identifier, f"{pair}-img0", f"{pair}-img1", entry.text("sentence"), label)


def pair_identifier(entry):
    return entry.take("identifier", lambda v: isinstance(v, str) and PAIR.fullmatch(v), "split-set-pair-sentence")


def write_vqa_answers(path, questions, predictions):
    """The file for the VQA leaderboard, from {question_id: answer}."""
    rows = [{"answer": predictions[q.key], "question_id": q.key} for q in questions]
    write_file(path, json.dumps(rows, indent=4, ensure_ascii=False) + "\n")


def write_gqa_answers(path, questions, predictions):
    """The file for the GQA leaderboard, from {question_id: answer}; it wants the numbers as texts."""
    rows = [{"prediction": predictions[q.key], "questionId": str(q.key)} for q in questions]
    write_file(path, json.dumps(rows, indent=4, ensure_ascii=False) + "\n")


def write_nlvr2_answers(path, statements, predictions):
    """The CSV file for the NLVR2 leaderboard, `identifier,True|False`, from {uid: 1 or 0}."""
    write_file(path, "".join(f"{item.identifier},{bool(predictions[item.key])}\n" for item in statements))
