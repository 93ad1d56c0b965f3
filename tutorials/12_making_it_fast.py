# %% [markdown]
# # 12 · Making it fast
#
# **You will be able to** say how fast a machine could multiply and how far a program is from that, explain four ideas
# that bring a kernel near the limit (registers, panels, threads, fewer bytes), and measure carefully.
#
# LXMERT spends nearly all its time on products of matrices: rows of states times a matrix of weights. One
# multiplication and one addition are two **operations** (FLOP). Speed is operations in a second. Everything here is
# measured on your machine while the chapter runs. Look at ratios, and close other programs. NumPy and the kernels use
# one thread each, so that one core is compared with one core; the part on threads comes later. (The kernels need Numba.
# A notebook that runs in a browser alone has none: there this chapter can only be read.)

# %%
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy

import time

import numpy as np

from minilxmert import LxmertConfig, LxmertForQuestionAnswering, backend, get_num_threads, kernels, set_num_threads

kernels.load("tiles")  # where Numba is missing, the error says so
most = get_num_threads()
set_num_threads(1)

from minilxmert.core import ops
from minilxmert.experiments.benchmark import draw_batch, machine_limits
from minilxmert.experiments.timing import time_in_turns
from minilxmert.kernels import cpu
from minilxmert.kernels.gelu import gelu_and_slope
from minilxmert.kernels.packing import pack_layers
from minilxmert.kernels.tiles import ROWS, TILE, WIDTH
from minilxmert.teaching import BOTH, draw_bars, draw_curves, show

# %%
rng = np.random.default_rng(0)
E = 768  # the published width
layer = {"w": rng.standard_normal((E, E), np.float32), "b": np.zeros(E, np.float32)}
(ready,) = pack_layers([layer])  # the same with a copy for the kernels, as a model keeps it: see "Panels" below


def in_backend(name, operation, *arguments):
    """A function without arguments that calls an operation in a backend."""

    def run():
        with backend(name):
            return operation(*arguments)

    return run


# %% [markdown]
# ## The picture: three loops, a library, a kernel
#
# The definition of a product is three loops: for every row, for every output, sum over the inputs. We time it in plain
# Python, in NumPy (which calls the library BLAS), and in this package's kernel. In operations a second, for 56 rows,
# the 20 words and 36 objects of one question:


# %%
def three_loops(x, w):
    """x (R, I), w (O, I) -> (R, O)"""
    y = [[0.0] * len(w) for _ in x]
    for r in range(len(x)):
        for o in range(len(w)):
            for i in range(len(x[0])):
                y[r][o] += x[r][i] * w[o][i]
    return y


x = rng.standard_normal((56, E), np.float32)
few, some = x[:1].tolist(), layer["w"][:64].tolist()  # Python gets a small part of the work
start = time.perf_counter()
found = three_loops(few, some)
speed = {"three loops": 2 * E * 64 / (time.perf_counter() - start)}
np.testing.assert_allclose(found[0], x[0] @ layer["w"][:64].T, rtol=1e-2, atol=1e-2)

runs = {name: in_backend(name, kernels.linear, x, ready) for name in ("numpy", "numba")}
np.testing.assert_allclose(runs["numba"](), runs["numpy"](), rtol=1e-3, atol=1e-3)  # first equal, then timed
speed |= {name: 2 * len(x) * E * E / seconds for name, seconds in time_in_turns(runs, 0.5).items()}
show(draw_bars(list(speed), [value / 1e9 for value in speed.values()], BOTH, unit=" GFLOP/s"))
print(f"NumPy does {speed['numpy'] / speed['three loops']:,.0f} times what plain Python does")

# %% [markdown]
# Python looks up the type of `x[r][i]` at every step. NumPy does so once for the whole array. Can anything be faster
# than BLAS? For so few rows, with packed weights, usually: 28 GFLOP/s against 21 on one core of an AMD EPYC (Zen 2).
# Where NumPy is ahead on your machine, look for one of these reasons:
#
# * There is a single row. Then no weight is used twice, a tile has nothing to gain, and calling a kernel costs Python
#   more than calling NumPy. So in the model a whole stack of layers is one call
#   ([kernels/blocks.py](../minilxmert/kernels/blocks.py)).
# * There are hundreds of rows. Then BLAS packs the weights itself, and the copy that we have made already saves little.
# * BLAS knows instructions that the kernels do not use, such as the matrix unit of Apple's processors.
#
# ## The roof
#
# A processor has two limits: how much it can **calculate** in a second, and how much it can **read** from memory. A
# matrix of weights has E·E numbers of 4 bytes, each used for 2·R operations. That is R/2 operations for every byte.
# With few rows the processor waits for memory, whatever the code. With many rows it calculates. Both limits together,
# by R, are the **roofline** (Williams, Waterman & Patterson 2009):

