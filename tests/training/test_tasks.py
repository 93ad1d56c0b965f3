"""From data to figures: the miniature as task data, small recipes, and the commands on the authors' kinds of files."""

import base64
import json
import re
from collections import Counter
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from minilxmert import (
    CheckpointError,
    ConfigError,
    FeatureFileError,
    LxmertConfig,
    LxmertForPreTraining,
    LxmertForQuestionAnswering,
    LxmertTokenizer,
)
from minilxmert.checkpoints.h5 import read_hdf5
from minilxmert.cli import main
from minilxmert.core.params import map_tree
from minilxmert.experiments import probing
from minilxmert.experiments.probing import foil_report
from minilxmert.scenes.detector import detect
from minilxmert.scenes.language import LanguageError, explain, read_question
from minilxmert.scenes.phrases import Description
from minilxmert.scenes.world import HELD_OUT, SMALL, UNNAMED
from minilxmert.training import recipes
from minilxmert.training.entries import write_entries
from minilxmert.training.miniature import Miniature, miniature_config, spread_boxes
from minilxmert.training.optimizer import Adam
from minilxmert.training.recipes import (
    RECIPES,
    Recipe,
    finetune,
    give_answers,
    miniature_tokenizer,
    pretrain_miniature,
    start_model,
)
from minilxmert.training.task_files import VqaQuestion
from minilxmert.training.tasks import TaskData, Together, beside, load_task, majority, open_all, predict

TINY = Recipe(scenes=30, first_words=2, pretraining=3, finetuning=3, batch_size=8)
WORLD, ODD = Miniature(SMALL, "train", 30), Miniature(SMALL, "train", 30, unnamed=0.5)
SIZES = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2, "x_layers": 1, "l_layers": 1}


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "pretrained"
    pretrain_miniature(SMALL, TINY, folder, **SIZES)
    return folder


# --- the miniature as data -------------------------------------------------------------------------------------------


def test_splits_share_no_scene_and_are_the_same_every_time():
    scenes = {split: Miniature(SMALL, split, 40).scenes for split in ("train", "valid", "test", "combinations")}
    graphs = {split: {json.dumps(scene.graph()) for scene in found} for split, found in scenes.items()}
    assert sum(map(len, graphs.values())) == len(set.union(*graphs.values()))
    assert Miniature(SMALL, "test", 40).scenes == scenes["test"]
    assert Miniature(SMALL, "test", 40, seed=1).scenes != scenes["test"]


def test_held_out_pairs_are_only_in_the_split_of_combinations():
    def has(scene):
        return any((thing.color, thing.shape) in HELD_OUT for thing in scene.things)

    assert all(map(has, Miniature(SMALL, "combinations", 40).scenes)) and not any(map(has, WORLD.scenes))
    for record in WORLD.task("questions").records:
        if "[UNK]" not in record.sent:
            values = read_question(record.sent).slots.values()
            said = {(value.color, value.shape) for value in values if isinstance(value, Description)}
            assert not said & set(HELD_OUT)


def test_nothing_but_pixels_reaches_the_pictures():
    rng = WORLD.rng("pixels")
    for number, scene in enumerate(WORLD.scenes[:5]):
        seen, made = WORLD.pictures[str(number)], detect(scene.picture(rng))
        np.testing.assert_array_equal(seen.features, made.features)
        np.testing.assert_array_equal(seen.boxes, made.boxes)


@pytest.mark.parametrize("data", [WORLD, ODD])
def test_answers_are_true(data):
    for task in ("vqa", "gqa"):
        for record in data.task(task).records:
            scene = data.scenes[int(record.img_id)]
            assert record.label == {read_question(record.sent).true_answer(scene): 1.0}
    for record in data.task("nlvr2").records:
        pair = [data.scenes[int(image)] for image in (record.img0, record.img1)]
        assert read_question(record.sent).true_answer(*pair) == ("yes" if record.label else "no")


def test_what_has_no_word_is_seen_and_not_spoken_of():
    odd = [{thing.color for thing in scene.things} | {thing.shape for thing in scene.things} for scene in ODD.scenes]
    assert all(any(name in seen for seen in odd) for name in UNNAMED[0] + UNNAMED[1])
    assert any(seen.isdisjoint(UNNAMED[0] + UNNAMED[1]) for seen in odd)  # in a share of the pictures, not in all
    assert not any((thing.color, thing.shape) in HELD_OUT for scene in ODD.scenes for thing in scene.things)
    texts = [*(record.sent for record in ODD.task("questions").records), *(e.text for e in ODD.pretraining)]
    words = {word for text in texts for word in text.split()} | set(ODD.answers)
    assert words.isdisjoint([*UNNAMED[0], *UNNAMED[1], *(f"{shape}es" for shape in UNNAMED[1])])


