"""What the attention heads do, measured: the observations of the paper (its appendix on attention graphs) as numbers.

    found = observe(model, tokenizer, questions, objects)
    found.habits["language"]["next"]        # (layers, heads): the share that a word gives to the word after it
    habits_figure(found).save("heads.svg")  # or .png, .pdf
A share is a mean over those who look; a lift is a share divided by what even attention would give (1 is even)."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from ..vision.drawings import arrange, draw_matrix
from .attention import FAMILIES, attention

SPECIAL = ("[CLS]", "[SEP]")
NOUNS = """man woman boy girl person people child cat dog horse bird animal cup plate table chair bottle food banana
apple car bus train street sign tree grass sky water hat shirt ball room wall picture color shape size thing things
circle square triangle star cross diamond ring"""
WORD_CLASSES = {  # of the words that questions and captions are made of; callers may give others
    "articles": {"a", "an", "the"},
    "pronouns": set("i you he she it we they him her them his its their this that these those".split()),
    "question words": set("what which who whose where when why how".split()),
    "nouns": set(NOUNS.split()),
    "special": set(SPECIAL),
    "punctuation": set(".,?!'"),
}
CLEAR, ONE_HOT = 0.5, 0.9  # the share from which a habit names a head, the largest weight from which it is one-hot


@dataclass(frozen=True)
class Observations:
    """Means over all examples."""

    habits: dict  # {family of words: {habit: (layers, heads) share}}
    sharpness: dict  # {family: (layers, heads) mean largest weight of those who look}: 1 is a one-hot head
    objects: list  # (name, lift, how many), most attended first: what words look at, mean of layers and heads
    word_classes: dict  # {class: (lift, how many)}: what objects look at
    examples: int

    def __repr__(self):
        return f"<Observations of {self.examples} examples>"


def observe(model, tokenizer, questions, objects, names=None, classes=None):
    """Observations over questions about pictures, one of `objects` (Objects) each.

    names: the objects' texts, a list an example; classes: {word class: words} beside WORD_CLASSES."""
    classes = {**WORD_CLASSES, **(classes or {})}
    habits = {family: defaultdict(list) for family in ("language", "cross_language")}
    sharp, things, words = defaultdict(list), defaultdict(list), defaultdict(list)
    for number, (question, seen) in enumerate(zip(questions, objects, strict=True)):
        maps = attention(model, tokenizer, question, seen, names and names[number])
        for family, found in habits.items():
            for habit, shares in head_habits(maps[family], maps.words).items():
                found[habit].append(shares)
        for family in FAMILIES:
            sharp[family].append(sharpest(maps[family]))
        collect(things, maps.objects, lifts(maps["words_to_objects"]))
        collect(words, maps.words, lifts(maps["objects_to_words"]))
    return Observations(
        {family: {habit: mean_known(values) for habit, values in found.items()} for family, found in habits.items()},
        {family: mean_known(values) for family, values in sharp.items()},
        sorted(((name, *mean_and_count(values)) for name, values in things.items()), key=lambda row: -row[1]),
        {name: mean_and_count([v for word in members for v in words[word]]) for name, members in classes.items()},
        len(questions),
    )


def head_habits(maps, words):
    """How much of its attention a word gives to a habitual place, {habit: (layers, heads)}: the mean over those words
    that have such a place (the last has no next one; [CLS] does not count as looking at [CLS]).

    maps (layers, heads, N, N) over `words` (N). A habit that no word could have is NaN."""
    n = len(words)
    own = np.arange(n)
    places = {"next": (own[:-1], own[1:]), "previous": (own[1:], own[:-1]), "itself": (own, own)}
    for special in SPECIAL:
        at = words.index(special) if special in words else None
        others = np.delete(own, at) if at is not None else own[:0]
        places[special] = (others, np.full(len(others), at or 0))
    return {habit: mean_known([maps[..., i, j] for i, j in zip(*pairs, strict=True)], maps.shape[:2])
            for habit, pairs in places.items()}  # fmt: skip


def sharpest(maps):
    """The mean over those who look of their largest weight: (layers, heads, rows, columns) -> (layers, heads)"""
    if not maps.shape[-1] or not maps.shape[-2]:
        return np.full(maps.shape[:2], np.nan)
    return maps.max(-1).mean(-1)


def lifts(maps):
    """How much each column is looked at, as a multiple of even attention, mean of layers, heads and rows (columns,)"""
    return maps.mean((0, 1, 2)) * maps.shape[-1] if maps.size else np.zeros(0)


def collect(table, names, values):
    for name, value in zip(names, values, strict=False):  # no values where a family has no layers or no rows
        table[name].append(float(value))


def mean_and_count(values):
    return (float(np.mean(values)) if values else float("nan")), len(values)


def mean_known(values, shape=()):
    """The mean of arrays, leaving out NaN; NaN where nothing is known."""
    values = np.array(values, float).reshape(len(values), *(np.shape(values[0]) if values else shape))
    count = (~np.isnan(values)).sum(0)
    return np.where(count, np.nansum(values, 0) / np.maximum(count, 1), np.nan)


def head_marks(maps, family):
    """What each head of one example mostly does, in a word, or "": a list of texts a layer.

    maps: an Attention; family: one of FAMILIES that has layers and rows."""
    (rows, columns), kind = maps.labels(family), FAMILIES[family]
    if kind.queries == kind.keys == "words":
        shares = head_habits(maps[family], rows)
    else:
        shares = {"itself": np.einsum("lhii->lh", maps[family]) / len(rows)} if kind.queries == kind.keys else {}
        at = [columns.index(special) for special in SPECIAL if special in columns]
        shares.update({columns[i]: maps[family][..., i].mean(-1) for i in at})
        shares["one-hot"] = np.where(sharpest(maps[family]) >= ONE_HOT, CLEAR, 0)  # said where nothing else is clear
    names, values = list(shares), np.nan_to_num(list(shares.values()))  # (habits, layers, heads)
    return np.where(values.max(0) >= CLEAR, np.array(names)[values.argmax(0)], "").tolist()


def habits_figure(found):
    """A Drawing of Observations: for each habit of the words, and for sharpness, a square a head."""
    tables = {f"{family}: {habit}": a for family, habits in found.habits.items() for habit, a in habits.items()}
    tables |= {f"{family}: sharpness": a for family, a in found.sharpness.items()}
    drawn = []
    for name, table in tables.items():
        if table.size:
            rows, columns = (
                [f"{what} {i + 1}" for i in range(n)] for what, n in zip(("layer", "head"), table.shape, strict=True)
            )
            drawn.append(draw_matrix(np.nan_to_num(table), rows, columns, title=name))
    return arrange([drawn[i : i + 4] for i in range(0, len(drawn), 4)])