# %%
limits = machine_limits(0.3, megabytes=64)
print(", ".join(f"{name} {value:.0f}" for name, value in limits.items()))
counts = (1, 4, 16, 56, 128, 256)
roof, reached = [], {"numpy": [], "numba": []}
for rows in counts:
    roof.append(min(limits["GFLOP/s"], limits["GB/s"] * rows / 2))
    many = rng.standard_normal((rows, E), np.float32)
    times = time_in_turns({name: in_backend(name, kernels.linear, many, ready) for name in reached}, 0.2)
    for name, seconds in times.items():
        reached[name].append(2 * rows * E * E / seconds / 1e9)
show(draw_curves(np.log2(counts), {"roof": roof, **reached}, "GFLOP/s, by log2 of the rows"))

# %% [markdown]
# (A point can lie *above* the roof: a matrix of this size may stay in a cache, which is faster than memory, or the
# machine was busy while the limits were measured.) One question is 56 rows, near the corner, where both limits matter.
# So there are four things to do: calculate in registers, read weights once and in order, use all cores, and read fewer
# bytes.
#
# ## Registers: a tile
#
# The operands of a multiplication must be in **registers**. There are few, and each holds several numbers (a vector).
# A *tile* is a block of results that stays in registers while the loop over the inputs runs. Every weight that is
# loaded serves all rows of the tile, and every input all its columns.

# %%
print(f"this processor: {cpu.tile_name()}, {TILE.vectors} vectors of {TILE.lanes} numbers, {ROWS} rows: {TILE}")
print(f"a tile holds {ROWS} × {WIDTH} results; a step of its loop loads {ROWS} + {WIDTH} numbers")
print(
    f"for {2 * ROWS * WIDTH} operations: {2 * ROWS * WIDTH / (ROWS + WIDTH):.0f} for each number loaded, instead of 1"
)

# %% [markdown]
# ## Panels: weights in the order in which they are read
#
# For input 0 the tile needs the weights of its WIDTH outputs, then for input 1, and so on. In the published layout
# (outputs, inputs) they lie far apart. So the weights are copied *once* into **panels** (outputs / WIDTH, inputs,
# WIDTH), which are then read in order.

# %%
panels = ready.packed.panels
print("weights", layer["w"].shape, "-> panels", panels.shape)
print("first panel is the first outputs, turned:", np.array_equal(panels[0], layer["w"][:WIDTH].T))

# %% [markdown]
# A copy can be *stale*: somebody changes the weights, and the kernel continues with the old ones. So a model keeps its
# copies only while nobody else can write into the parameters. Code that asks for `model.params` can: then the copies
# are dropped, and while any of these arrays is held, every answer packs anew. A kernel that is called with plain
# arrays packs them for that one call.
#
# ## A function without branches: GELU
#
# x·Φ(x) needs the error function. The usual version handles one number at a time, with branches. The kernel uses a
# polynomial: the same few multiplications for every number, so the compiler can do a whole vector at once. How exact
# is it, compared with the definition in float64?

# %%
x = np.linspace(-8, 8, 200_001, dtype=np.float32)
y, slope = gelu_and_slope(x)
error = np.abs(y - ops.gelu(x.astype(np.float64)))
show(draw_curves(x[::4000], {"error · 10⁷": [1e7 * error[i : i + 4000].max() for i in range(0, len(x), 4000)]}, "GELU"))
times = time_in_turns({"definition": lambda: ops.gelu(x, {}), "polynomial": lambda: gelu_and_slope(x)}, 0.3)
print(
    f"largest error {error.max():.1e}; {times['definition'] / times['polynomial']:.0f} times as fast as the definition"
)