def test_kinds_are_asked_more_often():
    hard = ("relation count", "in total")
    usual, more = Miniature(SMALL, "train", 60), Miniature(SMALL, "train", 60, often=hard)
    for task, kind in (("gqa", hard[0]), ("nlvr2", hard[1])):
        before, after = (Counter(data.task(task).kinds) for data in (usual, more))
        assert after[kind] > 1.5 * before[kind]
        others = [counts.total() - counts[kind] for counts in (before, after)]
        assert others[1] == pytest.approx(others[0], rel=0.1)
    assert len(more.task("vqa")) == len(usual.task("vqa"))  # in which it is no kind
    with pytest.raises(ConfigError, match=r"often: expected one of exist, .* found three"):
        Miniature(SMALL, often=("three", "count"))


def test_hard_kinds_are_those_that_the_weights_get_wrong(monkeypatch, tmp_path, capsys):
    def answer_but(wrong, model, tokenizer, data):
        pairs = zip(data.records, data.kinds, strict=True)
        return {record.key: "none" if kind in wrong else record.commonest for record, kind in pairs}

    weights, tokenizer = tmp_path / "weights", miniature_tokenizer(SMALL)
    start_model(Miniature(SMALL, scenes=2).task("vqa"), miniature_config(SMALL)).save_pretrained(
        weights, tokenizer=tokenizer
    )
    for wrong in (["count", "size"], ["color"], []):
        monkeypatch.setattr(recipes, "predict", partial(answer_but, wrong))
        assert recipes.hard_kinds(SMALL, "vqa", weights, tokenizer, scenes=20) == wrong
    with pytest.raises(ConfigError, match="have learnt the task, found fresh reasoning"):
        recipes.hard_kinds(SMALL, "nlvr2", weights, tokenizer)
    monkeypatch.setattr(recipes, "hard_kinds", lambda *_, **__: ["count"])
    command = "finetune", "vqa", "--world", "small", "--scenes", "10", "--steps", "2", "--often", "hard"
    assert main([*command, "--weights", str(weights), "--out", str(tmp_path / "run")]) == 0
    assert "hard: count" in capsys.readouterr().err
    often, usual = (len(Miniature(SMALL, "train", 10, often=kinds).task("vqa")) for kinds in (["count"], []))
    assert read_hdf5(tmp_path / "run/training.h5")[2]["provenance"]["examples"] == often > usual
    assert main([*command, "--out", str(tmp_path / "other")]) == 1
    assert "--weights, whose hard kinds they are" in capsys.readouterr().err


def test_unknown_words_are_asked_about_in_training_alone():
    strange = [record for record in WORLD.task("questions").records if "[UNK]" in record.sent]
    assert len(strange) > 5
    assert not any("[UNK]" in r.sent for r in Miniature(SMALL, "test", 30).task("questions").records)


def test_half_learnt_weights_lie_in_the_middle(tmp_path):
    def tuned(folder, **learnt):
        model = LxmertForQuestionAnswering(miniature_config(SMALL, **SIZES), 1)
        model.answers = WORLD.answers
        run = WORLD.task("vqa").cut(8), miniature_tokenizer(SMALL), tmp_path / folder, Adam(1e-2, 3), 4
        return finetune(model, *run, **learnt).model.params

    start = LxmertForQuestionAnswering(miniature_config(SMALL, **SIZES), 1).params
    whole, half = tuned("whole"), tuned("half", learnt=0.5)
    map_tree(lambda a, b, c: np.testing.assert_allclose(a + c, 2 * b, rtol=1e-5, atol=1e-6), start, half, whole)
    saved = LxmertForQuestionAnswering.from_pretrained(tmp_path / "half").params
    map_tree(np.testing.assert_array_equal, half, saved)
    assert np.abs(whole["pooler"]["w"] - start["pooler"]["w"]).max() > 1e-3


