"""The grammar of claims about three boxes, written after NLVR's sentences: words, numbers, places, boxes, sentences.

A rule: symbol, weight, where it is said (t: of towers, s: of scattered things), templates, and what they mean, of the
meanings of their symbols. In a template CAPITALS are a symbol, a|b is either word, and a| a word or none."""

import functools

from .claim_programs import (
    ALL,
    LEAST,
    NONE,
    ONE,
    block_at,
    both,
    boxes,
    each,
    each_at,
    hues,
    of,
    some,
    tall,
    tall_and,
    things,
    total,
    total_at,
    two_hues,
    whole,
)
from .programs import step

RULES = {}  # symbol: [(template, meaning, where, weight)]


def rule(symbol, weight, where, templates, meaning):
    """Add one or several templates, parted by ;, that mean the same; they share the weight."""
    templates = [tuple(template.split()) for template in templates.split(";")]
    RULES.setdefault(symbol, []).extend((template, meaning, where, weight / len(templates)) for template in templates)


def words(symbol, weight, where, **meanings):
    """Add templates that are words of one meaning, a whole number or (for _) none: {"_3": "three"}."""
    for name, templates in meanings.items():
        value = int(name[1:]) if name[1:] else None
        rule(symbol, weight, where, templates, lambda value=value: value)


pred, claim, place = (functools.partial(rule, symbol) for symbol in ("PRED", "CLAIM", "WHERE"))

# fmt: off
words("COLOR", 1, "ts", _0="yellow", _1="black", _2="blue")
words("HUE", 1, "ts", _="color|colors")
words("SIZE", 1, "s", _0="small|little; small sized", _1="medium; medium sized", _2="big|large; big sized")
words("THING", 1.5, "ts", _="item|object|item|object|block|shape|thing")
words("THING", 8, "t", _="block")
words("THING", 0.4, "t", _="square|box")
words("THINGS", 1.5, "ts", _="items|objects|items|objects|blocks|shapes|things")
words("THINGS", 8, "t", _="blocks")
words("THINGS", 0.4, "t", _="squares|boxes")
words("NOUN", 1.5, "s", _0="circle", _1="square", _2="triangle")
words("NOUNS", 1.5, "s", _0="circles", _1="squares", _2="triangles")
rule("NOUN", 1, "ts", "THING", lambda _: None)
rule("NOUNS", 1, "ts", "THINGS", lambda _: None)
words("N", 1, "ts", _2="two", _3="three", _4="four")
words("N", 1.5, "ts", _2="two")
words("N", 0.3, "s", _5="five", _6="six", _7="seven")
words("BOX", 2, "s", _="box")
words("BOX", 2, "t", _="tower|tower|tower|tower|tower|box|box|stack")
words("BOX", 1, "ts", _="gray box; gray square")
words("BOXES", 2, "s", _="boxes")
words("BOXES", 2, "t", _="towers|towers|towers|boxes|tower")
words("BOXES", 1, "ts", _="gray boxes; gray squares; gray box; gray square")
for noun, name in (("NOUN", "ONE"), ("NOUNS", "MANY")):
    rule(name, 5, "ts", f"COLOR {noun}", lambda c, n: things((c,), n))
    rule(name, 1.5, "ts", noun, lambda n: things(None, n))
    rule(name, 0.5, "s", f"SIZE COLOR {noun}", lambda s, c, n: things((c,), n, s))
    rule(name, 0.5, "s", f"SIZE {noun}", lambda s, n: things(None, n, s))
    rule(name, 0.3, "ts", f"COLOR or COLOR {noun}", lambda a, b, n: things(tuple(sorted((a, b))), n))
rule("ONE", 0.3, "ts", "COLOR one", of)

