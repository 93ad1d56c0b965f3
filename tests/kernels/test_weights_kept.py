"""Packed copies belong to one model: a written weight is seen, a copy of a model computes what the model computes."""

import copy
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from minilxmert import LxmertConfig, LxmertForPreTraining, LxmertForQuestionAnswering, backend, current_backend
from minilxmert.core.params import flatten
from minilxmert.experiments.benchmark import draw_batch
from minilxmert.kernels import packing, threads
from minilxmert.kernels.memory import KEPT, Memory
from minilxmert.kernels.packing import Layer
from minilxmert.kernels.threads import Kernel

CONFIG = LxmertConfig(
    vocab_size=60, hidden_size=64, num_attention_heads=2, intermediate_size=96, num_qa_labels=7, l_layers=1,
    x_layers=2, r_layers=1, visual_feat_dim=24,
)  # fmt: skip
DTYPES = pytest.mark.parametrize("dtype", ["float32", "bfloat16"])


@pytest.fixture
def call():
    rng = np.random.default_rng(0)
    boxes = np.tile(np.array([0.1, 0.1, 0.5, 0.5], np.float32), (2, 5, 1))
    feats = rng.standard_normal((2, 5, 24), np.float32)
    return {"input_ids": rng.integers(1, 60, (2, 8)), "visual_feats": feats, "visual_pos": boxes}


def scores(model, call):
    return model(**call).question_answering_score


def fresh(model, call):
    """The scores of another model with the same weights, which has never answered."""
    other = type(model)(model.config, dtype=model.precision)
    other.load_state_dict({name: np.array(array) for name, array in model.state_dict().items()})
    return scores(other, call)


def kept(model):
    return "tree" in model.weights.packed


WRITERS = {
    "an array": lambda p: p["pooler"]["w"],
    "a bias": lambda p: p["pooler"]["b"],
    "a view": lambda p: p["pooler"]["w"][3:].T,
    "memory": lambda p: np.asarray(memoryview(p["pooler"]["w"])),
    "a norm": lambda p: p["answer"]["norm"]["w"],
}


@DTYPES
@pytest.mark.parametrize("way", WRITERS)
def test_what_is_written_is_seen_however_long_it_was_held(way, dtype, call):
    model = LxmertForQuestionAnswering(CONFIG, dtype=dtype)
    target = WRITERS[way](model.params)
    before = scores(model, call)
    assert target.flags.writeable
    target[(0,) * target.ndim] += np.float32(9)
    after = scores(model, call)
    assert np.abs(after - before).max() > 1e-4
    np.testing.assert_array_equal(after, fresh(model, call))
    target[(1,) * target.ndim] -= np.float32(5)  # and again, while it is held
    np.testing.assert_array_equal(scores(model, call), fresh(model, call))
    assert not kept(model)
    del target
    scores(model, call)
    assert kept(model)


@pytest.mark.parametrize("way", ["the tree", "a part of it"])
def test_a_tree_that_is_held_may_get_other_arrays(way, call):
    model = LxmertForQuestionAnswering(CONFIG)
    tree = model.params if way == "the tree" else model.params["answer"]
    scores(model, call)
    outer = (tree["answer"] if way == "the tree" else tree)["outer"]
    outer["w"] = outer["w"] * 2
    np.testing.assert_array_equal(scores(model, call), fresh(model, call))


def test_arrays_that_nobody_can_write_are_packed_once(call):
    model = LxmertForQuestionAnswering(CONFIG)
    for array in flatten(model.params).values():
        array.flags.writeable = False
    held = list(flatten(model.params).values())
    del array
    assert not kept(model)
    scores(model, call)
    tree_is_held = kept(model)
    assert tree_is_held and len(held) > 20


def test_copies_are_kept_between_answers(call):
    model = LxmertForQuestionAnswering(CONFIG)
    scores(model, call)
    first = model.weights.packed["tree"]
    assert isinstance(first["pooler"], Layer) and model.num_parameters() and model.dtype == np.float32
    repr(model)
    scores(model, call)
    assert model.weights.packed["tree"] is first
    with backend("numpy"):
        scores(model, call)
    assert model.weights.packed["tree"] is first


@DTYPES
def test_copies_of_a_model_compute_what_it_computes(dtype, call):
    model = LxmertForQuestionAnswering(CONFIG, dtype=dtype)
    expected = scores(model, call)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), copy.copy(model)):  # noqa: S301
        np.testing.assert_array_equal(scores(other, call), expected)
    other = copy.deepcopy(model)
    other.params["pooler"]["w"][:] = 0
    np.testing.assert_array_equal(scores(model, call), expected)
    shared = copy.copy(model)
    shared.params["pooler"]["b"] += 1
    np.testing.assert_array_equal(scores(model, call), scores(shared, call))


