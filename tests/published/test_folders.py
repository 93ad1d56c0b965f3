"""A model's folder: one model in it, the last one saved; nothing stale beside it, nothing half after a kill."""

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from conftest import REFERENCE, check_mutants
from test_loading import SMALL, same

import minilxmert
from minilxmert import (
    CheckpointError,
    LxmertConfig,
    LxmertForQuestionAnswering,
    LxmertModel,
    LxmertTokenizer,
    MinilxmertError,
)
from minilxmert.ask import ask, look
from minilxmert.checkpoints.safetensors import write_safetensors
from minilxmert.checkpoints.weights import find_weights, is_ours
from minilxmert.cli import main
from minilxmert.experiments.easy_vqa import add_words
from minilxmert.files.saving import replace_files

WEIGHTS = Path(__file__).parents[2] / "weights"
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"word{number}" for number in range(15))]


@pytest.fixture(autouse=True)
def plain():
    """Nothing here is about kernels: none are compiled."""
    with minilxmert.backend("numpy"):
        yield


def made(seed=0, answers=None, **changes):
    model = LxmertForQuestionAnswering(SMALL.replace(**changes), seed)
    model.answers = answers
    return model


def loads(folder):
    return LxmertForQuestionAnswering.from_pretrained(folder)


def foreign(path, seed):
    """A weight file as others write it, with its config."""
    write_safetensors(path, made(seed).state_dict(), {"format": "pt"})
    SMALL.save_pretrained(path.parent)
    return path


@pytest.mark.parametrize("formats", [("h5", "safetensors"), ("safetensors", "h5"), ("h5", "h5")])
def test_what_was_saved_last_is_loaded(tmp_path, formats):
    models = made(1), made(2)
    for model, format in zip(models, formats, strict=True):
        model.save_pretrained(tmp_path, format)
    assert same(loads(tmp_path).state_dict(), models[1].state_dict())
    assert len([file for file in tmp_path.iterdir() if file.name.startswith("model.")]) == 1


SHARDS = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


def save_shards(folder, seed, index="model.safetensors.index.json", shards=SHARDS):
    arrays = list(made(seed).state_dict().items())
    parts = dict(zip(shards, (dict(arrays[::2]), dict(arrays[1::2])), strict=True))
    for shard, part in parts.items():
        write_safetensors(folder / shard, part, {"format": "pt"})
    places = {name: shard for shard, part in parts.items() for name in part}
    (folder / index).write_text(json.dumps({"weight_map": places}))
    SMALL.save_pretrained(folder)
    return folder / index


@pytest.mark.parametrize("kind", ["safetensors", "bin", "keras", "pth", "index"])
@pytest.mark.parametrize("order", [1, -1])
def test_two_kinds_of_weights_of_two_models_are_refused(tmp_path, kind, order):
    """Whatever their dates say: a copy or a clone gives files new ones."""
    model = made(1)
    files = [model.save_pretrained(tmp_path)]
    if kind == "index":
        files.append(save_shards(tmp_path, 2))
    else:
        names = {"bin": "pytorch_model.bin", "keras": "tf_model.h5", "pth": "BEST.pth"}
        files.append(foreign(tmp_path / names.get(kind, "model.safetensors"), 2))  # bytes tell the format, not the name
    for age, file in enumerate(files[::order]):
        os.utime(file, (age, age))
    with pytest.raises(CheckpointError) as refused:
        loads(tmp_path)
    assert all(file.name in str(refused.value) for file in files)
    for file, seed in zip(files, (1, 2), strict=True):
        assert same(loads(file).state_dict(), made(seed).state_dict())  # the one that was meant


def test_the_same_numbers_twice_are_one_model(tmp_path):
    made(1).save_pretrained(tmp_path)
    foreign(tmp_path / "model.safetensors", 1)
    save_shards(tmp_path, 1, "pytorch_model.bin.index.json", ["a.safetensors", "b.safetensors"])
    assert find_weights(tmp_path) == tmp_path / "model.h5"
    assert find_weights(REFERENCE) == REFERENCE / "pytorch_model.bin"  # beside a tf_model.h5


