"""The benchmark compares only what computes the same."""

import numpy as np
import pytest

from minilxmert import LxmertConfig, LxmertForQuestionAnswering, MinilxmertError
from minilxmert.experiments import benchmark, peers, timing
from minilxmert.experiments.peers import Candidate

MODEL = LxmertForQuestionAnswering(LxmertConfig(**benchmark.SMALL), dtype="bfloat16")
CALL = benchmark.draw_batch(MODEL.config, 3, 12, 5, ragged=True)


def test_ragged_batches_hold_sentences_of_many_lengths():
    assert CALL["attention_mask"].sum(1).tolist() == [8, 10, 12]
    assert benchmark.draw_batch(MODEL.config, 3, 12, 5)["attention_mask"].all()


def test_candidates_that_disagree_are_left_out_by_name():
    ours, lines = benchmark.our_candidates(MODEL), []
    exact = ours["minilxmert numpy"].run
    peers = {
        "right": Candidate(lambda call: exact(call) + 5e-4),
        "wrong": Candidate(lambda call: exact(call) + 2e-3),
        "lost": Candidate(lambda call: exact(call) * np.nan),
        "rounded bfloat16": Candidate(lambda call: exact(call) * 1.04, "bfloat16"),
        "wrong bfloat16": Candidate(lambda call: exact(call) * 1.06, "bfloat16"),
    }
    found = benchmark.keep_agreeing(ours | peers, CALL, lines.append)
    assert set(found) == {*ours, "right", "rounded bfloat16"} and len(ours) == 3
    for name in ("wrong", "lost", "wrong bfloat16"):
        assert any(line.startswith(f"{name}: left out") for line in lines)


def test_ours_must_agree():
    ours = benchmark.our_candidates(MODEL)
    exact = ours["minilxmert numpy"].run
    ours["minilxmert numba"] = Candidate(lambda call: exact(call) + 0.01)
    with pytest.raises(MinilxmertError, match="numba differs"):
        benchmark.keep_agreeing(ours, CALL, print)


def test_the_work_of_a_batch_is_that_of_its_words():
    one, all_ = (benchmark.needed_gflop(MODEL.config, 20 * b, 36 * b, b) for b in (1, 7))
    assert all_ == pytest.approx(7 * one)
    assert benchmark.needed_gflop(LxmertConfig(), 20, 36) == pytest.approx(9.63, abs=0.01)


class Clock:
    """A machine's time, on which `spin` keeps a thread busy from now on for some seconds."""

    now = until = used = 0.0

    def spin(self, seconds):
        self.until = self.now + seconds

    def sleep(self, seconds):
        self.used += max(0.0, min(self.until - self.now, seconds))
        self.now += seconds

    def perf_counter(self):
        return self.now

    def process_time(self):
        return self.used


def test_no_run_begins_while_threads_of_the_one_before_it_spin(monkeypatch):
    clock, begun, lines = Clock(), [], []
    monkeypatch.setattr(timing, "time", clock)
    runs = {"peer": lambda: clock.spin(0.15), "ours": lambda: begun.append(clock.now >= clock.until)}
    timing.time_in_turns(runs, 0, least=2, report=lines.append)
    assert begun[1:] == [True, True] and not lines  # the first calls are not measured


def test_whoever_never_stops_is_named_once(monkeypatch):
    clock, lines = Clock(), []
    monkeypatch.setattr(timing, "time", clock)
    runs = {"peer": lambda: clock.spin(1e9), "ours": lambda: clock.spin(0)}
    timing.time_in_turns(runs, 0, least=3, report=lines.append)
    assert lines == ["peer: its threads still use the processor 2 s after an answer"]


def test_a_row_says_in_which_precision_it_computes(monkeypatch):
    monkeypatch.setattr("minilxmert.kernels.cpu.bfloat16_name", lambda: "widened")
    found = {name: candidate.precision for name, candidate in benchmark.our_candidates(MODEL).items()}
    assert found["minilxmert bfloat16"] == "float32, weights rounded" and found["minilxmert numba"] == "float32"
    monkeypatch.setattr("minilxmert.kernels.cpu.bfloat16_name", lambda: "amx")
    assert benchmark.our_candidates(MODEL)["minilxmert bfloat16"].precision == "bfloat16"


@pytest.mark.reference
def test_no_part_of_an_exported_peer_is_in_training_mode():
    assert not any(part.training for part in peers.positional(peers.transformers_model(MODEL), CALL).modules())


@pytest.mark.reference
@pytest.mark.parametrize("exporter", ["onnx_runtime", "openvino"])
def test_a_peer_that_is_exported_computes_without_dropout(exporter):
    pytest.importorskip("onnxruntime" if exporter == "onnx_runtime" else exporter)
    theirs = peers.transformers_model(MODEL)
    more = () if exporter == "onnx_runtime" else ("f32",)
    candidate = getattr(peers, exporter)(theirs, CALL, *more)
    np.testing.assert_allclose(candidate.run(CALL), peers.eager(theirs).run(CALL), atol=1e-4)