def test_the_published_start_cannot_tell_a_box_from_one_twice_as_large():
    """LayerNorm takes the scale away as long as the bias is 0; spread_boxes gives the miniature another start."""
    box = np.array([[[0.1, 0.1, 0.2, 0.2], [0.4, 0.4, 0.8, 0.8]]], np.float32)
    call = {"input_ids": [[2, 3]], "visual_feats": np.zeros((1, 2, 144), np.float32), "visual_pos": box}
    model = LxmertForPreTraining(miniature_config(SMALL))

    def codes():
        from minilxmert.core.encoder import embed_objects

        return embed_objects(call["visual_feats"], box, model.params["objects"], model.config)[0]

    np.testing.assert_allclose(*codes(), atol=1e-6)
    spread_boxes(model, np.random.default_rng(0))
    assert np.abs(np.subtract(*codes())).max() > 0.1


# --- recipes ---------------------------------------------------------------------------------------------------------


def test_pretraining_leaves_a_model_like_any_other(pretrained):
    model, tokenizer = LxmertForPreTraining.from_pretrained(pretrained), LxmertTokenizer.from_pretrained(pretrained)
    assert model.answers == WORLD.answers and len(tokenizer) == model.config.vocab_size
    report = foil_report(model, tokenizer, Miniature(SMALL, "test", 20))
    assert report["all"].total == sum(row.total for row in report.rows if row.name != "all") > 50


def test_an_answer_head_moves_by_text(pretrained):
    data = WORLD.task("vqa")
    before = LxmertForPreTraining.from_pretrained(pretrained).params["answer"]["outer"]["w"]
    kept = start_model(data, pretrained)
    np.testing.assert_array_equal(kept.params["answer"]["outer"]["w"], before)
    moved = start_model(data, pretrained, ["no", "unheard of", "yes"])
    np.testing.assert_array_equal(
        moved.params["answer"]["outer"]["w"], [before[1], np.zeros_like(before[0]), before[0]]
    )
    config = LxmertForPreTraining.from_pretrained(pretrained).config
    assert start_model(data, config).answers == data.answers()


def test_a_model_of_two_classes_does_not_keep_the_labels_of_the_answers(pretrained, tmp_path):
    assert len(LxmertConfig.from_pretrained(pretrained).id2label) == len(WORLD.answers)
    model = start_model(WORLD.nlvr2, pretrained)
    model.save_pretrained(tmp_path / "fresh")
    assert LxmertConfig.from_pretrained(tmp_path / "fresh").id2label == LxmertConfig().id2label
    model.config.id2label = {0: "False", 1: "True"}
    model.save_pretrained(tmp_path / "named")
    assert start_model(WORLD.nlvr2, tmp_path / "named").config.id2label[1] == "True"


def test_a_head_whose_answers_nobody_told_starts_anew_unless_it_fits(pretrained):
    model = LxmertForPreTraining.from_pretrained(pretrained)
    before, names, model.answers = model.params["answer"]["outer"]["w"].copy(), model.answers, None
    give_answers(model, names)
    np.testing.assert_array_equal(model.params["answer"]["outer"]["w"], before)
    model.answers = None
    give_answers(model, names[:3])
    assert model.answers == names[:3] and not model.params["answer"]["outer"]["w"].any()
    assert model.config.num_qa_labels == 3


def test_answers_that_people_gave_freely_must_be_frequent():
    asked = [VqaQuestion(n, "7", "what ?", {"cup": 1.0, "mug": 0.3}, annotators=["cup"]) for n in range(9)]
    asked.append(VqaQuestion(9, "7", "what ?", {"jug": 1.0}, annotators=["jug"]))
    assert TaskData("vqa", asked, {}).answers() == ["cup"]
    assert TaskData("vqa", asked[:2], {}).answers() == ["cup", "mug"]  # too few to choose among
    assert TaskData("vqa", [replace(q, annotators=None) for q in asked], {}).answers() == ["cup", "mug", "jug"]


def test_a_refused_run_leaves_a_finished_one_as_it_was(pretrained, capsys, monkeypatch):
    monkeypatch.setitem(RECIPES, "tiny", TINY)
    before = (pretrained / "vocab.txt").read_bytes()
    assert main(["pretrain", "--world", "rich", "--out", str(pretrained), "--recipe", "tiny"]) == 1
    assert "another folder" in capsys.readouterr().err and (pretrained / "vocab.txt").read_bytes() == before