def test_snapshots_are_refused_by_name(tmp_path):
    for epoch in (1, 2, 20):
        (tmp_path / f"Epoch{epoch:02d}_LXRT.pth").write_bytes(b"x")
    with pytest.raises(CheckpointError, match=r"Epoch01_LXRT\.pth and Epoch02_LXRT\.pth.*Epoch20"):
        find_weights(tmp_path)


def test_what_counts_as_weights(tmp_path):
    """Not what transformers' Trainer keeps beside them, nor folders; but every .pth, and shards of Keras."""
    file = foreign(tmp_path / "model.safetensors", 1)
    (tmp_path / "rng_state.pth").write_bytes(b"x")
    (tmp_path / "rng_state_0.pth").write_bytes(b"x")
    (tmp_path / "Epoch01_LXRT.pth").mkdir()
    assert find_weights(tmp_path) == file
    for name in ("Epoch02_LXRT.PTH", "tf_model.h5.index.json"):
        (tmp_path / name).write_text('{"weight_map": {"x:0": "tf_model-00001-of-00001.h5"}}')
        (tmp_path / "tf_model-00001-of-00001.h5").write_bytes((REFERENCE / "tf_model.h5").read_bytes())
        with pytest.raises(CheckpointError, match=f"found model.safetensors and {name}"):
            find_weights(tmp_path)
        (tmp_path / name).unlink()


def test_what_was_not_fetched_is_no_model(tmp_path):
    foreign(tmp_path / "model.safetensors", 1)
    (tmp_path / "tf_model.h5").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n")
    assert same(loads(tmp_path).state_dict(), made(1).state_dict())
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="Git LFS"):
        loads(tmp_path)


def test_an_index_whose_shards_are_gone(tmp_path):
    """transformers removes the shards of an earlier saving, but not their index."""
    save_shards(tmp_path, 1)
    foreign(tmp_path / "model.safetensors", 2)
    with pytest.raises(CheckpointError, match="index"):
        loads(tmp_path)
    for shard in SHARDS:
        (tmp_path / shard).unlink()
    assert same(loads(tmp_path).state_dict(), made(2).state_dict())
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="00001-of-00002"):
        loads(tmp_path)


@pytest.mark.parametrize("format", ["h5", "safetensors"])
@pytest.mark.parametrize("name", ["model.h5", "model.safetensors", "pytorch_model.bin", "tf_model.h5", "LAST.pth"])
def test_weights_of_others_stay(tmp_path, format, name):
    before = foreign(tmp_path / name, 1).read_bytes()
    config = (tmp_path / "config.json").read_bytes()
    with pytest.raises(CheckpointError, match=f"replace=True.*{name}"):
        made(2).save_pretrained(tmp_path, format)
    assert (tmp_path / name).read_bytes() == before and (tmp_path / "config.json").read_bytes() == config
    made(2).save_pretrained(tmp_path, format, replace=True)
    assert same(loads(tmp_path).state_dict(), made(2).state_dict())
    save_shards(tmp_path, 1)
    with pytest.raises(CheckpointError, match="index"):
        made(3).save_pretrained(tmp_path, format)
    made(3).save_pretrained(tmp_path, format, replace=True)
    assert same(loads(tmp_path).state_dict(), made(3).state_dict()) and len(list(tmp_path.iterdir())) == 2


def test_whose_file_is_it(tmp_path):
    for format in ("h5", "safetensors"):
        assert is_ours(made().save_pretrained(tmp_path / format, format))
    for file in ("pytorch_model.bin", "tf_model.h5", "v5/model.safetensors", "config.json"):
        assert not is_ours(REFERENCE / file)


# --- lists