# --- how many: "one" and "some" are said without "exactly", but meant so -------------------------------------------
rule("A", 5, "ts", "a", lambda: LEAST)
rule("A", 1.5, "ts", "at least a|one|one", lambda: LEAST)
rule("A", 2.5, "ts", "exactly|only|exactly|only|just one; only a", lambda: ONE)
rule("A", 1, "ts", "one", lambda: ("one", 1))
rule("A", 1, "ts", "no", lambda: NONE)
rule("A", 0.2, "ts", "more than one", lambda: (">", 1))
rule("SOME", 3, "ts", "N", lambda n: ("some", n))
rule("SOME", 2.5, "ts", "exactly|only|exactly|only|just N", lambda n: ("=", n))
rule("SOME", 2, "ts", "at least N; at least N; at least N; N or more", lambda n: (">", n - 1))
rule("SOME", 0.7, "ts", "at most N; not more than N", lambda n: ("<", n + 1))
rule("SOME", 0.5, "ts", "more than N", lambda n: (">", n))
rule("SOME", 0.4, "ts", "less|fewer than N", lambda n: ("<", n))
rule("SOME", 0.6, "ts", "more than one; multiple; several; many", lambda: (">", 1))
rule("SOME", 0.4, "ts", "no", lambda: NONE)
rule("SOME", 0.2, "ts", "some", lambda: LEAST)
rule("COUNT", 6, "ts", "A ONE", lambda n, m: (n, m))
rule("COUNT", 5, "ts", "SOME MANY", lambda n, m: (n, m))
rule("HEIGHT", 1, "ts", "A THING", lambda n, _: n)
rule("HEIGHT", 2.5, "ts", "SOME THINGS", lambda n, _: n)

# --- where ---------------------------------------------------------------------------------------------------------
for sides, weight, templates in (
    ((0, 1, 2, 3), 5, "the|a|any wall|edge|side|edge|wall|border; the|a wall|edge|side of a|the BOX; wall|edge|edges"),
    ((3,), 2.5, "the base|bottom; the base|bottom of a|the BOX; the|a bottom wall|edge|side; bottom wall of a|the BOX"),
    *(((n,), w, f"the|a {name} wall|side|edge; {name} wall|side|edge of a|the BOX; the {name} of a|the BOX")
      for n, w, name in ((0, 0.3, "left"), (1, 1.2, "right"), (2, 0.4, "top"))),
):
    rule("WALL", weight, "ts", templates, lambda *_, sides=sides: step("wall", sides))
rule("WALL", 1.2, "ts", "the|a|any|box|a corner; the|a|any corner of a|the BOX", lambda *_: step("corner"))
rule("TOUCHING", 5, "ts", "touching WALL; touching WALL; closely|nearly|closely touching WALL", lambda w: w)
rule("TOUCHING", 2, "ts", "not touching WALL", lambda w: step("not", w))
place(6, "s", "TOUCHING; TOUCHING; TOUCHING; that|which is|are TOUCHING", lambda w: w)
place(0.6, "t", "touching WALL; that is touching WALL", lambda w: w)
for end, name in (("base", "base|bottom|base"), ("top", "top")):
    place(4, "t", f"at|at|on|in the {name}; at {name}; at the {name} of a|the BOX; as|at the {name} of a|the tower",
        lambda *_, end=end: step(end))
    place(1.5, "t", f"as|at the {name} of a|the BOX with|that|which has|have|has HEIGHT; as the {name} of a tower with "
        f"HEIGHT", lambda *v, end=end: both(step(end), step("in", tall(v[-1]))))
    at_end = block_at(end)
    pred(1, "t", f"a|the COLOR {name}; a {name} that is COLOR; the {name} which is COLOR; COLOR {name}|{end}s", at_end)
    rule("THAT", 1, "t", f"the {name} is COLOR; the {name} block is COLOR; the block at the {name} is COLOR", at_end)
    claim(0.7, "t", f"the {name} of the|a N blocks|block tower|towers is|are COLOR; the N block|blocks tower has a "
        f"COLOR {name}; the {name} of the tower with N blocks is COLOR; the {name} block of the tower with N blocks is "
        f"COLOR", lambda n, c, at=at_end: step("the", tall(("=", n)), at(c)))
    claim(0.2, "t", f"the {name} of the two|three N blocks|block towers is|are COLOR",
        lambda n, c, at=at_end: step("the", tall(("=", n)), at(c)))
    claim(0.4, "t", f"there are SOME towers with|which|that has|have| the| same {name} HUE; SOME towers have the same "
        f"{name} HUE", lambda n, _, end=end: step("alike", n, end))