def test_a_blind_model_sees_nothing_of_what_is_hidden(pretrained):
    data, tokenizer = WORLD.task("vqa"), LxmertTokenizer.from_pretrained(pretrained)
    model = start_model(data, pretrained)
    other = Miniature(SMALL, "test", 30)
    elsewhere = load_like(data, {key: other.pictures[key] for key in data.pictures})
    seen = predict(model, tokenizer, data, hidden="objects")
    assert seen == predict(model, tokenizer, elsewhere, hidden="objects")
    alike = {}
    for record in data.records:  # without words, one answer to all sentences of a length about a picture
        length = len(tokenizer(record.sent)["input_ids"])
        alike.setdefault((record.img_id, length), set()).add(predict_one(model, tokenizer, data, record))
    assert len(alike) < len(data) and all(len(answers) == 1 for answers in alike.values())


def load_like(data, pictures):
    return type(data)(data.task, data.records, pictures, data.kinds)


def predict_one(model, tokenizer, data, record):
    alone = type(data)(data.task, [record], data.pictures, [""])
    (answer,) = predict(model, tokenizer, alone, hidden="words").values()
    return answer


def test_majority_and_kinds_beside_each_other(pretrained, tmp_path):
    data, tokenizer = WORLD.task("vqa"), LxmertTokenizer.from_pretrained(pretrained)
    commonest = majority(data, data)
    report = data.report_by_kind(commonest)
    for row in report.rows:
        of_kind = [next(iter(r.label)) for r, kind in zip(data.records, data.kinds, strict=True) if kind == row.name]
        assert row.right == max(map(of_kind.count, of_kind)) and row.total == len(of_kind)
    model = start_model(data, pretrained)
    finetune(model, data, tokenizer, tmp_path, Adam(1e-3, 2), 4, frozen=("language",))
    table = beside({"model": data.report_by_kind(predict(model, tokenizer, data)), "majority": report})
    assert table.count("\n") == len(report.rows) and "majority" in table.splitlines()[0]


# --- the commands, on files ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The miniature in the authors' formats: TSV of objects, JSON of tasks, aggregated sentences, table of answers."""
    folder = tmp_path_factory.mktemp("files")
    rows = [tsv_row(image, objects) for image, objects in WORLD.pictures.items()]
    (folder / "obj.tsv").write_text("\n".join(rows) + "\n")
    for task in ("vqa", "gqa", "nlvr2"):
        write_entries(folder / f"{task}.json", WORLD.task(task).records)
    questions = WORLD.task("vqa").records
    pictures = [
        {
            "img_id": image,
            "sentf": {"vqa": [r.sent for r in questions if r.img_id == image]},
            "labelf": {"vqa": [r.label for r in questions if r.img_id == image]},
        }
        for image in WORLD.pictures
    ]
    (folder / "train.json").write_text(json.dumps(pictures))
    (folder / "all_ans.json").write_text(json.dumps([{"ans": a, "dsets": ["vqa"]} for a in WORLD.answers]))
    return folder


def tsv_row(image, o):
    arrays = o.object_ids, o.object_conf, o.attribute_ids, o.attribute_conf, o.boxes, o.features
    text = [base64.b64encode(np.ascontiguousarray(array).tobytes()).decode() for array in arrays]
    return "\t".join([image, str(o.height), str(o.width), *text[:4], str(len(o)), *text[4:]])


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    return code, capsys.readouterr().out


@pytest.mark.parametrize("task", ["vqa", "gqa", "nlvr2"])
def test_finetune_evaluate_and_predict_on_files(files, pretrained, tmp_path, capsys, task):
    source = "--data", files / f"{task}.json", "--features", files / "obj.tsv"
    start = "--weights", pretrained, "--out", tmp_path / "run", "--steps", 2, "--batch-size", 4, "--tiny"
    assert run(capsys, "finetune", task, *source, *start)[0] == 0
    code, out = run(capsys, "evaluate", task, *source, "--weights", tmp_path / "run")
    assert code == 0 and ("Accuracy" if task == "nlvr2" else "Overall") in out
    dump = tmp_path / "dump"
    assert run(capsys, "predict", task, *source, "--weights", tmp_path / "run", "--out", dump)[0] == 0
    count = len(load_task(task, [files / f"{task}.json"], WORLD.pictures))
    text = dump.read_text()
    assert len(text.splitlines() if task == "nlvr2" else json.loads(text)) == count