@pytest.mark.parametrize("face", [LxmertForQuestionAnswering, LxmertModel])
@pytest.mark.parametrize("count", [5, 3])
def test_no_answers_of_another_model(tmp_path, face, count):
    made(1, list("abcde")).save_pretrained(tmp_path)
    other = face(LxmertConfig.from_pretrained(tmp_path).replace(num_qa_labels=count), seed=2)
    other.save_pretrained(tmp_path)
    assert face.from_pretrained(tmp_path).answers is None


@pytest.mark.parametrize("format", ["h5", "safetensors"])
def test_lists_travel_with_the_weights(tmp_path, format):
    model, tokenizer = made(1, list("abcde")), LxmertTokenizer(WORDS)
    path = model.save_pretrained(tmp_path / "all", format, tokenizer=tokenizer)
    alone = tmp_path / "alone" / path.name
    alone.parent.mkdir()
    shutil.copy(path, alone)
    found = LxmertForQuestionAnswering.from_pretrained(alone, num_attention_heads=3)
    assert found.answers == list("abcde") and found.tokens == WORDS
    assert LxmertTokenizer.from_pretrained(tmp_path / "all").tokens == WORDS
    table = LxmertConfig.from_pretrained(tmp_path / "all").id2label
    assert table == dict(enumerate("abcde"))


DIFFERENT = {
    "answers.json": json.dumps(list("abXde")), "vocab.txt": "\n".join([*WORDS[:-1], "other"]),
    "config.json": None,
}  # fmt: skip


@pytest.mark.parametrize("format", ["h5", "safetensors"])
@pytest.mark.parametrize("name", DIFFERENT)
def test_what_differs_in_one_folder_is_refused(tmp_path, format, name):
    model = made(1, list("abcde"))
    path = model.save_pretrained(tmp_path, format, tokenizer=LxmertTokenizer(WORDS))
    config = json.loads((tmp_path / "config.json").read_text())
    config["id2label"]["2"] = "X"
    (tmp_path / name).write_text(DIFFERENT[name] or json.dumps(config))
    with pytest.raises(MinilxmertError, match=name.replace(".", r"\.")) as refused:
        loads(tmp_path)
    assert ("tokenizer.json" if name == "vocab.txt" else path.name) in str(refused.value)
    assert "token 19: 'other' here" in str(refused.value) or "answer 2: 'X' here, 'c' there" in str(refused.value)
    model.save_pretrained(tmp_path, format, tokenizer=LxmertTokenizer(WORDS))  # all of them anew
    assert loads(tmp_path).answers == list("abcde")


def test_a_config_that_differs_is_refused(tmp_path):
    made(1).save_pretrained(tmp_path)
    config = SMALL.replace(num_attention_heads=2)
    config.save_pretrained(tmp_path)
    with pytest.raises(MinilxmertError, match=r"config\.json: num_attention_heads: expected 3, as in model\.h5"):
        loads(tmp_path)
    assert LxmertForQuestionAnswering.from_pretrained(tmp_path, config).config == config


@pytest.mark.parametrize("format", ["h5", "safetensors"])
def test_another_list_is_refused(tmp_path, format):
    made(1, list("abcde")).save_pretrained(tmp_path, format, tokenizer=LxmertTokenizer(WORDS))
    assert LxmertForQuestionAnswering.from_pretrained(tmp_path, answers=tuple("abcde")).answers == list("abcde")
    with pytest.raises(MinilxmertError, match="answer 0: 'b' here, 'a' there"):
        LxmertForQuestionAnswering.from_pretrained(tmp_path, answers=list("bacde"))
    model = loads(tmp_path)
    with pytest.raises(MinilxmertError, match="token 5: 'word1' here, 'word0' there"):
        model.take_tokens([*WORDS[:5], WORDS[6], WORDS[5], *WORDS[7:]])
    with pytest.raises(MinilxmertError, match="token 19: none here"):
        model.take_tokens(WORDS[:-1])
    model.take_tokens(list(WORDS))