@DTYPES
def test_another_answer_head_is_in_the_same_precision(dtype, call):
    model = LxmertForQuestionAnswering(CONFIG, dtype=dtype)
    expected = scores(model, call)
    model.resize_num_qa_labels(9)
    np.testing.assert_array_equal(scores(model, call)[:, :7], expected)
    model.move_answers([str(i) for i in (3, 1, 8)], [str(i) for i in range(9)])
    np.testing.assert_array_equal(scores(model, call)[:, :2], expected[:, [3, 1]])


def test_the_tied_decoder_is_kept_packed(call):
    model = LxmertForPreTraining(CONFIG)
    found = model(**call).prediction_logits
    assert isinstance(model.weights.packed["tree"]["masked_lm"]["decoder"], Layer)
    with backend("numpy"):
        np.testing.assert_allclose(found, model(**call).prediction_logits, rtol=0, atol=1e-5)
    model.params["embeddings"]["word"]["w"][5, 0] += 1
    assert np.abs(model(**call).prediction_logits - found).max() > 1e-3


ANSWER = """
import resource
from minilxmert import LxmertConfig, LxmertForQuestionAnswering
from minilxmert.experiments.benchmark import draw_batch
sizes = {"l_layers": 1, "x_layers": 1, "r_layers": 1, "num_qa_labels": 100, "vocab_size": 1000}
model = LxmertForQuestionAnswering(LxmertConfig(**sizes))
for batch in (1, 8, 32):
    call, faults = draw_batch(model.config, batch, 20, 36), []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        output = model(**call)
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    print(batch, *faults)
"""


