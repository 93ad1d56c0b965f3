"""Files of questions and answers: read strictly, written in the published form; measures against hand-worked cases."""

import importlib.util
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import check_mutants
from hypothesis import given, settings
from hypothesis import strategies as st

from minilxmert import MinilxmertError, TaskFileError
from minilxmert.cli import main
from minilxmert.core.answers import read_answers
from minilxmert.experiments import easy_vqa, nlvr
from minilxmert.training import aggregated, metrics, task_files
from minilxmert.training.entries import write_entries
from minilxmert.training.metrics import official_form, official_score, soft_scores
from minilxmert.training.tasks import TaskData, load_task, majority
from minilxmert.vision.pictures import read_picture, write_png

VQA = [
    {
        "answer_type": "other",
        "img_id": "COCO_train2014_000000458752",
        "label": {"net": 1},
        "question_id": 458752000,
        "question_type": "what is this",
        "sent": "What is this photo taken looking through?",
    },
    {"img_id": "COCO_test2015_000000000001", "question_id": 1000, "sent": "Is it é?"},
]
GQA = [{"img_id": "2375429", "label": {"pipe": 1.0}, "question_id": "07333408", "sent": "What is on the wall?"}]
NLVR2 = [
    {
        "identifier": "train-10171-0-1",
        "img0": "train-10171-0-img0",
        "img1": "train-10171-0-img1",
        "label": 0,
        "sent": "One case is open.",
        "uid": "nlvr2_train_0",
    }
]
PICTURES = [
    {
        "img_id": "COCO_train2014_000000000001",
        "sentf": {"mscoco": ["A cup.", "A red cup."], "vqa": ["Is it red?"]},
        "labelf": {"vqa": [{"yes": 1.0}]},
    },
    {
        "img_id": "2",
        "sentf": {"vg": ["grass", "a dog", "sky"], "gqa": ["What runs?"], "visual7w": ["Where?", "Who?"]},
        "labelf": {"gqa": [{"dog": 1.0}], "visual7w": [{"outside": 1}, {}]},
    },
    {"img_id": "3", "sentf": {"mscoco": ["A hat."], "vg": ["hat"], "vqa": []}, "labelf": {"vqa": []}},
]
READERS = {
    "vqa": (task_files.read_vqa, VQA),
    "gqa": (task_files.read_gqa, GQA),
    "nlvr2": (task_files.read_nlvr2, NLVR2),
    "pictures": (aggregated.read_pictures, PICTURES),
}


def save(path, value):
    path.write_text(json.dumps(value))
    return path


@pytest.mark.parametrize("name", READERS)
def test_the_authors_files_come_back_as_they_were(tmp_path, name):
    read, entries = READERS[name]
    records = read(save(tmp_path / "in.json", entries))
    write_entries(tmp_path / "out.json", records)
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8")) == entries
    assert read(tmp_path / "out.json") == records
    write_entries(tmp_path / "out.json", [])
    assert read(tmp_path / "out.json") == []


@pytest.mark.parametrize("count", [60, pytest.param(4000, marks=pytest.mark.nightly)])  # test_mutants.py has more
@pytest.mark.parametrize("name", READERS)
def test_damaged_files_end_in_our_error(tmp_path, name, count):
    read, entries = READERS[name]
    check_mutants(json.dumps(entries).encode(), read, tmp_path / "x.json", count)


def without(entries, *keys):
    return [{key: value for key, value in entries[0].items() if key not in keys}]


def having(entries, **changes):
    return [entries[0] | changes]