def test_a_list_that_was_lacking_is_taken_and_kept(tmp_path):
    path = foreign(tmp_path / "theirs" / "model.safetensors", 1) if (tmp_path / "theirs").mkdir() is None else None
    with pytest.warns(UserWarning, match=r"model\.safetensors has no list of answers: it takes the given list, of 5"):
        model = LxmertForQuestionAnswering.from_pretrained(path, answers=list("abcde"))
    with pytest.warns(UserWarning, match=r"has no vocabulary: it takes the vocabulary, of 20"):
        model.take_tokens(WORDS)
    model.save_pretrained(tmp_path / "ours")
    again = loads(tmp_path / "ours")
    assert again.answers == list("abcde") and again.tokens == WORDS


def test_no_vocabulary_of_another_model(tmp_path):
    made(1).save_pretrained(tmp_path, tokenizer=LxmertTokenizer(WORDS))
    (tmp_path / "special_tokens_map.json").write_text("{}")  # as older ones wrote it
    other = made(2)
    other.take_tokens([*WORDS[:-1], "other"])
    with pytest.raises(MinilxmertError, match="token 19: 'word14' here, 'other' there"):
        other.save_pretrained(tmp_path)
    assert same(loads(tmp_path).state_dict(), made(1).state_dict())
    other.save_pretrained(tmp_path, replace=True)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["config.json", "model.h5"]
    assert loads(tmp_path).tokens[-1] == "other"
    made(3).save_pretrained(tmp_path, tokenizer=LxmertTokenizer(WORDS))
    loads(tmp_path).save_pretrained(tmp_path)  # what is its own stays
    assert LxmertTokenizer.from_pretrained(tmp_path).tokens == loads(tmp_path).tokens == WORDS


def test_ask_knows_its_own_vocabulary(tmp_path):
    model, objects = made(1, list("abcde"), visual_feat_dim=144), [look(WEIGHTS / "scene.png")]
    path = model.save_pretrained(tmp_path, tokenizer=LxmertTokenizer(WORDS))
    model = LxmertForQuestionAnswering.from_pretrained(path)
    assert len(ask(model, LxmertTokenizer(WORDS), ["word1 ?"], objects)[0]) == 5
    with pytest.raises(MinilxmertError, match=r"other tokens than .*model\.h5: token 5: 'word1' here, 'word0' there"):
        ask(model, LxmertTokenizer([*WORDS[:5], *WORDS[6:], WORDS[5]]), ["?"], objects)


def asked(weights, *more):
    question = ["--image", str(WEIGHTS / "scene.png"), "--question", "what color is the star ?", "--json"]
    return main(["answer", "--weights", str(weights), *question, *map(str, more)])


def test_the_commands_know_their_own_lists(tmp_path, capsys):
    own = json.loads((WEIGHTS / "answers.json").read_text())
    lists = {"same": own, "turned": own[1:] + own[:1]}
    for name, texts in lists.items():
        (tmp_path / name).write_text(json.dumps(texts))
    tokens = (WEIGHTS / "vocab.txt").read_text().split()
    (tmp_path / "vocab").write_text("\n".join([*tokens[:-2], tokens[-1], tokens[-2]]))
    assert asked(WEIGHTS, "--answers", tmp_path / "same") == 0
    first = json.loads(capsys.readouterr().out)
    assert asked(WEIGHTS, "--answers", tmp_path / "turned") == 1
    assert f"answer 0: {own[1]!r} here, {own[0]!r} there" in capsys.readouterr().err
    assert asked(WEIGHTS, "--vocab", tmp_path / "vocab") == 1
    assert f"token {len(tokens) - 2}: {tokens[-1]!r} here" in capsys.readouterr().err
    for command in (["export"], ["convert"], ["export", "--format", "h5"]):
        to = [command[0], str(WEIGHTS), str(tmp_path / "out"), *command[1:], "--answers"]
        assert main([*to, str(tmp_path / "turned")]) == 1 and not (tmp_path / "out").exists()
        capsys.readouterr()
    assert main(["export", str(WEIGHTS / "model.h5"), str(tmp_path / "out")]) == 0  # a file: what is beside it, too
    assert main(["convert", str(tmp_path / "out"), str(tmp_path / "back")]) == 0
    (tmp_path / "back" / "answers.json").unlink()
    (tmp_path / "back" / "config.json").unlink()
    capsys.readouterr()
    assert asked(tmp_path / "back") == 0 and json.loads(capsys.readouterr().out) == first


