# %% [markdown]
# # 12 · Making it fast
#
# **You will be able to** say how fast a machine could multiply and how far a program is from that, explain the four
# ideas that bring a kernel near the limit (registers, panels, threads, fewer bytes), and measure without fooling
# yourself.
#
# Nearly all the time of LXMERT goes into products of matrices: rows of states times a matrix of weights. One
# multiplication and one addition are two **operations** (FLOP); how many an implementation does in a second is its
# speed. Everything here is measured while you read, on your machine: look at ratios, and close other programs.

# %%
import time

import numpy as np

from minilxmert import LxmertConfig, LxmertForQuestionAnswering, backend, get_num_threads, kernels, set_num_threads
from minilxmert.core import ops
from minilxmert.experiments.benchmark import draw_batch, interleaved, machine_limits
from minilxmert.kernels import cpu
from minilxmert.kernels.gelu import gelu_and_slope
from minilxmert.kernels.packing import pack
from minilxmert.kernels.tiles import ROWS, TILE, WIDTH
from minilxmert.teaching import BOTH, draw_bars, draw_curves, show

rng = np.random.default_rng(0)
E = 768  # the published width
layer = {"w": rng.standard_normal((E, E), np.float32), "b": np.zeros(E, np.float32)}
(ready,) = pack([layer])  # the same with a copy for the kernels, as a model keeps it: see "Panels" below


def in_backend(name, operation, *arguments):
    """A function without arguments that calls an operation in a backend."""

    def run():
        with backend(name):
            return operation(*arguments)

    return run


# %% [markdown]
# ## The picture: three loops, a library, a kernel
#
# The definition of a product is three loops: for every row, for every output, sum over the inputs. In plain Python,
# then by NumPy (which calls BLAS, decades of work), then by this package's kernel. In operations a second, for 56
# rows, the 20 words and 36 objects of one question:


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
speed |= {name: 2 * len(x) * E * E / seconds for name, seconds in interleaved(runs, 0.5).items()}
show(draw_bars(list(speed), [value / 1e9 for value in speed.values()], BOTH, unit=" GFLOP/s"))
print(f"NumPy does {speed['numpy'] / speed['three loops']:,.0f} times what plain Python does")

# %% [markdown]
# Python spends its time on finding out, at every step, what `x[r][i]` is. NumPy asks once for the whole array. So far
# everybody goes. But why should anything be faster than BLAS?
#
# ## The roof
#
# A processor has two limits: how much it can **calculate** in a second, and how much it can **read** from memory. A
# matrix of weights has E·E numbers of 4 bytes, each used for 2·R operations: R/2 operations for every byte. With few
# rows it waits for memory whatever the code; with many it calculates. Draw both limits by R, and you have the
# **roofline**:

# %%
limits = machine_limits(0.3, megabytes=64)
print(", ".join(f"{name} {value:.0f}" for name, value in limits.items()))
counts = (1, 4, 16, 56, 128, 256)
roof, reached = [], {"numpy": [], "numba": []}
for rows in counts:
    roof.append(min(limits["GFLOP/s"], limits["GB/s"] * rows / 2))
    many = rng.standard_normal((rows, E), np.float32)
    times = interleaved({name: in_backend(name, kernels.linear, many, ready) for name in reached}, 0.2)
    for name, seconds in times.items():
        reached[name].append(2 * rows * E * E / seconds / 1e9)
show(draw_curves(np.log2(counts), {"roof": roof, **reached}, "GFLOP/s, by log2 of the rows"))

# %% [markdown]
# (A point *above* the roof is no miracle: a matrix of this size may have stayed in a cache, which is read faster than
# memory, or the machine was busy with something else while the limits were measured.) One question is 56 rows: near
# the corner, where both limits matter. So there are four things to do: calculate in registers, read weights once and
# straight through, use all cores, and read fewer bytes.
#
# ## Registers: a tile
#
# Each operand of a multiplication must be in a **register**. Those are few and hold several numbers each (a vector). A
# *tile* is a block of results that stays in registers while the loop over the inputs runs: every weight that is loaded
# serves all rows of the tile, every input all its columns.