place(0.8, "t", "on top; on top of it all; on top of other|others items|blocks", lambda: step("top"))
place(0.3, "t", "in the middle", lambda: step("not", step("or", step("top"), step("base"))))
place(4, "t", "on|above|over|above|over a ONE; on top of a ONE; directly|right|just above|over a ONE",
    lambda m: step("on", m))
place(0.3, "t", "on|above|over MANY; on top of MANY", lambda m: step("on", m))
place(1.2, "t", "below|under|beneath a ONE", lambda m: step("under", m))
place(0.3, "t", "below|under|beneath a ONE at the top", lambda m: step("under", both(m, step("top"))))

# --- what a box is like --------------------------------------------------------------------------------------------
pred(4, "ts", "COUNT", lambda c: each(*c))
pred(5, "ts", "COUNT WHERE", each_at)
pred(1.5, "ts", "HEIGHT", tall)
pred(0.4, "ts", "MANY", some)
pred(0.4, "ts", "the| COLOR NOUN WHERE", lambda c, n, w: some(things((c,), n), w))
pred(2.3, "ts", "COUNT and COUNT; COUNT and COUNT; COUNT but COUNT", lambda a, b: both(each(*a), each(*b)))
pred(0.7, "ts", "COUNT COUNT and COUNT", lambda a, b, c: both(each(*a), each(*b), each(*c)))
pred(0.5, "ts", "COUNT WHERE and COUNT WHERE", lambda a, v, b, w: both(each_at(a, v), each_at(b, w)))
pred(0.3, "ts", "one COLOR and one COLOR NOUN",
    lambda a, b, n: both(each(ONE, things((a,), n)), each(ONE, things((b,), n))))
pred(2, "ts", "HEIGHT and|with|having COUNT WHERE; HEIGHT and it has COUNT WHERE", tall_and(each_at))
pred(0.8, "ts", "HEIGHT and COUNT; HEIGHT and it has COUNT", tall_and(lambda c: each(*c)))
pred(0.3, "ts", "HEIGHT and it has COUNT and COUNT", lambda n, a, b: both(tall(n), each(*a), each(*b)))
pred(0.8, "t", "HEIGHT and the COLOR one|block|item is WHERE", lambda n, c, w: both(tall(n), each(ONE, both(of(c), w))))
pred(0.6, "ts", "HEIGHT and a| COLOR one WHERE", lambda n, c, w: both(tall(n), some(of(c), w)))
pred(0.6, "ts", "HEIGHT one of which is a ONE; HEIGHT and one of them is a ONE", tall_and(some))
pred(0.6, "ts", "HEIGHT which|that is|are COLOR; HEIGHT of color COLOR", tall_and(whole))
pred(0.2, "ts", "HEIGHT and the|| one is COLOR", lambda n, c: both(tall(n), each(ONE, of(c))))
pred(0.2, "ts", "HEIGHT and the|| N are COLOR", lambda n, k, c: both(tall(n), each(("=", k), of(c))))
pred(0.5, "s", "HEIGHT and the|| SOME are|is TOUCHING; HEIGHT SOME of which are TOUCHING", tall_and(each))
pred(1.2, "ts", "only|just|all MANY", lambda m: each(NONE, step("not", m)))
pred(1.2, "ts", "only COLOR and COLOR THINGS", two_hues)
pred(0.8, "ts", "only| THINGS of only| COLOR and COLOR HUE", lambda _, a, b, h: two_hues(a, b))
pred(1, "ts", "only| HEIGHT of only| COLOR and COLOR HUE", tall_and(two_hues))
pred(0.4, "ts", "only| N COLOR and COLOR THINGS", lambda n, a, b, _: both(tall(("=", n)), two_hues(a, b)))
pred(0.1, "ts", "N THINGS at most of COLOR and COLOR HUE",
    lambda n, _, a, b, h: both(tall(("<", n + 1)), two_hues(a, b)))