def test_a_list_that_is_taken_is_told_in_a_line(tmp_path, capsys):
    foreign(tmp_path / "model.safetensors", 1)
    (tmp_path / "given").write_text(json.dumps(list("abcde")))
    export = ["export", str(tmp_path), str(tmp_path / "out"), "--answers", str(tmp_path / "given")]
    assert main(export) == 0
    told = capsys.readouterr().err.splitlines()
    assert told == [f"note: {tmp_path}/model.safetensors has no list of answers: it takes {tmp_path}/given, of 5"]
    assert main(export) == 0 and loads(tmp_path / "out").answers == list("abcde")
    assert main([*export[:1], str(tmp_path), str(tmp_path)]) == 1 and "--replace" in capsys.readouterr().err
    assert main([*export[:1], str(tmp_path), str(tmp_path), "--replace"]) == 0
    assert is_ours(tmp_path / "model.safetensors")


def test_a_word_table_rounded_up(tmp_path):
    """More rows than words, a multiple of eight say, are no fault; fewer are one."""
    model = made(1, list("abcde"), vocab_size=24)
    model.save_pretrained(tmp_path, tokenizer=LxmertTokenizer(WORDS))
    assert loads(tmp_path).tokens == WORDS
    tokenizer = add_words(model, LxmertTokenizer(WORDS), ["zebra"])
    rows = model.params["embeddings"]["word"]["w"]
    assert tokenizer.tokens == [*WORDS, "zebra"] and len(rows) == model.config.vocab_size == 21 and rows[20].any()
    small = made(1, vocab_size=19)
    with pytest.raises(MinilxmertError, match="at most 19 tokens"):
        small.take_tokens(WORDS)


# --- config.json


@pytest.mark.parametrize("format", ["h5", "safetensors"])
def test_unknown_keys_survive(tmp_path, format):
    table = {"id2label": {"0": "no", "1": "yes", "2": "?"}, "label2id": {"no": 0, "yes": 1, "?": 2}}
    more = {"_name_or_path": "somewhere", "transformers_version": "4.30.0", "our_own": {"deep": [1, None]}}
    (tmp_path / "config.json").write_text(json.dumps({**SMALL.to_dict(), **table, **more}))
    write_safetensors(tmp_path / "model.safetensors", made(1).state_dict(), {"format": "pt"})
    first = tmp_path
    for folder in (tmp_path / "a", tmp_path / "b"):
        model = loads(first)
        assert model.config.num_labels == 3 and model.config.id2label[1] == "yes" and model.config.num_qa_labels == 5
        assert model.answers is None  # three labels are no names of five answers
        model.save_pretrained(folder, format)
        saved = json.loads((folder / "config.json").read_text())
        assert {name: saved[name] for name in (*table, *more)} == {**table, **more}
        first = folder


def test_labels_as_published():
    assert LxmertConfig().num_labels == 2 and LxmertConfig().id2label == {0: "LABEL_0", 1: "LABEL_1"}
    config = LxmertConfig(num_labels=3)
    assert config.id2label[2] == "LABEL_2" and config.label2id["LABEL_1"] == 1 and config.num_qa_labels == 9500
    assert config.replace(num_labels=4).num_labels == 4 and config.replace(num_qa_labels=7).num_labels == 3
    assert LxmertConfig(id2label={"0": "a"}, num_labels=2).num_labels == 1
    assert "id2label" not in LxmertConfig().to_dict() and LxmertConfig.from_dict(config.to_dict()).num_labels == 3
    for labels in ([1], {"one": "a"}, {"0": 1}, {"9" * 5000: "a"}):
        with pytest.raises(MinilxmertError, match="id2label"):
            LxmertConfig(id2label=labels)