# %%
print(f"this processor: {cpu.tile_name()}, {TILE.vectors} vectors of {TILE.lanes} numbers, {ROWS} rows: {TILE}")
print(f"a tile holds {ROWS} × {WIDTH} results; a step of its loop loads {ROWS} + {WIDTH} numbers")
print(
    f"for {2 * ROWS * WIDTH} operations: {2 * ROWS * WIDTH / (ROWS + WIDTH):.0f} for each number loaded, instead of 1"
)

# %% [markdown]
# ## Panels: weights in the order in which they are read
#
# The tile needs, for input 0, the weights of its WIDTH outputs, then for input 1, and so on. In the published layout
# (outputs, inputs) those lie far apart. So the weights are copied *once* into **panels** (outputs / WIDTH, inputs,
# WIDTH), which are then read straight through.

# %%
panels = ready.packed.panels
print("weights", layer["w"].shape, "-> panels", panels.shape)
print("first panel is the first outputs, turned:", np.array_equal(panels[0], layer["w"][:WIDTH].T))

# %% [markdown]
# A copy can be *stale*: somebody changes the weights, and the kernel goes on with the old ones. So a model keeps the
# copies of its parameters only as long as nobody else could write into them. Whoever asks for `model.params` might:
# then the copies are dropped, and as long as somebody holds an array of them, every answer packs what it finds. A
# kernel that is called with plain arrays packs them for that one call.
#
# ## A function without branches: GELU
#
# x·Φ(x) needs the error function, and the library's version handles one number at a time, with branches. The kernel
# uses a polynomial: the same few multiplications for every number, so that the compiler does a whole vector at once.
# How exact is it, against the definition in float64?

# %%
x = np.linspace(-8, 8, 200_001, dtype=np.float32)
y, slope = gelu_and_slope(x)
error = np.abs(y - ops.gelu(x.astype(np.float64)))
show(draw_curves(x[::4000], {"error · 10⁷": [1e7 * error[i : i + 4000].max() for i in range(0, len(x), 4000)]}, "GELU"))
times = interleaved({"definition": lambda: ops.gelu(x, {}), "polynomial": lambda: gelu_and_slope(x)}, 0.3)
print(
    f"largest error {error.max():.1e}; {times['definition'] / times['polynomial']:.0f} times as fast as the definition"
)

# %% [markdown]
# ## Every number right, and half the speed gone
#
# Two faults in these kernels were found by nobody for a long time, because no number was wrong.
#
# **A loop that was too short.** GELU ran over the outputs of a tile with `for j in range(WIDTH)`. WIDTH is a constant,
# 16 on a processor with AVX2; LLVM writes so short a loop out, sixteen times the same, *before* it looks for loops to
# do with vectors, and then there is none. 12.6 ns a value. With `range(len(values))` the length is not known, the loop
# stays a loop, eight values are done at a time: 1.5 ns. One word; products with a GELU became almost twice as fast.
#
# **A word that everybody wrote.** Numba counts who holds an array. A slice, `y[a:b]`, holds it, too: count up, count
# down, for every tile. That word lay in one place of memory for all threads, and a core must own a place before it
# writes there, so the cores waited for each other. One thread made 170 GFLOP/s, two made 250 instead of 340. Nothing in
# a kernel needs to be counted: the caller keeps its arrays alive until the kernel is done.
#
# How do you find such a thing? Not with a test of numbers. Time a part alone and inside the whole, with one thread and
# with two, and ask of every gap where it comes from; then read what the compiler made. A test of this package does so
# for processors that are not at hand ([test_machine_code.py](../tests/kernels/test_machine_code.py)): in every main
# loop there must be vector instructions, in no loop a call that counts. It found a third fault of the kind at once:
# rounding to bfloat16 was done value by value, as Numba makes a sum of two uint32 64 bits wide.
#
# ## Threads, and the same bits
#
# The work is cut into tasks (a panel times some rows); every thread takes the next one until none is left. A task
# always computes whole results in the same order. So the numbers do not depend on how many threads there are, *to the
# last bit*, which is not usual: most libraries split sums differently.

# %%
most, sentence = get_num_threads(), rng.standard_normal((640, E), np.float32)
results, times = {}, {}
for count in sorted({1, most}):
    set_num_threads(count)
    run = in_backend("numba", kernels.linear, sentence, ready)
    results[count], times[count] = run(), interleaved({"": run}, 0.3)[""]
set_num_threads(most)
print(f"{most} threads instead of 1: {times[1] / times[most]:.2f} times as fast, ", end="")
print("equal in every bit:", np.array_equal(results[1], results[most]))

