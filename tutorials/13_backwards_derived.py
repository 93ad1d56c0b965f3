# %% [markdown]
# # 13 · Four backwards, derived
#
# **You will be able to** derive the backwards of softmax, LayerNorm, cross-entropy and attention with nothing but the
# chain rule, and turn every step into one line of code.
#
# Read this chapter after chapter 8. Try [exercises](exercises/README.md) 12, 13 and 14 first, and come here when you
# are stuck: the derivations are for one row or one head, the exercises for whole batches.
#
# Below every formula stands its line of code. As in the package, `da` is short for the gradient $\frac{∂L}{∂a}$: how
# much the loss L changes with a. Where a number acts on L in several ways, its gradient is the **sum** over these
# ways.

# %%
import numpy as np

from minilxmert.core import ops
from minilxmert.core.gradients import both_sides
from minilxmert.core.losses import cross_entropy
from minilxmert.teaching import OBJECTS, WORDS, draw_matrix, show

rng = np.random.default_rng(0)


def check(name, f, x, dx, dy):
    """Compare a gradient with the finite difference along a random direction (chapter 8)."""
    exact, numeric = both_sides(f, x, dx, dy, rng)
    print(f"{name:<14} by the formula {exact:12.8f}, by two forward calls {numeric:12.8f}")


# %% [markdown]
# ## Softmax
#
# A row of scores $s_1 … s_M$ becomes shares. In three steps, so that each has a simple derivative:
#
# $$e_j = \exp(s_j) \quad z = \sum_j e_j \quad a_j = \frac{e_j}{z}$$

# %%
s, da = rng.standard_normal(5), rng.standard_normal(5)  # (M,): the scores, and the gradient that comes in
e = np.exp(s)
z = e.sum()
a = e / z
show(draw_matrix([s, a], ["scores", "shares"], color=OBJECTS))

# %% [markdown]
# **Step 1: z.** Every share is divided by z. The derivative of $e_j / z$ with respect to z is $-e_j / z^2 = -a_j / z$:
#
# $$\frac{∂L}{∂z} = -\frac{1}{z} \sum_j \frac{∂L}{∂a_j} a_j$$

# %%
dz = -(da * a).sum() / z

# %% [markdown]
# **Step 2: e.** $e_j$ acts in two ways: on its own share, with the factor $1 / z$, and on z, with the factor 1:
#
# $$\frac{∂L}{∂e_j} = \frac{1}{z} \frac{∂L}{∂a_j} + \frac{∂L}{∂z}$$

# %%
de = da / z + dz

# %% [markdown]
# **Step 3: s.** The derivative of $\exp(s_j)$ is $e_j$ itself:
#
# $$\frac{∂L}{∂s_j} = e_j \frac{∂L}{∂e_j}$$

# %%
ds = e * de

# %% [markdown]
# **Together.** Put steps 1 and 2 into step 3, and write $a_j$ for $e_j / z$. Neither e nor z is left:
#
# $$\frac{∂L}{∂s_j} = a_j (\frac{∂L}{∂a_j} - \sum_k \frac{∂L}{∂a_k} a_k)$$

# %%
ds_short = a * (da - (da * a).sum())

check("softmax", ops.softmax, s, ds_short, da)
print("the short line equals the three steps:", np.allclose(ds_short, ds, rtol=1e-12, atol=1e-14))

# %% [markdown]
# ## LayerNorm
#
# A row $x_1 … x_E$ is centred and divided by its deviation, then scaled and shifted. In five steps:
#
# $$c_i = x_i - \frac{1}{E} \sum_k x_k \quad v = \frac{1}{E} \sum_k c_k^2 \quad r = \frac{1}{\sqrt{v + ε}}$$
#
# $$u_i = r c_i \quad y_i = w_i u_i + b_i$$

# %%
x, w, b, dy = rng.standard_normal((4, 6))  # (E,) each
eps = 1e-12
c = x - x.mean()
v = (c * c).mean()
r = 1 / np.sqrt(v + eps)
u = r * c
y = w * u + b