def test_evaluation_by_the_official_formula(pretrained, tmp_path, capsys):
    """All ten people give the answer that the model gives to the first question, and none that to the second."""
    objects = next(iter(WORLD.pictures.values()))
    (tmp_path / "obj.tsv").write_text(tsv_row("COCO_val2014_000000000042", objects) + "\n")
    asked = [{"question_id": n, "image_id": 42, "question": "what color is it ?"} for n in (1, 2)]
    (tmp_path / "q.json").write_text(json.dumps({"data_subtype": "val2014", "questions": asked}))
    source = "--data", tmp_path / "q.json", "--features", tmp_path / "obj.tsv", "--weights", pretrained
    assert run(capsys, "predict", "vqa", *source, "--out", tmp_path / "said.json")[0] == 0
    said = json.loads((tmp_path / "said.json").read_text())[0]["answer"]
    people = [
        {"question_id": n, "question_type": "what", "answer_type": "other", "answers": [{"answer": text}] * 10}
        for n, text in ((1, said), (2, f"not {said}"))
    ]
    (tmp_path / "a.json").write_text(json.dumps({"annotations": people}))
    assert run(capsys, "evaluate", "vqa", *source, "--official")[0] == 1
    assert run(capsys, "finetune", "vqa", *source, "--out", tmp_path / "run")[0] == 1  # nobody said what is right
    code, out = run(capsys, "evaluate", "vqa", *source, "--annotations", tmp_path / "a.json", "--official")
    assert code == 0 and re.search(r"Overall +50\.00%", out) and re.search(r"Other +50\.00%", out)


def test_pretraining_on_files(files, pretrained, tmp_path, capsys):
    source = "--data", files / "train.json", "--features", files / "obj.tsv", "--answers", files / "all_ans.json"
    start = "--weights", pretrained, "--out", tmp_path, "--steps", 2, "--batch-size", 4
    assert run(capsys, "pretrain", *source, *start)[0] == 0
    assert LxmertForPreTraining.from_pretrained(tmp_path).answers == WORLD.answers


@pytest.mark.parametrize("world", [True, False])
def test_pretraining_without_some_tasks(files, pretrained, tmp_path, capsys, monkeypatch, world):
    monkeypatch.setitem(RECIPES, "tiny", TINY)
    source = "--data", files / "train.json", "--features", files / "obj.tsv", "--answers", files / "all_ans.json"
    source = ("--world", "small", "--recipe", "tiny") if world else (*source, "--weights", pretrained)
    run_of = "--out", tmp_path, "--steps", 2, "--batch-size", 4, "--without", "questions", "--without", "labels"
    assert run(capsys, "pretrain", *source, *run_of)[0] == 0
    model = LxmertForPreTraining.from_pretrained(tmp_path)
    assert "answer" not in model.params and model.params["objects_head"].keys() == {"transform", "norm", "feat"}
    line = json.loads((next(tmp_path.rglob("log.jsonl"))).read_text().splitlines()[-1])
    assert not {"answer", "obj", "attr"} & line["losses"].keys() and len(line["losses"]) == 3


def test_the_commands_on_the_world(pretrained, tmp_path, capsys, monkeypatch):
    where = "--world", "small", "--scenes", 20
    steps = "--steps", 2, "--batch-size", 4
    code, out = run(capsys, "finetune", "questions", *where, "--weights", pretrained, "--out", tmp_path / "q", *steps)
    assert code == 0 and "LxmertForQuestionAnswering" in out
    again = "--weights", tmp_path / "q", "--foils", 0.5, "--out", tmp_path / "again", "--rate", 1e-9
    assert run(capsys, "pretrain", *where, *again, *steps)[0] == 0
    faces = LxmertForQuestionAnswering, LxmertForPreTraining
    before, after = (
        face.from_pretrained(tmp_path / name).params["cross"] for face, name in zip(faces, ("q", "again"), strict=True)
    )
    map_tree(lambda one, other: np.testing.assert_allclose(one, other, atol=1e-7), before, after)
    code, out = run(capsys, "evaluate", "gqa", *where, "--weights", tmp_path / "q", "--json", tmp_path / "figures.json")
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert code == 0 and "majority" in out and figures["GQA"]["Overall"][1] > 50
    foils = "evaluate", "foils", *where, "--weights", pretrained, "--json", tmp_path / "foils.json"
    assert run(capsys, *foils)[0] == 0 and "all" in json.loads((tmp_path / "foils.json").read_text())["foils"]
    monkeypatch.setattr(probing, "PERTURBED", 4)
    code, out = run(capsys, "evaluate", "relevance", *where, "--weights", tmp_path / "q")
    assert code == 0 and out.count(" / ") == 1 + 4 * 3 and "words, gqa" in out
    assert run(capsys, "finetune", "vqa", *where, "--out", tmp_path / "scratch", *steps)[0] == 0
    assert LxmertForQuestionAnswering.from_pretrained(tmp_path / "scratch").answers == WORLD.answers