@pytest.mark.parametrize("count", [60, pytest.param(4000, marks=pytest.mark.nightly)])  # their readers alone have more
@pytest.mark.parametrize("name", ["model.h5", "model.safetensors", "config.json", "model.safetensors.index.json"])
def test_damaged_files_of_a_folder(tmp_path, name, count):
    """Mutants of the headers, where lists and names are, among them."""
    model = made(1, list("abcde"), l_layers=0, x_layers=0, r_layers=0)
    model.config = model.config.replace(others={"our_own": {"deep": [1, None]}}, num_labels=3)
    model.save_pretrained(tmp_path, "h5" if name == "model.h5" else "safetensors", tokenizer=LxmertTokenizer(WORDS))
    if "index" in name:
        (tmp_path / "model.safetensors").unlink()
        save_shards(tmp_path, 1)
    else:
        count //= 4  # the readers of these have more where they are tested alone
    check_mutants((tmp_path / name).read_bytes(), lambda _: loads(tmp_path), tmp_path / name, count, seed=5)


# --- kills


def versions():
    """Two models that differ in everything, and the files of each."""
    few = {"l_layers": 1, "x_layers": 1, "r_layers": 0}
    one, other = made(1, list("abcde"), **few), made(2, list("fghijk"), **few, num_qa_labels=6, layer_norm_eps=1e-6)
    return [(one, LxmertTokenizer(WORDS)), (other, LxmertTokenizer([*WORDS[:-1], "last"]))]


