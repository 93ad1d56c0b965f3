"""The benchmark compares only what computes the same."""

import numpy as np
import pytest

from minilxmert import LxmertConfig, LxmertForQuestionAnswering, MinilxmertError, benchmark

MODEL = LxmertForQuestionAnswering(LxmertConfig(**benchmark.SMALL), dtype="bfloat16")
CALL = benchmark.draw_batch(MODEL.config, 3, 12, 5, ragged=True)


def test_ragged_batches_hold_sentences_of_many_lengths():
    assert CALL["attention_mask"].sum(1).tolist() == [8, 10, 12]
    assert benchmark.draw_batch(MODEL.config, 3, 12, 5)["attention_mask"].all()


def test_candidates_that_disagree_are_left_out_by_name():
    ours, lines = benchmark.our_candidates(MODEL), []
    peers = {
        "right": lambda call: ours["minilxmert numpy"](call) + 5e-4,
        "wrong": lambda call: ours["minilxmert numpy"](call) + 2e-3,
        "lost": lambda call: ours["minilxmert numpy"](call) * np.nan,
        "rounded bfloat16": lambda call: ours["minilxmert numpy"](call) * 1.04,
        "wrong bfloat16": lambda call: ours["minilxmert numpy"](call) * 1.06,
    }
    found = benchmark.agreeing(ours | peers, CALL, lines.append)
    assert set(found) == {*ours, "right", "rounded bfloat16"} and len(ours) == 3
    for name in ("wrong", "lost", "wrong bfloat16"):
        assert any(line.startswith(f"{name}: left out") for line in lines)


def test_ours_must_agree():
    ours = benchmark.our_candidates(MODEL)
    ours["minilxmert numba"] = lambda call: ours["minilxmert numpy"](call) + 0.01
    with pytest.raises(MinilxmertError, match="numba differs"):
        benchmark.agreeing(ours, CALL, print)


def test_the_work_of_a_batch_is_that_of_its_words():
    one, all_ = (benchmark.needed_gflop(MODEL.config, 20 * b, 36 * b, b) for b in (1, 7))
    assert all_ == pytest.approx(7 * one)
    assert benchmark.needed_gflop(LxmertConfig(), 20, 36) == pytest.approx(9.63, abs=0.01)