def test_later_answers_take_no_fresh_memory():
    pytest.importorskip("resource")
    done = subprocess.run([sys.executable, "-c", ANSWER], capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        batch, *faults = map(int, line.split())
        assert max(faults[1:]) < 300 < faults[0], batch


def test_memory_is_never_given_to_two_at_once():
    memory = Memory()
    first, second = memory.empty((300, 40)), memory.empty((300, 40))
    assert not np.shares_memory(first, second)
    place, view = first.ctypes.data, first[7:, ::2].T
    del first
    assert memory.empty((300, 40)).ctypes.data != place  # a view still shows it
    del view
    assert memory.empty((300, 40)).ctypes.data == place


def test_memory_that_an_answer_did_not_need_goes():
    memory, small, large = Memory(), (300, 40), (3000, 40)
    held = [memory.empty(shape) for shape in (small, small, small, large)]
    held.clear()
    memory.tidy()
    assert sorted(map(len, memory.free.values())) == [1, 3]
    for _ in range(2):  # the next answer takes two at once, and one of them twice
        held = [memory.empty(small), memory.empty(small)]
        held.clear()
    memory.tidy()
    assert sorted(map(len, memory.free.values())) == [0, 2]
    held = [memory.empty((KEPT // 8, 1)) for _ in range(3)]
    held.clear()
    memory.tidy()
    assert sum(map(len, memory.free.values())) == 2


def test_a_new_size_takes_the_place_of_what_no_answer_needs():
    memory, large, other = Memory(), (3000, 40), (1000, 40)
    with memory.answering():
        held = [memory.empty(large) for _ in range(3)]
        held.clear()
    with memory.answering():
        memory.empty(large)  # one is needed, two are idle
        for number, left in ((1, 2), (2, 1), (3, 1)):
            held.append(memory.empty(other))
            assert sorted(map(len, memory.free.values())) == [0, left], number
        held.clear()
    assert sorted(map(len, memory.free.values())) == [1, 3]


def test_a_block_that_is_not_much_too_large_is_taken():
    memory, large, smaller = Memory(), (3000, 40), (2000, 40)
    place = memory.empty(large).ctypes.data
    held = memory.empty(smaller)
    assert held.ctypes.data == place and held.shape == smaller
    assert memory.empty(smaller).ctypes.data != place
    held = None
    exact = memory.empty(smaller)  # the block of its own size before the larger one
    assert exact.ctypes.data != place
    assert memory.empty(large).ctypes.data == place
    assert memory.empty((1000, 40)).ctypes.data != place  # less than half


def test_an_answer_leaves_the_memory_of_those_that_still_run():
    memory, small, large = Memory(), (300, 40), (3000, 40)

    def lengths():
        return sorted(map(len, memory.free.values()))

    with memory.answering():
        memory.empty(large)
        with memory.answering():
            memory.empty(small)
        assert lengths() == [1, 1]  # what the one needs, though the other did not
        with memory.answering():
            held = [memory.empty((KEPT // 8, 1)) for _ in range(3)]
            held.clear()
        assert lengths() == [1, 1, 1]  # not more than is kept, however many run
    assert lengths() == [1, 1, 1]
    with memory.answering():
        memory.empty(small)
    assert lengths() == [0, 0, 1]


def test_a_forked_child_answers_while_another_thread_packs(call, monkeypatch):
    if not hasattr(os, "fork"):
        pytest.skip("no fork")
    model, inside, pack = LxmertForQuestionAnswering(CONFIG), threading.Event(), packing.pack_tree
    expected = fresh(model, call)

    def slowly(*arguments):
        inside.set()
        time.sleep(0.2)
        return pack(*arguments)

    monkeypatch.setattr(packing, "pack_tree", slowly)
    worker = threading.Thread(target=scores, args=(model, call))
    worker.start()
    inside.wait()
    if child := os.fork():
        worker.join()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    else:
        signal.alarm(60)
        os._exit(not np.array_equal(scores(model, call), expected))


def test_parameters_are_lent_while_another_thread_packs_and_the_copies_are_not_kept(call, monkeypatch):
    model, pack = LxmertForQuestionAnswering(CONFIG), packing.pack_tree
    inside, lent = threading.Event(), threading.Event()

    def slowly(*arguments):
        inside.set()
        assert lent.wait(60)
        return pack(*arguments)

    monkeypatch.setattr(packing, "pack_tree", slowly)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(scores, model, call)
        inside.wait()
        model.params["pooler"]["b"] -= 1  # it does not wait
        lent.set()
        answer.result()
    assert not kept(model)
    np.testing.assert_array_equal(scores(model, call), fresh(model, call))


def test_what_an_answer_returns_is_not_written_by_the_next(call):
    model = LxmertForQuestionAnswering(CONFIG.replace(hidden_size=256, num_attention_heads=4))
    many = {name: np.repeat(array, 30, 0) for name, array in call.items()}
    first = model(**many, output_hidden_states=True)
    before = copy.deepcopy(first.language_hidden_states)
    model(**{**many, "visual_feats": many["visual_feats"] + 1}, output_hidden_states=True)
    for one, other in zip(before, first.language_hidden_states, strict=True):
        np.testing.assert_array_equal(one, other)


def test_eight_first_calls_at_once_leave_nothing_locked(call):
    for seed in range(5):
        model, start, found = LxmertForQuestionAnswering(CONFIG, seed), threading.Barrier(8), []

        def answer(model=model, start=start, found=found):
            start.wait()
            found.append(scores(model, call))

        workers = [threading.Thread(target=answer) for _ in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert len(found) == 8 and all(np.array_equal(one, found[0]) for one in found)
        assert all(array.flags.writeable for array in flatten(model.params).values())


@DTYPES
def test_a_stack_of_layers_is_one_launch(dtype, monkeypatch):
    """Between launches everything waits for Python: at batch 1 that was a tenth of the time of an answer."""
    launches, run = [], Kernel.__call__
    monkeypatch.setattr(Kernel, "__call__", lambda self, *args, **more: launches.append(run(self, *args, **more)))
    model = LxmertForQuestionAnswering(CONFIG.replace(l_layers=9, r_layers=5, x_layers=5), dtype=dtype)
    call = draw_batch(model.config, 1, 20, 36)
    model(**call)
    launches.clear()
    model(**call)
    assert len(launches) == 23


@pytest.mark.parametrize("seconds", [2, pytest.param(180, marks=pytest.mark.nightly)])
def test_threads_answer_while_models_backends_and_numbers_of_threads_change(seconds, call):
    """16 threads ask models whose weights others exchange: every answer is, to the bit, that of all the old weights or
    of all the new ones, by the backend in which it began; and in the end nothing is held or locked."""
    models, states, known = {}, {}, {}
    for name, dtype in (("one", "float32"), ("other", "float32"), ("half", "bfloat16"), ("double", "float64")):
        pair = [LxmertForQuestionAnswering(CONFIG, seed, dtype).state_dict() for seed in range(2)]
        models[name] = LxmertForQuestionAnswering(CONFIG, dtype=dtype)
        states[name] = [{key: np.array(array) for key, array in state.items()} for state in pair]
        for state in states[name]:
            models[name].load_state_dict(state)
            for way in ("numpy", "numba"):
                with backend(way):
                    known.setdefault((name, way), set()).add(scores(models[name], call).tobytes())
    assert all(len(answers) == 2 for answers in known.values())
    assert known["one", "numpy"] != known["one", "numba"] != known["half", "numba"]
    end, wrong, answered = time.monotonic() + seconds, [], Counter()

    def work(seed):
        rng = random.Random(seed)
        while not wrong and time.monotonic() < end + 60 * (len(answered) < 16):  # until each was given
            name, way, what = rng.choice([*models]), rng.choice(("numpy", "numba")), rng.random()
            if what < 0.1:
                threads.set_num_threads(rng.randint(1, threads.LIMIT))
            elif what < 0.2:
                models[name].load_state_dict(rng.choice(states[name]))
            with backend(way):
                found = scores(models[name], call).tobytes()
                wrong.extend([(name, way)] * (found not in known[name, way] or current_backend() != way))
            answered[name, way, found] += 1

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(16)))
    threads.set_num_threads(threads.LIMIT)
    assert not wrong and len(answered) == 16 and not threads.state[threads.TAKEN] and not threads.state[threads.INSIDE]
    assert all(array.flags.writeable for model in models.values() for array in model.state_dict().values())