pred(1.2, "ts", "THINGS of only|exactly| one HUE; only one HUE; all| the| THINGS of|in|with the| same HUE; same "
    "colored THINGS", lambda *_: hues(ONE))
pred(0.8, "ts", "HEIGHT of the| same HUE; HEIGHT of only one HUE; SOME the| same colored|color THINGS; SOME the same "
    "THINGS HUE; HEIGHT where all the THINGS are of the| same HUE", lambda n, *_: both(tall(n), hues(ONE)))
pred(0.6, "ts", "THINGS of|in only|exactly| two different| HUE; only two HUE", lambda *_: hues(("=", 2)))
pred(0.2, "ts", "THINGS of two different HUE and COUNT", lambda *v: both(hues(("=", 2)), each(*v[-1])))
pred(0.8, "ts", "THINGS of|in all the| three different| HUE; all the| three different| HUE", lambda *_: hues(ALL))
pred(0.4, "ts", "HEIGHT of|in all the| three different| HUE", lambda n, _: both(tall(n), hues(ALL)))
pred(0.3, "ts", "all the| three HUE and COUNT WHERE", lambda _, c, w: both(hues(ALL), each_at(c, w)))
pred(0.2, "ts", "different|differently colored THINGS", lambda _: hues((">", 1)))
for number, name in ((1, "the| same shape"), (2, "two different| shapes"), (3, "all the| three shapes")):
    pred(0.3, "s", f"THINGS of {name}", lambda _, number=number: step("shapes", ("=", number)))
pred(0.2, "s", "all the| THINGS TOUCHING", lambda _, w: each(NONE, step("not", w)))
pred(1, "t", "N MANY stacked together; N MANY on top of each other; N MANY together", lambda n, m: step("run", n, m))
for level, name in ((1, "second"), (2, "third")):
    rule("THAT", 1 / level, "t", f"the {name} block|item is COLOR; the {name} block|item from the base|bottom is COLOR",
        lambda c, level=level: some(of(c), step("level", level)))
pred(0.3, "t", "a COLOR block|item as the second block", lambda c: some(of(c), step("level", 1)))
pred(0.3, "t", "SOME MANY as the base and second block|blocks",
    lambda n, m: both(*(some(m, step("level", level)) for level in (0, 1))))
pred(0.5, "t", "a ONE between two THINGS of the| same HUE", lambda m, *_: some(m, step("between")))
pred(0.2, "t", "a ONE below|under|beneath a different colored block", lambda m: some(m, step("differs")))

# --- which boxes ---------------------------------------------------------------------------------------------------
rule("WITH", 10, "ts", "with PRED; with PRED; with PRED; having|containing PRED; that|which has|have|contains|contain "
    "PRED", lambda p: p)
rule("WITH", 1.2, "t", "where|that|which THAT; such that THAT", lambda p: p)
rule("WITH", 0.6, "t", "with HEIGHT and|where THAT", tall_and(both))
rule("WITH", 0.6, "ts", "without a|any ONE; with no ONE; without any MANY", lambda m: each(NONE, m))
rule("WITH", 0.2, "t", "with a N block|blocks which|that has PRED", lambda n, p: both(tall(("=", n)), p))
rule("BOXED", 10, "ts", "A BOX WITH", lambda n, _, p: boxes(n, p))
rule("BOXED", 7, "ts", "SOME BOXES WITH", lambda n, _, p: boxes(n, p))
rule("BOXED", 0.4, "t", "A N block|blocks tower; A tower of N blocks", lambda n, k: boxes(n, tall(("=", k))))
rule("BOXED", 1, "t", "A N block|blocks tower WITH", lambda n, k, p: boxes(n, both(tall(("=", k)), p)))
rule("BOXED", 0.6, "t", "A COLOR tower; A tower that is completely|entirely|only| COLOR; SOME COLOR towers",
    lambda n, c: boxes(n, whole(c)))