def killed_at(count, action):
    """Run an action in a child process that dies, without any cleaning up, before its `count`-th change of a file.

    -> whether it died"""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    left, changes = count, ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod")

    def hook(event, told):
        nonlocal left
        if event in changes or (event == "open" and told[2] & (os.O_WRONLY | os.O_RDWR)):
            left -= 1
            if left < 0:
                os._exit(9)

    try:
        sys.addaudithook(hook)
        action()
        os._exit(0)
    finally:
        os._exit(1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(
    "formats",
    [
        ("h5", "safetensors"),
        pytest.param(("h5", "h5"), marks=pytest.mark.nightly),
        pytest.param(("safetensors", "h5"), marks=pytest.mark.nightly),
    ],
)
def test_a_kill_at_any_step_leaves_the_old_or_the_new(tmp_path, formats):
    (old, old_words), (new, new_words) = versions()
    old.save_pretrained(tmp_path / "old", formats[0], tokenizer=old_words)
    decided, died, folder = [], True, tmp_path / "model"
    while died:
        shutil.copytree(tmp_path / "old", folder)
        died = killed_at(len(decided), lambda: new.save_pretrained(folder, formats[1], tokenizer=new_words))
        tokens, found = LxmertTokenizer.from_pretrained(folder).tokens, loads(folder)
        wanted, words = (new, new_words) if found.answers == new.answers else (old, old_words)
        assert same(found.state_dict(), wanted.state_dict()) and tokens == found.tokens == words.tokens
        assert found.answers == wanted.answers and found.config == wanted.config
        if len(decided) % 8 == 0:  # what was left is swept
            new.save_pretrained(folder, formats[0], tokenizer=new_words)
            assert not [file for file in folder.iterdir() if file.name.startswith(".") or "tmp" in file.name]
        decided.append(wanted is new)
        shutil.rmtree(folder)
    assert decided == sorted(decided) and 10 < len(decided) < 200 and 5 < sum(decided) < len(decided)


CONVERTING = """
import random, sys
from minilxmert.cli import main
while True:
    assert main([random.choice(("convert", "export")), random.choice(sys.argv[1:3]), sys.argv[3]]) == 0"""
SAVING = """
import random, sys
from minilxmert import LxmertForQuestionAnswering, LxmertTokenizer
load = lambda path: (LxmertForQuestionAnswering.from_pretrained(path), LxmertTokenizer.from_pretrained(path))
pairs = [load(path) for path in sys.argv[1:3]]
while True:
    model, words = random.choice(pairs)
    model.save_pretrained(sys.argv[3], random.choice(("h5", "safetensors")), tokenizer=words)
    print(end=".", flush=True)"""


@pytest.mark.nightly
@pytest.mark.skipif(os.name != "posix", reason="kills with a POSIX signal")
@pytest.mark.parametrize("script", [CONVERTING, SAVING], ids=["converting", "saving"])
def test_a_hundred_and_fifty_kills(tmp_path, script):
    """Two models written into one folder in turn, by a process killed at random: it holds one of them, whole."""
    models, rng = versions(), np.random.default_rng(0)
    for name, (model, words) in zip(("one", "other"), models, strict=True):
        model.save_pretrained(tmp_path / name, tokenizer=words)
    folders = [str(tmp_path / name) for name in ("one", "other", "out")]
    found = set()
    for _ in range(150):
        writer = subprocess.Popen([sys.executable, "-c", script, *folders], stdout=subprocess.PIPE)
        writer.stdout.read(1)  # it is at work
        with pytest.raises(subprocess.TimeoutExpired):
            writer.wait(rng.random() / 4)
        writer.kill()
        writer.communicate()
        tokens, back = LxmertTokenizer.from_pretrained(tmp_path / "out").tokens, loads(tmp_path / "out")
        (model, words), *_ = [pair for pair in models if pair[0].answers == back.answers]
        assert same(back.state_dict(), model.state_dict()) and tokens == back.tokens == words.tokens
        found.add((back.answers[0], back.load_report.path.suffix))
    assert len(found) == 4
    models[0][0].save_pretrained(tmp_path / "out", "h5", tokenizer=models[0][1])  # sweeps what was left
    left = {file.name for file in (tmp_path / "out").iterdir()}
    assert left == {"model.h5", "config.json", "answers.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json"}


def test_a_failed_saving_changes_nothing(tmp_path):
    made(1, list("abcde")).save_pretrained(tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    broken = made(2)
    broken.params["pooler"]["w"][0, 0] = np.nan
    with pytest.raises(CheckpointError, match="finite"):
        broken.save_pretrained(tmp_path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    (tmp_path / "config.json").unlink()
    (tmp_path / "config.json").symlink_to(tmp_path / "answers.json")
    with pytest.raises(MinilxmertError, match=r"config\.json: expected a plain file to replace, found a link"):
        made(2).save_pretrained(tmp_path)
    assert (tmp_path / "answers.json").read_bytes() == before["answers.json"]


@pytest.mark.skipif(os.name != "posix", reason="needs the rights of POSIX")
def test_rights_stay(tmp_path):
    path = made(1).save_pretrained(tmp_path)
    path.chmod(0o600)
    made(2).save_pretrained(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_threads_that_save_into_one_folder(tmp_path):
    """Nobody fails: what one finds decided, another may be finishing."""
    faults = []

    def save(text):
        try:
            for _ in range(40):
                with replace_files(tmp_path) as folder:
                    for name in "abcdef":
                        (folder / name).write_text(text)
        except Exception as problem:
            faults.append(repr(problem))

    threads = [threading.Thread(target=save, args=(text,)) for text in ("one", "two", "three", "four")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults and len({file.read_text() for file in tmp_path.iterdir()}) == 1


def test_two_savings_at_once(tmp_path):
    """Each wins or loses as a whole."""
    with replace_files(tmp_path) as one:
        (one / "a").write_text("one")
        with replace_files(tmp_path) as other:
            for name in "ab":
                (other / name).write_text("other")
        (one / "b").write_text("one")
    assert [(tmp_path / name).read_text() for name in "ab"] == ["one", "one"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a", "b"]