# %% [markdown]
# ## Every number right, and half the speed gone
#
# Two faults in these kernels stayed unnoticed for a long time, because no number was wrong.
#
# **A loop that was too short.** GELU once ran over the outputs of a tile with `for j in range(WIDTH)`. WIDTH is a
# constant, 16 on a processor with AVX2. LLVM unrolls so short a loop *before* it looks for loops to vectorise, and
# then there is none: 12.6 ns a value. With `range(len(values))` the length is not known, the loop stays, and eight
# values are done at a time: 1.5 ns. Products with a GELU became almost twice as fast.
#
# **A counter that all threads wrote.** Numba counts references to an array. A slice, `y[a:b]`, is a reference, too:
# count up, count down, for every tile. All threads shared the counter, and a core must own a cache line before it
# writes it, so the cores waited for each other. One thread made 170 GFLOP/s, two made 250 instead of 340. A kernel
# need not count: the caller keeps the arrays alive until the kernel is done.
#
# No test of numbers finds such a fault. Time a part alone and inside the whole, with one thread and with two, and
# explain every gap. Then read the machine code. A test of this package does so for other processors, too
# ([test_machine_code.py](../tests/kernels/test_machine_code.py)): every main loop must have vector instructions, and
# no loop may have a call that counts. It found a third fault at once: rounding to bfloat16 was done value by value,
# because Numba makes a sum of two uint32 64 bits wide.
#
# ## Threads, and the same bits
#
# The work is cut into tasks (a panel times some rows). Every thread takes the next one until none is left. A task
# always computes whole results in the same order. So the numbers do not depend on the number of threads, *to the last
# bit*. Libraries that split one sum among threads cannot promise that.

# %%
sentence = rng.standard_normal((640, E), np.float32)
results, times = {}, {}
for count in sorted({1, most}):
    set_num_threads(count)
    run = in_backend("numba", kernels.linear, sentence, ready)
    results[count], times[count] = run(), time_in_turns({"": run}, 0.3)[""]
set_num_threads(1)
print(f"{most} threads instead of 1: {times[1] / times[most]:.2f} times as fast, ", end="")
print("equal in every bit:", np.array_equal(results[1], results[most]))

# %% [markdown]
# ## Attention is products, too
#
# The scores of a head are queries times keys, and its result is shares times values. So keys and values are laid out in
# panels like weights, and the same tile multiplies them. A task is one head of one sentence: its scores, their softmax
# and the result stay in the core's cache, and the maps of all heads are never written to memory
# ([kernels/attention.py](../minilxmert/kernels/attention.py)). For 32 pictures of 36 objects and 12 heads:

# %%
q, k, v = rng.standard_normal((3, 32, 36, E), np.float32)
mask = np.zeros((32, 1, 1, 36), np.float32)  # all can be seen
runs = {name: in_backend(name, kernels.attend, q, k, v, mask, 12) for name in ("numpy", "numba")}
np.testing.assert_allclose(runs["numba"](), runs["numpy"](), rtol=1e-3, atol=1e-4)
print(f"maps that the definition writes: {32 * 12 * 36 * 36 * 4 / 1e6:.1f} MB; the result: {q.nbytes / 1e6:.1f} MB")

# %% [markdown]
# ## Compute only what is read
#
# Two kinds of operations can be left out:
#
# * **Padding.** In a batch, short sentences are filled up to the longest. Packed row after row, no padding is stored
#   or multiplied. Only attention must know where a sentence begins.
# * **The last layer.** The answer is read from [CLS] alone, so the last cross layer need only compute [CLS] (chapter
#   8: where gradients are zero, nothing needs to be computed).
#
# Training goes this way, too, forward and backward; only its attention, which is NumPy's, is padded again. Here is a
# small LXMERT with random weights and 8 sentences of different length. Who asks for hidden states gets the long way.

# %%
config = LxmertConfig(
    hidden_size=256, intermediate_size=1024, num_attention_heads=4, l_layers=3, r_layers=2, x_layers=2,
    vocab_size=1000, num_qa_labels=200, visual_feat_dim=256,
)  # fmt: skip
model = LxmertForQuestionAnswering(config)
call = draw_batch(config, batch=8, words=20, objects=36, ragged=True)


def scores(model, **options):
    return model(**call, **options).question_answering_score