rule("BOXED", 0.4, "t", "A COLOR tower with HEIGHT", lambda n, c, k: boxes(n, both(whole(c), tall(k))))
claim(0.7, "ts", "A BOX has|contains|have PRED", lambda n, _, p: boxes(n, p))
claim(1.3, "ts", "SOME of| the| three| BOXES has|have|contain|contains PRED", lambda n, _, p: boxes(n, p))
claim(0.7, "ts", "exactly|only|| one of the three| BOXES has|contains|have PRED", lambda _, p: boxes(("one", 1), p))
claim(1.3, "ts", "each|every BOX has|contains|have PRED; each of the BOXES has|contains PRED; all the|| three| BOXES "
    "have|contain|has|contains PRED", lambda _, p: boxes(ALL, p))
claim(0.3, "ts", "none of the BOXES has|have|contain PRED; no BOX has|contains PRED", lambda _, p: boxes(NONE, p))

# --- sentences -----------------------------------------------------------------------------------------------------
claim(2, "ts", "there is|are COUNT", lambda c: total(*c))
claim(7, "ts", "there is|are COUNT WHERE", total_at)
claim(1.5, "ts", "COUNT is|are WHERE", total_at)
claim(12, "ts", "there is|are BOXED", lambda b: b)
claim(0.5, "ts", "there is|are COUNT in each|every BOX; there is|are COUNT in all the| BOXES",
    lambda c, _: boxes(ALL, each(*c)))
claim(0.4, "ts", "there is|are COUNT in a|one|the BOX", lambda c, _: boxes(LEAST, each(*c)))
claim(0.2, "ts", "there is|are COUNT in only|exactly|just one BOX", lambda c, _: boxes(ONE, each(*c)))
claim(0.8, "ts", "none of the MANY is|are WHERE; no MANY is|are WHERE; no ONE is WHERE",
    lambda m, w: total(NONE, both(m, w)))
claim(1.5, "ts", "all the| MANY are WHERE; every|each ONE is WHERE; MANY are WHERE", lambda m, w: step("all", m, w))
claim(0.2, "t", "COLOR block|item WHERE", lambda c, w: total(LEAST, both(of(c), w)))
claim(0.6, "ts", "all the| MANY are in the same|one BOX", lambda m, _: boxes(ONE, some(m)))
claim(0.3, "ts", "there are more MANY than MANY", lambda a, b: step("more", step("total", a), step("total", b)))
claim(0.7, "ts", "there is|are COUNT WHERE and COUNT WHERE", lambda a, v, b, w: both(total_at(a, v), total_at(b, w)))
claim(0.5, "ts", "only|exactly| N COLOR and one|a COLOR NOUN are|is WHERE",
    lambda n, a, b, s, w: both(total(("=", n), both(things((a,), s), w)), total(ONE, both(things((b,), s), w))))
claim(0.4, "s", "there is|are COUNT TOUCHING that|which is|are not COLOR",
    lambda c, w, color: total(c[0], both(c[1], w, step("not", of(color)))))
claim(0.4, "s", "all the| three different| HUE are TOUCHING; there are all three HUE TOUCHING",
    lambda _, w: step("hues", ALL, w))
claim(0.4, "s", "there is|are only|exactly one HUE TOUCHING", lambda _, w: step("hues", ONE, w))
claim(0.2, "s", "there are only|exactly| two HUE TOUCHING", lambda _, w: step("hues", ("=", 2), w))
claim(1.2, "t", "the tower|box with HEIGHT has|contains PRED", lambda n, p: step("the", tall(n), p))
claim(0.6, "t", "there are SOME towers with|of|that|which have|has| the| same height; SOME of| the| towers have the "
    "same height; SOME of the towers are of the| same height; there are SOME towers with the same number of blocks",
    lambda n: step("alike", n, "height"))
claim(0.2, "s", "there are SOME BOXES with|having the| same number of THINGS", lambda n, *_: step("alike", n, "height"))
claim(0.2, "t", "all|the three|| towers have the| same height; all towers are of the same height",
    lambda: step("alike", ALL, "height"))
claim(0.2, "t", "all|the three|| towers have|has different height|heights", lambda: step("alike", ONE, "height"))
# fmt: on
