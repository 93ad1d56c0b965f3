"""Whether two results are alike, first in form (type, shape, dtype), then in value; and how they differ, in words."""

import numpy as np

from .plain import Other

DOUBLE, SINGLE = 1e-9, 5e-5  # tolerances in float64 and float32, relative to the largest value
KINDS = {"i": "iu", "u": "iu", "b": "b"}  # whole numbers may be of any size


def structure(want, have, name, finite=True, wider=False):
    """What is wrong with type, shape or dtype, or is not finite; None when nothing is.

    wider: float64 may stand for float32, as where a NumPy scalar such as np.sqrt(D) has taken part"""
    if have is None:
        return f"{name} is None: is something not returned?"
    if isinstance(want, np.ndarray):
        return array_fault(want, have, name, finite, wider)
    if isinstance(want, float | np.floating):
        if not is_number(have):
            return f"{name} must be one number, found {type_of(have)}"
        return f"{name} is not finite: {have}" if finite and not np.isfinite(have) else None
    if isinstance(want, dict):
        if not isinstance(have, dict) or set(have) != set(want):
            return f"{name} must be a dict with the keys {', '.join(map(str, want))}, found {type_of(have)}"
        return next(filter(None, (structure(want[k], have[k], f"{name}[{k!r}]", finite, wider) for k in want)), None)
    if not isinstance(have, type(want)):
        return f"{name} must be a {type(want).__name__}, found {type_of(have)}"
    return None


def is_number(value):
    """Whether a value is one real number: Python's, NumPy's, or an array without axes."""
    if isinstance(value, np.ndarray | np.generic):
        return value.ndim == 0 and value.dtype.kind in "fiu"
    return isinstance(value, int | float)


def array_fault(want, have, name, finite, wider):
    if not isinstance(have, np.ndarray | np.generic):
        return f"{name} must be an array, found {type_of(have)}"
    if have.shape != want.shape:
        turned = " (transposed?)" if have.ndim == 2 and have.shape == want.shape[::-1] else ""
        return f"{name} must have the shape {want.shape}, found {have.shape}{turned}"
    exact = want.dtype.kind == "f"
    wider = wider and (want.dtype, have.dtype) == (np.float32, np.float64)
    if have.dtype != want.dtype and not wider and (exact or have.dtype.kind not in KINDS[want.dtype.kind]):
        return f"{name} must have the dtype {want.dtype}, found {have.dtype}"
    if finite and exact and not np.isfinite(have).all():
        what = "NaN (0/0, or infinity minus infinity?)" if np.isnan(have).any() else "infinity (does an exp overflow?)"
        return f"{name} is not finite: it holds {what}"
    return None


def same(want, have, tolerance):
    """Whether two values are equal, floats to a tolerance relative to the largest (NaN equals NaN)."""
    if isinstance(want, dict):
        return all(same(want[key], have[key], tolerance) for key in want)
    if isinstance(want, np.ndarray | np.generic | float) and np.asarray(want).dtype.kind == "f":
        scale = np.abs(want, where=np.isfinite(want), out=np.zeros_like(want, "float64")).max(initial=0)
        near = np.abs(np.subtract(have, want, dtype="float64")) <= tolerance * max(scale, 1e-30)
        return bool(np.all(near | (have == want) | ((have != have) & (want != want))))
    if isinstance(want, np.ndarray):
        return np.array_equal(want, have)
    if isinstance(want, tuple | list):
        return (
            type(have) is type(want) and len(want) == len(have) and all(map(same, want, have, [tolerance] * len(want)))
        )
    return type(have) is type(want) and want == have


def unchanged(before, after):
    """Whether nested values hold the same leaves, to the last bit."""
    before, after = leaves(before), leaves(after)
    return len(before) == len(after) and all(map(identical, before, after))


def identical(a, b):
    if not isinstance(a, np.ndarray) or not isinstance(b, np.ndarray):
        return np.shape(a) == np.shape(b) and same(a, b, 0)
    return (a.dtype, a.shape) == (b.dtype, b.shape) and a.tobytes() == b.tobytes()


def tolerance(*values):
    return DOUBLE if is_double(values) else SINGLE