EVERYTHING = [word for task in "words matching labels features questions".split() for word in ("--without", task)]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["finetune", "vqa", "--out", "x", "--weights", "y"], "--data"),
        (["pretrain", "--out", "x", "--data", "a", "--features", "b", "--answers", "c"], "--config"),
        (["finetune", "vqa", "--world", "small", "--out", "x", "--recipe", "cake"], "quick, full"),
        (["evaluate", "foils", "--weights", "x"], "--world"),
        (["pretrain", *"--world small --out x --without cake".split()], "words, matching"),
        (["pretrain", *"--world small --out x".split(), *EVERYTHING], "a task to be left"),
        (["evaluate", *"vqa --weights x --world small --annotations a".split()], "only VQA"),
        (["evaluate", "gqa", *"--weights x --data y --features z --official".split()], "only VQA"),
        (["evaluate", "foils", *"--weights x --world small --hidden words".split()], "foils"),
        (["predict", *"vqa --weights x --out y".split()], "--data"),
        (["evaluate", "gqa", *"--weights x --data y --features z --annotations a".split()], "only VQA"),
    ],
)
def test_a_missing_option_is_named(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1 and message in capsys.readouterr().err


def test_several_feature_files_are_one(files):
    with pytest.raises(ConfigError, match="vqa, gqa, nlvr2"):
        load_task("questions", [], {})
    assert "7" in Together([WORLD.pictures, {}]) and Together([{}, WORLD.pictures])["7"] is WORLD.pictures["7"]


def test_a_picture_of_two_feature_files_must_be_the_same(files, tmp_path):
    image, objects = next(iter(WORLD.pictures.items()))
    (tmp_path / "same.tsv").write_text(tsv_row(image, objects) + "\n")
    (tmp_path / "other.tsv").write_text(tsv_row(image, replace(objects, features=objects.features + 1)) + "\n")
    pictures = open_all([files / "obj.tsv", tmp_path / "same.tsv"])
    np.testing.assert_array_equal(pictures[image].features, objects.features)
    pictures = open_all([files / "obj.tsv", tmp_path / "other.tsv"])
    with pytest.raises(FeatureFileError, match=r"other\.tsv: image .*obj\.tsv"):
        pictures[image]


def test_several_scored_answers_and_none_at_all_can_be_predicted(pretrained):
    data, tokenizer = WORLD.task("vqa").cut(4), LxmertTokenizer.from_pretrained(pretrained)
    model = start_model(data, pretrained)
    expected = predict(model, tokenizer, data)
    for label in ({"yes": 1.0, "no": 0.3}, None):
        other = replace(data, records=[replace(record, label=label) for record in data.records])
        assert predict(model, tokenizer, other) == expected
    unlabelled = WORLD.task("nlvr2").cut(4)
    unlabelled = replace(unlabelled, records=[replace(record, label=None) for record in unlabelled.records])
    assert len(predict(start_model(unlabelled, pretrained), tokenizer, unlabelled)) == 4


def test_a_sighted_run_is_not_gone_on_with_blindly(pretrained, tmp_path):
    data, tokenizer = WORLD.task("vqa"), LxmertTokenizer.from_pretrained(pretrained)
    finetune(start_model(data, pretrained), data, tokenizer, tmp_path, Adam(1e-3, 2), 4)
    with pytest.raises(CheckpointError, match="batches"):
        finetune(start_model(data, pretrained), data, tokenizer, tmp_path, Adam(1e-3, 2), 4, hidden="objects")
    scratch = start_model(data, LxmertForPreTraining.from_pretrained(pretrained).config, WORLD.answers)
    with pytest.raises(CheckpointError, match="began_with"):
        finetune(scratch, data, tokenizer, tmp_path, Adam(1e-3, 2), 4)


def test_a_statement_about_two_scenes_needs_two():
    with pytest.raises(LanguageError, match="2 scenes"):
        explain("both pictures contain a triangle", WORLD.scenes[0])
