"""The command line, called as a person would, on the files that the repository ships."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import REFERENCE

import minilxmert
from minilxmert.cli import COMMANDS, main
from minilxmert.experiments import benchmark, speed

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "tests" / "sample"
ASK = ["answer", "--weights", str(WEIGHTS), "--features", str(WEIGHTS / "objects.tsv")]
QUESTION = "what color is the cup ?"


def run(capsys, *arguments):
    """(exit code, standard output, standard error) of a command."""
    code = main([str(a) for a in arguments])
    found = capsys.readouterr()
    return code, found.out, found.err


def test_answer_prints_the_top_answers(capsys):
    code, out, _ = run(capsys, *ASK, "--image", "kitchen", "--question", QUESTION)
    shares = [float(x) for x in re.findall(r"(\d+\.\d)%", out)]
    assert code == 0 and out.startswith(QUESTION) and len(shares) == 5
    assert shares == sorted(shares, reverse=True) and sum(shares) <= 100.1


def test_answers_equal_the_models_own(capsys):
    code, out, _ = run(capsys, *ASK, "--image", "garden", "--question", QUESTION, "--json", "--top", "3")
    row = json.loads(out)
    model = minilxmert.LxmertForQuestionAnswering.from_pretrained(WEIGHTS)
    words = minilxmert.LxmertTokenizer.from_pretrained(WEIGHTS)([QUESTION], return_tensors="np")
    with minilxmert.features.open_features(WEIGHTS / "objects.tsv") as file:
        objects = file["garden"]
    scores = model(**words, visual_feats=objects.features[None], visual_pos=objects.normalised_boxes[None])[0][0]
    p = np.exp(scores - scores.max())
    p /= p.sum()
    best = np.argsort(-p)[:3]
    assert code == 0 and [a["answer"] for a in row["answers"]] == [model.answers[i] for i in best]
    np.testing.assert_allclose([a["probability"] for a in row["answers"]], p[best], atol=1e-5)


def test_many_questions_with_progress(capsys, tmp_path):
    rows = [
        {"image": image, "question": QUESTION, "id": i} for i, image in enumerate(["kitchen", "garden", "street"] * 4)
    ]
    batch = tmp_path / "questions.jsonl"
    batch.write_text("\n".join(map(json.dumps, rows)) + "\n")
    code, out, err = run(capsys, *ASK, "--batch", batch, "--json", "--batch-size", "5")
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and [a["id"] for a in answers] == list(range(12)) and "12 of 12" in err
    one = json.loads(run(capsys, *ASK, "--image", "street", "--question", QUESTION, "--json")[1])
    found = [a["probability"] for a in answers[2]["answers"]]
    np.testing.assert_allclose(found, [a["probability"] for a in one["answers"]], atol=1e-5)  # company changes nothing
    batch.write_text("")
    code, out, err = run(capsys, *ASK, "--batch", batch)
    assert code == 1 and not out and "no question in" in err


MISTAKES = {
    "an unknown image": ([*ASK, "--image", "attic", "--question", QUESTION], "attic"),
    "no question": ([*ASK, "--image", "kitchen"], "--question"),
    "no weights": (["inspect", "nowhere.bin"], "nowhere.bin"),
    "not weights": (["inspect", str(WEIGHTS / "README.md")], "README.md"),
    "another vocabulary": (
        [*ASK, "--vocab", str(REFERENCE / "bert_uncased_vocab.txt"), "--image", "kitchen", "--question", QUESTION],
        "vocabulary",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_one_line_that_helps(capsys, name):
    arguments, message = MISTAKES[name]
    code, out, err = run(capsys, *arguments)
    assert code == 1 and not out and message in err and err.count("\n") == 1


def test_debug_shows_the_traceback():
    with pytest.raises(minilxmert.CheckpointError):
        main(["inspect", "nowhere.bin", "--debug"])


def test_convert_verify_inspect_export(capsys, tmp_path):
    ours = tmp_path / "ours"
    assert run(capsys, "convert", REFERENCE / "pytorch_model.bin", ours)[0] == 0
    code, out, _ = run(capsys, "verify", ours, "--against", REFERENCE)
    assert code == 0 and "DISAGREES" not in out and "loss/total" in out and "language_output" in out
    code, out, _ = run(capsys, "inspect", ours, "--json")
    about = json.loads(out)
    assert about["format"] == "minilxmert h5" and about["missing heads"] == ["reasoning"]
    assert about["parameters"] == sum(p for _, p in about["parts"].values()) == 217_245
    assert "total" in run(capsys, "inspect", ours)[1]
    assert run(capsys, "export", ours, tmp_path / "theirs")[0] == 0
    assert (tmp_path / "theirs" / "model.safetensors").exists()
    one, two = (minilxmert.LxmertForPreTraining.from_pretrained(p).state_dict() for p in (ours, tmp_path / "theirs"))
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_verify_finds_a_changed_weight(capsys, tmp_path):
    model = minilxmert.LxmertForPreTraining.from_pretrained(REFERENCE)
    model.params["language"]["1"]["ffn"]["outer"]["w"] = model.params["language"]["1"]["ffn"]["outer"]["w"] * 1.01
    model.save_pretrained(tmp_path)
    code, out, _ = run(capsys, "verify", tmp_path, "--against", REFERENCE)
    assert code == 1 and "DISAGREES" in out


def test_verify_published_refuses_another_model(capsys, tmp_path):
    config = minilxmert.LxmertConfig(
        vocab_size=7000, hidden_size=12, num_attention_heads=2, intermediate_size=8, l_layers=1, x_layers=1, r_layers=1
    )
    minilxmert.LxmertModel(config).save_pretrained(tmp_path)
    code, out, _ = run(capsys, "verify", tmp_path)
    assert code == 1 and out.count("DISAGREES") == 9
    code, _, err = run(capsys, "verify", WEIGHTS)
    assert code == 1 and "this is not the published model" in err


def test_convert_features(capsys, tmp_path):
    target = tmp_path / "objects.h5"
    assert run(capsys, "convert", WEIGHTS / "objects.tsv", target)[0] == 0
    ask = [*ASK[:4], target, "--image", "garden", "--question", QUESTION]
    assert run(capsys, *ask)[1] == run(capsys, *ASK, "--image", "garden", "--question", QUESTION)[1]


def test_a_failed_conversion_leaves_nothing(capsys, tmp_path):
    shutil.copy(REFERENCE / "pytorch_model.bin", tmp_path / "damaged.bin")
    with open(tmp_path / "damaged.bin", "r+b") as file:
        file.seek(100_000)
        file.write(b"damage")
    assert run(capsys, "convert", tmp_path / "damaged.bin", tmp_path / "out", "--heads", "4")[0] == 1
    assert not (tmp_path / "out").exists()


def test_bench_measures_every_backend(capsys, tmp_path, monkeypatch):
    """On little memory, for a moment, with one start beside the one that warms."""
    limits, start_up = benchmark.machine_limits, benchmark.start_up
    monkeypatch.setattr(benchmark, "machine_limits", lambda: limits(0.1, megabytes=8))
    monkeypatch.setattr(benchmark, "start_up", lambda *what: start_up(*what, runs=1))
    options = ["--small", "--no-peers", "--start", "--seconds", "0.1", "--batches", "1,2"]
    code, out, _ = run(capsys, "bench", *options, "--json", tmp_path / "figures.json")
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert code == 0 and figures["tokenizer"] > 0 and "minilxmert numba" in out
    wait, megabytes = figures["start"]["minilxmert"]
    assert wait > 0 and megabytes > 30 and figures["limits"]["GFLOP/s"] > 0
    assert all(ms > 0 for row in figures["milliseconds"].values() for ms in row.values())
    assert run(capsys, "bench", "--batches", "none")[0] == 1


def test_bench_of_a_training_step(capsys, tmp_path, monkeypatch):
    """With one thread: two processes."""
    monkeypatch.setattr(speed, "thread_counts", lambda: {1: "1 thread"})
    options = ["--training", "--no-peers", "--seconds", "0.1", "--json", tmp_path / "figures.json"]
    code, out, _ = run(capsys, "bench", *options)
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert code == 0 and "1 thread: ours" in out and figures["seconds"]["1"]["ours"] > 0
    peak, of_steps = figures["megabytes"]["ours"]
    assert peak > of_steps > 3  # megabytes; the gradients alone are 3.4


@pytest.mark.parametrize("command", [["answer"], ["show", "--out", "x.html"]])
def test_an_empty_question_is_refused(capsys, command):
    picture = ["--weights", ROOT / "weights", "--image", ROOT / "weights" / "scene.png"]
    code, _, err = run(capsys, *command, *picture, "--question", " ")
    assert code == 1 and "--question" in err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(capsys, command):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0 and len(capsys.readouterr().out) > 200


def test_without_a_command_it_helps(capsys):
    assert run(capsys)[0] == 0


def test_installed_script():
    """The console script and `python -m minilxmert` are the same program."""
    found = subprocess.run(
        [sys.executable, "-m", "minilxmert", "--version"], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == f"minilxmert {minilxmert.__version__}"


LITTLE = """import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv.pop(1)) << 20,) * 2)
from minilxmert.cli import main
sys.exit(main(sys.argv[1:]))"""


@pytest.mark.skipif(sys.platform != "linux", reason="a limit of the address space")
def test_numpy_computes_where_the_address_space_holds_no_numba():
    asked = ["answer", "--image", "weights/scene.png", "--question", "what color is the star ?"]
    told = subprocess.run([sys.executable, "-c", LITTLE, "400", *asked], capture_output=True, text=True, cwd=ROOT)
    assert told.returncode == 0 and "yellow" in told.stdout
    assert "NumPy computes" in told.stderr and told.stderr.count("\n") == 1


def test_no_memory_is_told_in_a_line(capsys, monkeypatch):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr("minilxmert.checkpoints.loading.summary", full)
    assert run(capsys, "inspect", WEIGHTS) == (1, "", "minilxmert inspect: no memory is left\n")


def test_output_into_a_closed_pipe():
    command = [sys.executable, "-m", "minilxmert", "inspect", str(WEIGHTS)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait() == 0


def test_a_missing_file_is_said_before_anything_is_drawn(capsys, tmp_path):
    """The source that is missing is named, never the target; weights are looked for before scenes are drawn."""
    missing = [
        "answer",
        "--features",
        "none.tsv",
        "--image",
        "a",
        "--question",
        "what ?",
        "--weights",
        str(ROOT / "weights"),
    ]
    for command in (missing, ["convert", "none.tsv", str(tmp_path / "out.h5")]):
        assert main(command) == 1
        assert "none.tsv: expected a readable file" in capsys.readouterr().err
    assert main(["evaluate", "vqa", "--world", "small", "--weights", "nowhere"]) == 1
    assert "scenes" not in (err := capsys.readouterr().err) and "nowhere" in err