# %% [markdown]
# **Step 1: w, b and u.** They are multiplied and added, number by number:
#
# $$\frac{∂L}{∂w_i} = \frac{∂L}{∂y_i} u_i \quad \frac{∂L}{∂b_i} = \frac{∂L}{∂y_i}$$
#
# $$\frac{∂L}{∂u_i} = \frac{∂L}{∂y_i} w_i$$
#
# (For many rows, the gradients of w and b are sums over the rows.)

# %%
dw, db, du = dy * u, dy, dy * w

# %% [markdown]
# **Step 2: r and v.** One r serves the whole row, so its gradient is a sum. The derivative of $(v + ε)^{-1/2}$ is
# $-\frac{1}{2} r^3$:
#
# $$\frac{∂L}{∂r} = \sum_i \frac{∂L}{∂u_i} c_i \quad \frac{∂L}{∂v} = -\frac{1}{2} r^3 \frac{∂L}{∂r}$$

# %%
dr = (du * c).sum()
dv = -0.5 * r**3 * dr

# %% [markdown]
# **Step 3: c.** $c_i$ acts directly on $u_i$, with the factor r, and on v, with the factor $2 c_i / E$:
#
# $$\frac{∂L}{∂c_i} = r \frac{∂L}{∂u_i} + \frac{2 c_i}{E} \frac{∂L}{∂v}$$

# %%
dc = r * du + 2 * c / len(x) * dv

# %% [markdown]
# **Step 4: x.** $x_i$ acts on $c_i$, and through the mean on every c of the row, with the factor $-1 / E$:
#
# $$\frac{∂L}{∂x_i} = \frac{∂L}{∂c_i} - \frac{1}{E} \sum_k \frac{∂L}{∂c_k}$$

# %%
dx = dc - dc.mean()

# %% [markdown]
# **Together.** Put all into step 4 and use $u = r c$ and $\sum_k c_k = 0$. The second and the third term are means
# over the row:
#
# $$\frac{∂L}{∂x_i} = r (\frac{∂L}{∂u_i} - \frac{1}{E} \sum_k \frac{∂L}{∂u_k}
#   - u_i \frac{1}{E} \sum_k \frac{∂L}{∂u_k} u_k)$$

# %%
dx_short = r * (du - du.mean() - u * (du * u).mean())

check("LayerNorm", lambda row: ops.layer_norm(row, {"w": w, "b": b}, eps), x, dx_short, dy)
print("the short line equals the four steps:", np.allclose(dx_short, dx, rtol=1e-9, atol=1e-12))

# %% [markdown]
# ## Cross-entropy
#
# The loss of one row of scores whose right class is t is minus the log of the share of t. Written with the scores, the
# division becomes a difference:
#
# $$L = -\log a_t = \log \sum_j \exp(s_j) - s_t$$

# %%
s, t = rng.standard_normal(4), 2  # (C,) scores, and the right class
L = np.log(np.exp(s).sum()) - s[t]

# %% [markdown]
# **Step 1: the first term.** The derivative of $\log z$ is $1 / z$, and that of z with respect to $s_j$ is
# $\exp(s_j)$. Their product is the softmax:
#
# $$\frac{∂}{∂s_j} \log \sum_k \exp(s_k) = \frac{\exp(s_j)}{\sum_k \exp(s_k)} = a_j$$

# %%
dfirst = np.exp(s) / np.exp(s).sum()

# %% [markdown]
# **Step 2: the second term.** It holds only the score of the right class, with the factor -1. With $h_j = 1$ for $j =
# t$ and 0 for all others:
#
# $$\frac{∂L}{∂s_j} = a_j - h_j$$

# %%
ds = dfirst - np.eye(len(s))[t]

# %% [markdown]
# **Step 3: many rows.** The loss of R rows is their mean, so each row's gradient is divided by R. Rows without a label
# do not count in R, and their gradient is 0.
#
# $$\frac{∂L}{∂s_{rj}} = \frac{1}{R} (a_{rj} - h_{rj})$$

# %%
scores, labels = rng.standard_normal((3, 4)), np.array([2, -1, 0])
counted = labels >= 0
dscores = np.where(counted[:, None], ops.softmax(scores) - np.eye(4)[labels], 0) / counted.sum()

check("cross-entropy", lambda rows: np.array(cross_entropy(rows, labels)[0]), scores, dscores, np.array(1.0))
show(draw_matrix(dscores, ["label 2", "no label", "label 0"], color=WORDS, title="gradient of the scores"))