WRONG = {
    "no list": ("vqa", {"a": 1}, "expected a list of entries, found dict"),
    "no objects": ("vqa", [[]], "entry 0: expected an object, found list"),
    "no question": ("vqa", without(VQA, "sent"), "entry 0, sent: expected a text, found none"),
    "number for text": ("vqa", having(VQA, sent=3), "entry 0, sent: expected a text, found 3"),
    "half a character": ("vqa", having(VQA, sent="\ud800"), "entry 0, sent: expected a text"),
    "identity": ("vqa", having(VQA, question_id=None), "entry 0, question_id: expected a number or a text"),
    "identity twice": ("vqa", VQA[:1] * 2, "458752000: expected every question_id once, found it twice"),
    "score": ("vqa", having(VQA, label={"net": 1.5}), "label: expected answers with scores of 0 … 1, found 'net': 1.5"),
    "score of truth": ("vqa", having(VQA, label={"net": True}), "label: expected answers with scores"),
    "labels in a list": (
        "vqa",
        having(VQA, label=["net"]),
        "label: expected an object of answers and scores, found list",
    ),
    "answer type": ("vqa", having(VQA, answer_type="colour"), "answer_type: expected yes/no or number or other"),
    "gqa twice": ("gqa", GQA * 2, "expected every question_id once"),
    "pair": ("nlvr2", having(NLVR2, identifier="train-1"), "identifier: expected split-set-pair-sentence"),
    "identifier twice": ("nlvr2", NLVR2 + having(NLVR2, uid="other"), "expected every identifier once, found it twice"),
    "truth": ("nlvr2", having(NLVR2, label=2), "label: expected 0 or 1, found 2"),
    "sources": ("pictures", having(PICTURES, sentf=[]), "sentf: expected an object of lists by source, found"),
    "sentences": ("pictures", having(PICTURES, sentf={"vg": "a"}), "sentf, vg: expected a list of texts, found 'a'"),
    "labels": (
        "pictures",
        having(PICTURES, labelf={"vqa": [{}, {}]}),
        "entry 0, labelf, vqa: expected labels of each of 1 sentences, found 2",
    ),
    "labels of nothing": ("pictures", having(PICTURES, labelf={"gqa": [{}]}), "labels of each of 0 sentences, found 1"),
    "a label": ("pictures", having(PICTURES, labelf={"vqa": [{"yes": -1}]}), "labelf, vqa: expected answers with"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_entries_are_named(tmp_path, case):
    name, entries, message = WRONG[case]
    path = save(tmp_path / "x.json", entries)
    with pytest.raises(TaskFileError) as caught:
        READERS[name][0](path)
    assert message in str(caught.value) and "x.json" in str(caught.value)


def test_missing_files_and_damaged_json_are_named(tmp_path):
    with pytest.raises(TaskFileError, match="readable file"):
        task_files.read_vqa(tmp_path / "none.json")
    (tmp_path / "x.json").write_text('[{"sent": "a"')
    with pytest.raises(TaskFileError, match=r"x\.json: line 1"):
        task_files.read_gqa(tmp_path / "x.json")


QUESTIONS = {
    "data_subtype": "val2014",
    "questions": [
        {"image_id": 42, "question": "How many?", "question_id": 42001},
        {"image_id": 43, "question": "What?", "question_id": 43000},
    ],
}


def annotation(identity, kind, answers):
    answers = [{"answer": text, "answer_confidence": "yes", "answer_id": n} for n, text in enumerate(answers, 1)]
    return {"question_id": identity, "question_type": "how many", "answer_type": kind, "answers": answers}


ANNOTATIONS = {
    "annotations": [
        annotation(43000, "other", ["Cup"] * 2 + ["mug."] + ["a glass"] * 7),
        annotation(42001, "number", ["2"] * 10),
    ]
}


def test_the_original_vqa_files(tmp_path):
    path, people = save(tmp_path / "q.json", QUESTIONS), save(tmp_path / "a.json", ANNOTATIONS)
    questions = task_files.read_vqa(path)
    assert [(item.question_id, item.label) for item in questions] == [(42001, None), (43000, None)]
    first, second = task_files.annotate(questions, [people])
    assert (first.img_id, first.label, first.answer_type) == ("COCO_val2014_000000000042", {"2": 1.0}, "number")
    assert second.label == {"cup": 0.6, "mug": 0.3, "glass": 1.0} and second.annotators[2] == "mug."
    parts = [save(tmp_path / f"{n}.json", {"annotations": [a]}) for n, a in enumerate(ANNOTATIONS["annotations"])]
    assert task_files.annotate(questions, parts) == [first, second]
    with pytest.raises(TaskFileError, match="question 42001: expected annotations of every question, found none"):
        task_files.annotate(questions, parts[:1])
    with pytest.raises(TaskFileError, match="a list of entries, found dict"):
        task_files.read_vqa(people)
    with pytest.raises(TaskFileError, match="data_subtype"):
        task_files.read_vqa(save(tmp_path / "bare.json", {"questions": []}))
    path = save(path, {**QUESTIONS, "data_subtype": "test-dev2015"})
    assert task_files.read_vqa(path)[0].img_id == "COCO_test2015_000000000042"


def test_annotations_add_what_the_authors_file_does_not_tell(tmp_path):
    people = save(tmp_path / "a.json", ANNOTATIONS)
    (question,) = task_files.annotate([task_files.VqaQuestion(43000, "7", "What?", {"jug": 1.0})], [people])
    assert question.label == {"jug": 1.0} and question.annotators.count("a glass") == 7


def test_the_original_gqa_and_nlvr2_files(tmp_path):
    entry = {"imageId": "n1", "question": "Is it red?", "answer": "yes", "types": {"structural": "verify"}}
    question = task_files.read_gqa(
        save(tmp_path / "g.json", {"201": entry, "202": {"imageId": "n1", "question": "What?"}})
    )
    assert question[0] == task_files.GqaQuestion("201", "n1", "Is it red?", {"yes": 1.0}, "verify")
    assert question[1].label is None and question[1].structure is None
    line = {"identifier": "dev-850-0-1", "sentence": "Both are.", "label": "False", "synset": "dog"}
    (tmp_path / "n.json").write_text(json.dumps(line) + "\n\n")
    (statement,) = task_files.read_nlvr2(tmp_path / "n.json")
    assert (statement.img0, statement.img1) == ("dev-850-0-img0", "dev-850-0-img1") and statement.label == 0


def test_leaderboard_files(tmp_path):
    asked = {key: SimpleNamespace(key=key) for key in (7, 8, 201)}
    task_files.write_vqa_answers(tmp_path / "v.json", [asked[7], asked[8]], {7: "yes", 8: "café"})
    assert json.loads((tmp_path / "v.json").read_text(encoding="utf-8")) == [
        {"question_id": 7, "answer": "yes"},
        {"question_id": 8, "answer": "café"},
    ]
    task_files.write_gqa_answers(tmp_path / "g.json", [asked[201]], {201: "cup"})
    assert json.loads((tmp_path / "g.json").read_text()) == [{"questionId": "201", "prediction": "cup"}]
    pairs = [SimpleNamespace(key="a", identifier="dev-1-0-0"), SimpleNamespace(key="b", identifier="dev-1-1-0")]
    task_files.write_nlvr2_answers(tmp_path / "n.csv", pairs, {"a": 1, "b": np.int64(0)})
    assert (tmp_path / "n.csv").read_text() == "dev-1-0-0,True\ndev-1-1-0,False\n"


def test_labels_keep_the_answers_of_the_list_as_it_spells_them(tmp_path):
    rows = [{"ans": "gray", "dsets": ["vqa"]}, {"ans": "2", "dsets": ["vqa", "gqa"]}, {"ans": "dog", "dsets": ["gqa"]}]
    known = set(read_answers(save(tmp_path / "all_ans.json", rows)))
    label = {"Grey.": 0.9, "gray": 0.3, "two": 1, "the dog": 0.6, "cat": 1}
    assert aggregated.known_answers(label, known) == {"gray": 0.9, "2": 1, "dog": 0.6}
    with pytest.raises(MinilxmertError, match="every answer once"):
        read_answers(save(tmp_path / "all_ans.json", rows * 2))


def test_sentences_keep_their_pictures_and_labels(tmp_path):
    found = list(aggregated.sentences(aggregated.read_pictures(save(tmp_path / "x.json", PICTURES))))
    assert [item.image for item in found[:3]] == ["COCO_train2014_000000000001"] * 3
    assert found[2].answers == {"yes": 1.0} and found[1].answers is None
    assert [item.text for item in found if item.text in ("Where?", "Who?")] == ["Where?", "Who?"] and len(found) == 11


def test_data_summary_is_table_one(tmp_path, capsys):
    files = [save(tmp_path / f"{n}.json", [entry]) for n, entry in enumerate([*PICTURES, PICTURES[0]])]
    more = having(PICTURES, img_id="5", sentf={"flickr": ["A boat."]}, labelf={})
    assert main(["data-summary", *map(str, files), str(save(tmp_path / "more.json", more))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == "Images COCO-Cap VG-Cap VQA GQA VG-QA flickr All".split()
    assert [line.split("  ", 1)[1].split() for line in lines[1:]] == [
        "1 4 0 2 0 0 0 6".split(),  # the first picture's file twice: its sentences count twice, the picture once
        "1 1 1 0 0 0 0 2".split(),
        "1 0 3 0 1 2 0 6".split(),
        "4 5 4 2 1 2 1 15".split(),
    ]
    assert [line.split("  ")[0] for line in lines[1:]] == ["MS COCO - VG", "MS COCO ∩ VG", "VG - MS COCO", "All"]


FORMS = {
    "A Dog!": "dog",
    "the  two   cats": "2 cats",
    "none": "0",
    "dont": "don't",
    "couldntve": "couldntve",  # two apostrophes missing: not in the published table
    "couldn'tve": "couldn't've",
    "hes": "he's",
    "somebody'd": "somebodyd",  # the published slip
    "2:50 p.m.": "2:50 pm",
    "3.5": "3.5",
    ".5 miles.": ".5 miles",
    "100,978": "100978",
    "red,green": "red green",
    "red, green": "red green",
    "t-shirt": "t shirt",
    "t -shirt": "t shirt",
    "girl's": "girl's",
    "1,000 t-shirts": "1000 tshirts",  # published: one thousands comma, and no mark parts words any more
    " yes\n": "yes",
    "an apple a day": "apple day",
}


@pytest.mark.parametrize("answer", FORMS)
def test_the_official_form_of_answers(answer):
    assert official_form(answer) == FORMS[answer]


def test_the_official_score_of_ten_people():
    others = ["cat", "cow", "hen", "pig", "fox", "owl", "elk", "emu", "yak", "ant"]
    for agree, score in enumerate([0, 0.3, 0.6, 0.9, 1, 1]):  # by hand: 1 → 9 of 10 subsets hold it once, 9/10 · 1/3
        people = ["the dog"] * agree + others[agree:]
        assert math.isclose(official_score("Dog.", people), score, abs_tol=1e-12)
        assert soft_scores(people).get("dog", 0) == score
    assert official_score("Dog", ["dog"] * 10) == 0  # all agree: texts are compared as they stand
    assert official_score(" dog\n", ["dog"] * 10) == 1


@given(st.lists(st.sampled_from(["yes", "no", "2", "red"]), min_size=10, max_size=10), st.sampled_from(["yes", "red"]))
@settings(max_examples=50, deadline=None)
def test_soft_scores_are_the_official_ones(people, answer):
    assert math.isclose(soft_scores(people).get(answer, 0), official_score(answer, people), abs_tol=1e-12)


def test_intervals():
    low, high = metrics.interval(8, 10)
    assert (round(low, 4), round(high, 4)) == (0.4902, 0.9433)  # Wilson's, by hand: (0.8 + 0.19207 ± 0.31361) / 1.38415
    assert metrics.interval(0, 0) == (0, 1)
    assert metrics.interval(0, 20)[0] == 0 and round(metrics.interval(0, 20)[1], 4) == 0.1611
    low, high = metrics.interval(20, 20)
    assert high == 1 and round(low, 4) == 0.8389


def vqa_question(identity, kind, label, annotators=None):
    return task_files.VqaQuestion(identity, "x", "?", label, kind, None, annotators)


def test_vqa_report():
    questions = [
        vqa_question(1, "yes/no", {"yes": 1, "no": 0.3}, ["yes"] * 9 + ["no"]),
        vqa_question(2, "yes/no", {"no": 1}, ["no"] * 10),
        vqa_question(3, "number", {"2": 0.6, "3": 0.9}, ["2"] * 2 + ["3"] * 3 + list("45678")),
        vqa_question(4, "other", {}, ["x"] * 10),
    ]
    predictions = {1: "no", 2: "no", 3: "3", 4: "dog", 99: "extra"}
    report = metrics.vqa_report(questions, predictions)
    shares = [report[name].share for name in ("Overall", "Binary", "Number", "Other")]
    np.testing.assert_allclose(shares, [2.2 / 4, 1.3 / 2, 0.9, 0], rtol=1e-12)
    official = metrics.vqa_report(questions, predictions, official=True)
    np.testing.assert_allclose([row.right for row in official.rows], [2.2, 1.3, 0.9, 0], rtol=1e-12, atol=1e-12)
    assert str(report).splitlines()[2].split() == ["Binary", "65.00%", "15.22%", "…", "95.05%", "2"]
    with pytest.raises(TaskFileError, match="VQA predictions: 4: expected an answer to every question, found none"):
        metrics.vqa_report(questions, {1: "no", 2: "no", 3: "3"})
    with pytest.raises(TaskFileError, match="expected a label"):
        metrics.vqa_report([vqa_question(1, None, None)], {1: "no"})


def test_gqa_report():
    rows = [
        ("1", "yes", "verify"),
        ("2", "red", "choose"),
        ("3", "dog", "query"),
        ("4", "no", None),
        ("5", "cup", None),
    ]
    questions = [task_files.GqaQuestion(i, "x", "?", {answer: 1.0}, structure) for i, answer, structure in rows]
    report = metrics.gqa_report(questions, {"1": "yes", "2": "blue", "3": "dog", "4": "no", "5": "dog"})
    assert [(row.right, row.total) for row in report.rows] == [(3, 5), (2, 3), (1, 2)]


def original_gqa(answer, balanced, structure, semantics, group, entailed, steps, words):
    """A question of …_all_questions.json; the last step of its program, asking for the result, does not count."""
    last = ("query", "name") if structure == "query" else ("exist", "?")
    program = [{"operation": op, "argument": of} for op, of in [*[("select", "cup (1)")] * steps, last]]
    return {
        "question": " ".join(["word"] * words), "imageId": "1", "answer": answer, "isBalanced": balanced,
        "types": {"structural": structure, "semantic": semantics}, "groups": {"global": group, "local": "x"},
        "entailed": entailed, "semantic": program,
    }  # fmt: skip


GQA_ASKED = {
    "1": original_gqa("yes", True, "verify", "obj", None, ["1", "5", "6"], 1, 4),
    "2": original_gqa("red", True, "query", "attr", "color", ["1"], 2, 5),
    "3": original_gqa("red", True, "query", "attr", "color", [], 3, 5),
    "4": original_gqa("cup", True, "query", "cat", "thing", ["6"], 1, 6),
    "5": original_gqa("no", False, "verify", "obj", None, [], 1, 4),
    "6": original_gqa("yes", False, "logical", "obj", None, ["1"], 2, 9),
}
GQA_SAID = {"1": "yes", "2": "red", "3": "blue", "4": "hat", "5": "no", "6": "no"}
GQA_OFFICIAL = {  # what eval.py, distributed with the questions 1.2, says of them with --consistency: share, of
    "Overall": (0.5, 4), "Binary": (1, 1), "Open": (1 / 3, 3), "Consistency": (0.75, 2), "Distribution": (2 / 300, 3),
    "query": (1 / 3, 3), "verify": (1, 1), "attr": (0.5, 2), "cat": (0, 1), "obj": (1, 1),
    "steps: 1": (0.5, 2), "steps: 2": (1, 1), "steps: 3": (0, 1), "words: 4": (1, 1), "words: 5": (0.5, 2),
    "words: 6": (0, 1),
}  # fmt: skip


def test_gqa_counts_as_its_eval_does(tmp_path):
    questions = task_files.read_gqa(save(tmp_path / "all.json", GQA_ASKED))
    report = metrics.gqa_report(questions, GQA_SAID)
    found = {row.name: (row.share, row.total) for row in (*report.rows, *report.details)}
    assert found == {name: (pytest.approx(share), total) for name, (share, total) in GQA_OFFICIAL.items()}
    assert str(report).splitlines()[-1].split() == ["Distribution", "0.01", "lower", "is", "better", "3"]
    with pytest.raises(TaskFileError, match="an answer to every question"):
        metrics.gqa_report(questions, {name: said for name, said in GQA_SAID.items() if name != "6"})
    write_entries(tmp_path / "copy.json", questions)
    assert task_files.read_gqa(tmp_path / "copy.json") == questions
    balanced = [question for question in questions if question.balanced]  # as in …_balanced_questions.json
    report = metrics.gqa_report(balanced, GQA_SAID)
    assert report["Consistency"].text == "none" and report["Overall"].share == 0.5
    with pytest.raises(TaskFileError, match=r"question 1, semantic, operation: expected a text"):
        broken = {"1": GQA_ASKED["1"] | {"semantic": [{"argument": "x"}]}}
        task_files.read_gqa(save(tmp_path / "broken.json", broken))


VQA_PEOPLE = {  # question: type, its first words, ten answers, what a model says, its score by vqaEval.py
    1: ("number", "how many", ["Two"] * 4 + ["2"] * 2 + ["3"] * 3 + ["none"], "the 2", 1.0),
    2: ("other", "what is", ["It isnt"] * 3 + ["no."] * 3 + ["no"] * 4, "No", 1.0),
    3: ("other", "what is", ["the T-shirt"] * 2 + ["shirt"] * 7 + ["t shirt"], "A t/shirt", 0.9),
    4: ("other", "what", ["Blue"] * 10, "blue", 0.0),  # all agree: texts are compared as they stand
    5: ("yes/no", "is it", ["yes"] * 10, " yes\n", 1.0),
    6: ("number", "how many", ["one", "two", *"3456789", "ten"], "1", 0.3),
}


def test_vqa_counts_as_its_eval_does(tmp_path):
    """vqaEval.py of GT-Vision-Lab/VQA (for Python 3, of 2017), by type of answer and of question, from the original
    files to the report."""
    asked = [{"question_id": n, "image_id": 42, "question": "what ?"} for n in VQA_PEOPLE]
    told = [annotation(n, kind, given) | {"question_type": first} for n, (kind, first, given, *_) in VQA_PEOPLE.items()]
    questions = save(tmp_path / "q.json", {"data_subtype": "val2014", "questions": asked})
    data = load_task("vqa", [questions], {}, [save(tmp_path / "a.json", {"annotations": told})])
    report = data.report({n: said for n, (*_, said, _) in VQA_PEOPLE.items()}, official=True)
    found = {row.name: row.share for row in (*report.rows, *report.details)}
    expected = {"Overall": 4.2 / 6, "Binary": 1, "Number": 0.65, "Other": 1.9 / 3}
    expected |= {"how many": 0.65, "is it": 1, "what": 0, "what is": 0.95}
    assert found == {name: pytest.approx(share) for name, share in expected.items()}


def test_the_list_of_answers_is_of_the_commonest_ones(tmp_path):
    """As compute_softscore.py of the list's authors (bottom-up-attention-vqa) makes it: the normalised answer that most
    people gave, to at least nine questions. Scores end at four people: they do not tell which is commonest."""
    people = [{"answer": text} for text in ["cat"] * 4 + ["Dog."] * 6]
    asked = [{"question_id": n, "image_id": 1, "question": "what is it ?"} for n in range(9)]
    told = [{"question_id": n, "answers": people} for n in range(9)]  # no question_type, no answer_type
    (tmp_path / "q.json").write_text(json.dumps({"data_subtype": "val2014", "questions": asked}))
    (tmp_path / "a.json").write_text(json.dumps({"annotations": told}))
    data = load_task("vqa", [tmp_path / "q.json"], {}, [tmp_path / "a.json"])
    assert data.records[0].label == {"cat": 1.0, "dog": 1.0} and data.answers() == ["dog"]
    assert set(majority(data, data).values()) == {"dog"}
    report = str(data.report(dict.fromkeys(range(9), "dog")))
    assert "100.00%" in report and "nan" not in report and report.count("none") == 3
    for row in told:
        row["multiple_choice_answer"] = "cat"  # the file's own choice where it has one
    (tmp_path / "a.json").write_text(json.dumps({"annotations": told}))
    assert load_task("vqa", [tmp_path / "q.json"], {}, [tmp_path / "a.json"]).answers() == ["cat"]


def test_the_commonest_answer_counts_only_what_is_labelled():
    """Records without a label, or with an empty one, are passed by when answers are counted, and refused as measure."""
    records = [task_files.VqaQuestion(n, "1", "?", label) for n, label in enumerate([None, {}, {"red": 1.0}])]
    data = TaskData("vqa", records, {}, ["color"] * 3)
    assert set(majority(data, data).values()) == {"red"}
    with pytest.raises(TaskFileError, match="a label to compare with"):
        data.report_by_kind(dict.fromkeys(range(3), "red"))
    nothing = TaskData("vqa", records[:2], {})
    assert set(majority(nothing, nothing).values()) == {""}
    rows = TaskData("vqa", records[2:], {}).report_by_kind({2: "red"}).rows  # of no kinds
    assert [(row.name, row.right, row.total) for row in rows] == [("vqa", 1, 1)]


def test_an_identity_in_two_files_is_refused(tmp_path):
    for name in ("mine", "yours"):
        write_entries(tmp_path / f"{name}.json", [task_files.VqaQuestion(7, "1", "?", {})])
        (tmp_path / f"{name}_a.json").write_text(
            json.dumps({"annotations": [{"question_id": 7, "answers": [{"answer": "red"}]}]})
        )
    paths = [tmp_path / "mine.json", tmp_path / "yours.json"]
    with pytest.raises(TaskFileError, match=r"yours\.json: 7: .*mine\.json"):
        load_task("vqa", paths, {})
    with pytest.raises(TaskFileError, match=r"yours_a\.json: 7: .*mine_a\.json"):
        load_task("vqa", paths[:1], {}, [tmp_path / "mine_a.json", tmp_path / "yours_a.json"])


def test_nlvr2_report_and_a_mutant(monkeypatch):
    """As nlvr2/eval/metrics.py of lil-lab/nlvr (e6a286a) has it: all pairs of a sentence of a set must be right."""
    # sentence 0 of set 7 with pairs 0, 1, 2 (one wrong); sentence 1 of set 7 with pair 0, right; set 8: right, right
    names = ["dev-7-0-0", "dev-7-1-0", "dev-7-2-0", "dev-7-0-1", "dev-8-0-0", "dev-8-3-0"]
    statements = [task_files.Nlvr2Statement(name, name, "a", "b", "?", 1) for name in names]
    predictions = dict.fromkeys(names, 1) | {"dev-7-1-0": 0}

    def shares():
        return [(row.right, row.total) for row in metrics.nlvr2_report(statements, predictions).rows]

    assert shares() == [(5, 6), (2, 3)]
    monkeypatch.setattr(metrics, "sentence_of", lambda name: name.split("-")[:2][-1])  # the mutant: by set alone
    assert shares() == [(5, 6), (1, 2)]


def nlvr_folder(root):
    line = {"sentence": "There is a box.", "identifier": "72-0", "directory": "5", "structured_rep": [[], [], []]}
    lines = [line | {"label": "true"}, line | {"identifier": "72-1", "label": "false"}]
    (root / "images" / "5").mkdir(parents=True)
    (root / "dev.json").write_text("".join(json.dumps(item) + "\n" for item in lines))
    return root / "dev.json", lines


def test_nlvr(tmp_path):
    path, _ = nlvr_folder(tmp_path)
    first, second = nlvr.read_nlvr(path)
    assert (first.label, second.label) == (True, False)
    assert first.pictures[5] == tmp_path / "images" / "5" / "dev-72-0-5.png"
    write_png(first.pictures[5], np.full((100, 400, 3), 211, np.uint8))
    assert read_picture(first.pictures[5]).shape == (100, 400, 3)
    predictions = {f"72-0-{k}": True for k in range(6)} | {f"72-1-{k}": k == 3 for k in range(6)}
    report = nlvr.nlvr_report([first, second], predictions)  # as nlvr/metrics_images.py of lil-lab/nlvr (56f4bc8)
    assert [(row.right, row.total) for row in report.rows] == [(11, 12), (0, 1)]  # one sentence, wrong in one picture
    with pytest.raises(TaskFileError, match="72-1-3"):
        nlvr.nlvr_report([first, second], {key: True for key in predictions if key != "72-1-3"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"directory": "../.."}, "directory: expected a number"),
        ({"identifier": "72-0/../1"}, "identifier: expected sentence-scene"),
        ({"label": "maybe"}, "label: expected true or false"),
    ],
)
def test_nlvr_entries_that_lead_astray_are_refused(tmp_path, change, message):
    path, lines = nlvr_folder(tmp_path)
    path.write_text(json.dumps(lines[0]) + "\n" + json.dumps(lines[1] | change))
    with pytest.raises(TaskFileError, match=f"line 2, {message}"):
        nlvr.read_nlvr(path)


def easy_folder(root):
    for split, rows in (("train", [["what color?", "red", 0]]), ("test", [["is it?", "yes", 3], ["what?", "red", 3]])):
        (root / "data" / split / "images").mkdir(parents=True)
        save(root / "data" / split / "questions.json", rows)
    (root / "data" / "answers.txt").write_text("red\nyes\nno\n")
    return root


def test_easy_vqa(tmp_path, monkeypatch):
    folder = easy_folder(tmp_path / "easy_vqa")
    for place in (folder / "data", folder, tmp_path):
        questions, answers = easy_vqa.read_easy_vqa(place, "test")
        assert answers == ["red", "yes", "no"] and [item.commonest for item in questions] == ["yes", "red"]
        assert questions[1].img_id == str(folder / "data" / "test" / "images" / "3.png")
    (folder / "__init__.py").write_text("raise SystemExit('it was imported')")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    assert easy_vqa.find_easy_vqa() == folder / "data"
    with pytest.raises(TaskFileError, match="dev"):
        easy_vqa.read_easy_vqa(folder, "dev")
    path = folder / "data" / "test" / "questions.json"
    for row in (["a", "blue", 1], ["a", "red", -1], ["a", "red", "../x"], ["a", ["red"], 1], ["a", "red"], {}):
        save(path, [["a", "red", 1], row])
        with pytest.raises(TaskFileError, match="entry 1: expected"):
            easy_vqa.read_easy_vqa(folder, "test")


def test_easy_vqa_that_is_not_there_is_explained(tmp_path, monkeypatch):
    with pytest.raises(TaskFileError, match=r"expected the data of easy-vqa \(pip install easy-vqa\)"):
        easy_vqa.find_easy_vqa(tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TaskFileError, match="easy_vqa: expected the data of easy-vqa"):
        easy_vqa.find_easy_vqa()