# %% [markdown]
# ## Nothing that nobody reads
#
# The fastest operation is the one that is not done. Two of those:
#
# * **Padding.** In a batch, short sentences are filled up to the longest. Packed row after row instead, no padding is
#   stored or multiplied; only attention must know where a sentence begins.
# * **The last layer.** The answer is read from [CLS] alone, so that of the last cross layer only [CLS] is needed
#   (chapter 8: where gradients die, nothing needs computing).
#
# A small LXMERT with random weights, 8 sentences of different length. Asking for hidden states makes it go the long
# way.

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
times = interleaved(runs, 0.6)
show(draw_bars(list(times), [seconds / times["Numba, the short way"] for seconds in times.values()], BOTH, unit=" ×"))

# %% [markdown]
# ## Fewer bytes: bfloat16
#
# A bfloat16 is the upper half of a float32: the same range, two and a half digits. Weights in half the memory are read
# in half the time; and some processors multiply *pairs* of them at once. Sums stay float32. What it costs is digits,
# and that must be measured, too:

# %%
halved = LxmertForQuestionAnswering(config, dtype="bfloat16")  # the same seed: the same weights, but for rounding
runs = {"float32": in_backend("numba", scores, model), "bfloat16": in_backend("numba", scores, halved)}
exact, rounded = (run() for run in runs.values())
times = interleaved(runs, 0.6)
print(f"multiplied as: {cpu.bfloat16_name()}; time {times['bfloat16'] / times['float32']:.2f} of float32's")
print(
    f"largest change of a score {np.abs(exact - rounded).max():.2g}, scores reach {np.abs(exact).max():.2g}; ", end=""
)
print(f"first answers unchanged: {(exact.argmax(1) == rounded.argmax(1)).mean():.0%}")

# %% [markdown]
# ## Measuring without fooling yourself
#
# All of the above is measured by `interleaved`: candidates run **in turn**, so that a busy moment hits all alike; the
# **median** counts; the first call of each is thrown away (it compiles, packs and warms caches); and nothing is timed
# before it has given the **same numbers**. `minilxmert bench` does so for the published size, beside whichever of
# torch, ONNX Runtime and OpenVINO are installed.
#
# ## Rooms of this chapter
#
# [kernels/matmul.py](../minilxmert/kernels/matmul.py), [kernels/tiles.py](../minilxmert/kernels/tiles.py),
# [kernels/packing.py](../minilxmert/kernels/packing.py), [kernels/weights.py](../minilxmert/kernels/weights.py):
# product, tile, panels, who keeps them ·
# [kernels/memory.py](../minilxmert/kernels/memory.py): memory for the next answer ·
# [kernels/math.py](../minilxmert/kernels/math.py): the polynomials ·
# [kernels/threads.py](../minilxmert/kernels/threads.py): who does the work ·
# [kernels/pairs.py](../minilxmert/kernels/pairs.py): bfloat16 · [rows.py](../minilxmert/core/rows.py): the short way ·
# [benchmark.py](../minilxmert/experiments/benchmark.py)
#
# Exercise 26 (a matrix product in Numba): [exercises](exercises/README.md).
#
# ## Questions
#
# **1.** You double the clock of a processor and leave the memory as it is. Which answers come twice as fast: those of
# one question at a time, or those of a batch of 32?
#
# <details><summary>Answer</summary>
#
# Those of the batch: 32 questions are some 1,800 rows, far on the right of the roofline, where calculation is the
# limit. A single question reads all weights for few rows and is held up by memory, at least in part.
# </details>
#
# **2.** The kernel gives the same bits for 1 and 2 threads, but not the same as NumPy. Is one of them wrong?
#
# <details><summary>Answer</summary>
#
# No. float32 addition depends on the order, and BLAS adds in another order (which may change with the number of
# threads and the version). Both are within rounding of the true sum; neither *is* it.
# </details>
#
# **3.** Why is a polynomial for GELU with an error of some 10⁻⁷ no loss, while the well-known tanh formula, wrong by
# up to 5·10⁻⁴, is one?
#
# <details><summary>Answer</summary>
#
# float32 itself has seven digits: an error of that size is there anyway, from rounding x. The tanh formula changes the
# *function*: a checkpoint trained with the exact one then computes something else, in every layer, and no longer
# agrees with its reference values (chapter 7).
# </details>