def is_double(values):
    """Whether nothing in nested values is float32."""
    return not any(getattr(leaf, "dtype", None) == np.float32 for leaf in leaves(values))


def leaves(value):
    """The arrays and plain values in nested tuples, lists and dicts."""
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    if isinstance(value, tuple | list):
        return [leaf for item in value for leaf in leaves(item)]
    return [] if callable(value) or isinstance(value, np.random.Generator) else [value]


def type_of(value):
    return f"a {value.name if isinstance(value, Other) else type(value).__name__}"


# --- mistakes of any exercise: factor, sign, offset, order

CLOSE = 1e-5


def describe_difference(pairs):
    """(right, found) pairs of one output, all different -> half a sentence that says how they differ."""
    if not isinstance(pairs[0][0], np.ndarray | float | np.floating):
        want, have = pairs[0]
        return f"expected {shown(want)}, found {shown(have)}"
    pairs = [(np.asarray(want), np.asarray(have)) for want, have in pairs]
    for detect in (factor, offset, transposed, rolled, shuffled):
        found = detect(pairs)
        if found:
            return found
    return largest(*pairs[0])


def shown(value):
    text = str(value)
    return text if len(text) <= 100 else f"{text[:97]}…"


def factor(pairs):
    """found = k · right"""
    factors, lone = [], False
    for want, have in pairs:
        square = (want.astype(float) ** 2).sum()
        if want.dtype.kind != "f" or not square:
            return None
        lone = lone or want.size == 1  # one number is always a multiple of another
        k = float((want * have).sum() / square)
        if not close(k * want, have, want):
            return None
        factors.append(k)
    steady = np.ptp(factors) <= CLOSE * max(map(abs, factors))
    if lone and not (steady and len(factors) > 1):
        return None
    if not steady:
        some = ", ".join(f"{k:.4g}" for k in factors[:3])
        return f"right up to a factor that depends on the input ({some}): is it scaled by the wrong size?"
    if abs(factors[0] - 1) < 10 * CLOSE:
        return None  # nearly right: the place of the difference says more
    if abs(factors[0]) < CLOSE:
        return "it is all zeros"
    if abs(factors[0] + 1) < CLOSE:
        return "the sign is wrong: it is the negative of what is right"
    return f"right up to the factor {factors[0]:.6g}"


def offset(pairs):
    """found = right + c"""
    offsets = []
    for want, have in pairs:
        c = (have - want).mean() if want.dtype.kind in "fiu" else np.nan
        if not want.size or not close(want + c, have, want):
            return None
        offsets.append(c)
    if sum(want.size for want, _ in pairs) < 2 or np.ptp(offsets) > CLOSE * max(map(abs, offsets)):
        return None
    return f"off by the same amount everywhere, {offsets[0]:.4g}"


def transposed(pairs):
    """the last two axes are exchanged"""
    if all(want.ndim >= 2 and close(want.swapaxes(-1, -2), have, want) for want, have in pairs):
        return "it is transposed: the last two axes are exchanged"
    return None


def rolled(pairs):
    """moved by one place along the last axis"""
    for step in (1, -1):
        if all(want.ndim and close(np.roll(want, step, -1), have, want) for want, have in pairs):
            return "the right values, but moved by one place along the last axis"
    return None


def shuffled(pairs):
    """the same values in another order"""
    if all(want.size > 1 and close(np.sort(want, None), np.sort(have, None), want) for want, have in pairs):
        return "the right values in the wrong places: a reshape where a transpose is needed, or another order?"
    return None


def close(a, b, scale):
    if a.shape != b.shape or a.dtype.kind == "b":
        return False
    return np.allclose(a, b, rtol=0, atol=CLOSE * max(np.abs(scale).max(initial=0), 1e-30))


def largest(want, have):
    """The place of the largest difference, in words."""
    difference = np.abs(want.astype(float) - have.astype(float))
    place = np.unravel_index(int(difference.argmax()), want.shape)
    at = f" at [{', '.join(map(str, map(int, place)))}]" if place else ""
    share = f"{np.mean(difference > CLOSE * max(np.abs(want).max(), 1e-30)):.0%} of the values differ, most"
    return f"{share}{at}: expected {want[place]:.6g}, found {have[place]:.6g}"