# %% [markdown]
# The gradient is negative at the right class alone (grey): only this score should rise.
#
# ## Attention
#
# One head, N queries and M keys with D numbers each. As matrices, and as sums over their numbers:
#
# $$S = \frac{1}{\sqrt{D}} Q K^T \quad A = \text{softmax}(S) \quad Y = A V$$
#
# $$s_{nm} = \frac{1}{\sqrt{D}} \sum_d q_{nd} k_{md} \quad y_{nd} = \sum_m a_{nm} v_{md}$$

# %%
N, M, D = 3, 5, 4
Q, dY = rng.standard_normal((2, N, D))
K, V = rng.standard_normal((2, M, D))
S = Q @ K.T / np.sqrt(D)
A = ops.softmax(S)
Y = A @ V

# %% [markdown]
# **Step 1: V.** $v_{md}$ acts on $y_{nd}$ of every query n, with the factor $a_{nm}$. A sum over n of products is a
# matrix product with A transposed:
#
# $$\frac{∂L}{∂v_{md}} = \sum_n a_{nm} \frac{∂L}{∂y_{nd}}$$

# %%
dV = A.T @ dY

# %% [markdown]
# **Step 2: A.** $a_{nm}$ acts on all D numbers of $y_n$, with the factors $v_{md}$:
#
# $$\frac{∂L}{∂a_{nm}} = \sum_d \frac{∂L}{∂y_{nd}} v_{md}$$

# %%
dA = dY @ V.T

# %% [markdown]
# **Step 3: S.** Every row is a softmax, whose backward we have:
#
# $$\frac{∂L}{∂s_{nm}} = a_{nm} (\frac{∂L}{∂a_{nm}} - \sum_k \frac{∂L}{∂a_{nk}} a_{nk})$$

# %%
dS = A * (dA - (dA * A).sum(1, keepdims=True))

# %% [markdown]
# **Step 4: Q and K.** $q_{nd}$ acts on the scores of its row, $k_{md}$ on those of its column:
#
# $$\frac{∂L}{∂q_{nd}} = \frac{1}{\sqrt{D}} \sum_m \frac{∂L}{∂s_{nm}} k_{md}$$
#
# $$\frac{∂L}{∂k_{md}} = \frac{1}{\sqrt{D}} \sum_n \frac{∂L}{∂s_{nm}} q_{nd}$$

# %%
dQ = dS @ K / np.sqrt(D)
dK = dS.T @ Q / np.sqrt(D)


def attend(p):
    """One head for a dict of Q, K and V."""
    return ops.softmax(p["Q"] @ p["K"].T / np.sqrt(D)) @ p["V"]


check("attention", attend, {"Q": Q, "K": K, "V": V}, {"Q": dQ, "K": dK, "V": dV}, dY)

# %% [markdown]
# A mask is added to S and learns nothing: hidden places have $a = 0$, so their gradient is 0 by step 3. Heads do not
# share anything but their input, so each goes its own way back.
#
# ## Files of this chapter
#
# [ops.py](../minilxmert/core/ops.py): softmax, LayerNorm and attention with their backwards ·
# [losses.py](../minilxmert/core/losses.py): cross-entropy · [gradients.py](../minilxmert/core/gradients.py): the check
#
# ## Questions
#
# **1.** Add 3 to every score of a softmax. What does the formula say about the gradient in this direction?
#
# <details><summary>Answer</summary>
#
# It is the sum of all ds, and that is 0: the sum of $a_j da_j$ minus the same sum times $\sum_j a_j = 1$. The shares
# do not change, so the loss does not.
# </details>
#
# **2.** Why does LayerNorm's formula have $u_i$ in its third term, and not $x_i$?
#
# <details><summary>Answer</summary>
#
# The variance depends on the distance from the mean, c. With $c = u / r$ the powers of r cancel, and only u is left.
# </details>
#
# **3.** In exercise 14 you divide by √D once in each of dq and dk. Why not in dv?
#
# <details><summary>Answer</summary>
#
# V is mixed after the softmax. The factor $1 / \sqrt{D}$ belongs to the scores, and V does not act on them.
# </details>