runs = {
    "NumPy": in_backend("numpy", scores, model),
    "Numba, the long way": in_backend("numba", lambda: scores(model, output_hidden_states=True)),
    "Numba, the short way": in_backend("numba", scores, model),
}
for run in runs.values():
    np.testing.assert_allclose(run(), runs["NumPy"](), rtol=1e-3, atol=1e-4)
times = time_in_turns(runs, 0.6)
show(draw_bars(list(times), [seconds / times["Numba, the short way"] for seconds in times.values()], BOTH, unit=" ×"))

# %% [markdown]
# ## Fewer bytes: bfloat16
#
# A bfloat16 is the upper half of a float32: the same range, two and a half digits. Weights in half the memory are read
# in half the time, and some processors multiply *pairs* of them at once, in attention as well; sums and the softmax
# stay float32. Where a processor cannot, the weights are widened again in the register ("widened" below), and only
# reading them is faster. The price is digits, and that must be measured, too:

# %%
halved = LxmertForQuestionAnswering(config, dtype="bfloat16")  # the same seed: the same weights, but for rounding
runs = {"float32": in_backend("numba", scores, model), "bfloat16": in_backend("numba", scores, halved)}
exact, rounded = (run() for run in runs.values())
times = time_in_turns(runs, 0.6)
print(f"multiplied as: {cpu.bfloat16_name()}; time {times['bfloat16'] / times['float32']:.2f} of float32's")
print(
    f"largest change of a score {np.abs(exact - rounded).max():.2g}, scores reach {np.abs(exact).max():.2g}; ", end=""
)
print(f"first answers unchanged: {(exact.argmax(1) == rounded.argmax(1)).mean():.0%}")
set_num_threads(most)  # as it was

# %% [markdown]
# ## Measuring carefully
#
# `time_in_turns` measures all of the above. Candidates run **in turn**: a busy moment hits all alike. The **median**
# counts. The first call of each is left out (it compiles, packs and warms caches). Nothing is timed before it has
# given the **same numbers**. `minilxmert bench` does the same for the published size, beside torch, ONNX Runtime and
# OpenVINO as far as they are installed.
#
# ## Try it yourself
#
# [Exercise](exercises/README.md) 26 (a matrix product in Numba) belongs to this chapter.
#
# ## Files of this chapter
#
# [kernels/matmul.py](../minilxmert/kernels/matmul.py), [kernels/tiles.py](../minilxmert/kernels/tiles.py),
# [kernels/packing.py](../minilxmert/kernels/packing.py), [kernels/weights.py](../minilxmert/kernels/weights.py):
# product, tile, panels, who keeps them · [kernels/memory.py](../minilxmert/kernels/memory.py): memory for the next
# answer · [kernels/blocks.py](../minilxmert/kernels/blocks.py): many steps, one launch ·
# [kernels/math.py](../minilxmert/kernels/math.py): the polynomials ·
# [kernels/threads.py](../minilxmert/kernels/threads.py): who does the work ·
# [kernels/pairs.py](../minilxmert/kernels/pairs.py): bfloat16 · [short.py](../minilxmert/core/short.py): the short way
# · [benchmark.py](../minilxmert/experiments/benchmark.py)
#
# ## Questions
#
# **1.** You double the clock of a processor and leave the memory as it is. Which answers come twice as fast: those of
# one question at a time, or those of a batch of 32?
#
# <details><summary>Answer</summary>
#
# Those of the batch: 32 questions are some 1,800 rows, far to the right in the roofline, where calculation is the
# limit. A single question reads all weights for few rows and waits for memory, at least in part.
# </details>
#
# **2.** The kernel gives the same bits for 1 and 2 threads, but not the same as NumPy. Is one of them wrong?
#
# <details><summary>Answer</summary>
#
# No. float32 addition depends on the order, and BLAS adds in another order (which may change with the number of
# threads and the version). Both are within rounding of the true sum.
# </details>
#
# **3.** Why is a polynomial for GELU with an error of some 10⁻⁷ good enough, while the tanh formula, wrong by up to
# 5·10⁻⁴, is not?
#
# <details><summary>Answer</summary>
#
# float32 has seven digits, so rounding x already makes an error of that size. The tanh formula changes the *function*:
# a checkpoint trained with the exact one then computes something else in every layer and no longer agrees with its
# reference values (chapter 7).
# </details>
