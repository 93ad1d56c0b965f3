"""minilxmert show: a page to look into the model; minilxmert analyze: what its attention heads do, in numbers."""

import numpy as np

from ..explain.observations import ONE_HOT
from . import common as cli
from .answering import ANSWERS, IMAGE, PICTURES, is_drawn, open_pictures, questions, refuse_empty

MOST_OBJECTS = 10  # of the most attended ones that are printed
NAMES = (
    cli.option("--classes", "the names of the object classes, one a line", metavar="FILE"),
    cli.option("--attributes", "the names of the attributes, one a line", metavar="FILE"),
)


@cli.command(
    "write a page that shows attention and relevance",
    *PICTURES,
    *NAMES,
    cli.option("--image", IMAGE, cli.at_hand, required=True),
    cli.option("--question", "the question, in quotes", required=True),
    cli.option("--picture", "the PNG or JPEG to show behind the boxes (default: blank)", metavar="FILE"),
    *ANSWERS,
    cli.DTYPE,
    cli.option("--out", "the HTML page to write", metavar="FILE", required=True),
)
def show(options):
    """Write a page that shows what words and objects look at, and what an answer rests on.

    minilxmert show --image weights/scene.png --question "what color is the star ?" --out page.html
    minilxmert show --weights my-lxmert --features val2014_obj36.h5 --image COCO_val2014_000000000042 \\
        --question "what is it?" --out page.html
    minilxmert show --weights my-lxmert --detector frcnn-vg-finetuned --image photo.jpg --question "what is it?" \\
        --out page.html
    The page is one file and fetches nothing. Open it in any browser."""
    from ..explain.page import window

    refuse_empty(options.question)
    model, tokenizer = cli.load_model(options.weights, options), cli.tokenizer_of(options)
    with open_pictures(options, model) as features:
        objects = features[options.image]
        names = names_of(objects, options) if options.features else features.kinds(objects)
    picture = options.picture or (None if options.features else options.image)
    shown = picture, names, options.top
    page = window(model, tokenizer, options.question, objects, *shown, drawn=is_drawn(options))
    page.save(options.out)
    best = page.data["answers"][0]
    print(f"{options.out}: {options.question}  {best['text']} {best['probability']:.1%}, {len(page.html) >> 10:,} kB")
    for doubt in page.data["doubts"]:
        print(f"  a guess: {doubt}")


def names_of(objects, options):
    """The objects' texts by the files of names that the options give."""
    from ..explain.attention import object_names
    from ..vision.objects import read_names

    texts = [path and read_names(path) for path in (options.classes, options.attributes)]
    return object_names(objects, *texts)


@cli.command(
    "measure what the attention heads do",
    *PICTURES,
    *NAMES,
    cli.option("--batch", 'lines of {"image": …, "question": …}', metavar="FILE"),
    cli.option("--image", f"or {IMAGE}", cli.at_hand),
    cli.option("--question", "and one question"),
    cli.option("--plot", "also draw them: SVG, or PNG or PDF (extra: tutorials)", metavar="FILE"),
    cli.option("--nouns", "words to count as nouns, separated by spaces", metavar="WORDS"),
)
def analyze(options):
    """Measure what the attention heads do: the paper's observations, for any weights.

    minilxmert analyze --weights my-lxmert --features val2014_obj36.h5 --batch questions.jsonl
    minilxmert analyze --image weights/scene.png --question "what color is the star ?"
    """
    from ..explain.observations import observe

    is_drawn(options)
    rows = questions(options)
    model, tokenizer = cli.load_model(options.weights, options), cli.tokenizer_of(options)
    with open_pictures(options, model) as features:
        objects = [features[row["image"]] for row in rows]
        names = [names_of(o, options) if options.features else features.kinds(o) for o in objects]
    classes = {"nouns": frozenset(options.nouns.lower().split())} if options.nouns else None
    found = observe(model, tokenizer, [row["question"] for row in rows], objects, names, classes)
    print_observations(found)
    if options.plot:
        from ..explain.observations import habits_figure

        habits_figure(found).save(options.plot)


def print_observations(found):
    print(f"{found.examples} examples. Where words look: mean share of all heads (the most of one, its layer.head)")
    for family, habits in found.habits.items():
        if next(iter(habits.values())).size:
            print(f"  {family:<18}" + "  ".join(f"{habit} {most(shares)}" for habit, shares in habits.items()))
    print(f"How sharply: the largest weight of those who look, and the heads where it is {ONE_HOT} or more (one-hot)")
    for family, sharp in found.sharpness.items():
        if sharp.size:
            print(f"  {family:<18}{most(sharp)}  one-hot: {(sharp >= ONE_HOT).sum()} of {sharp.size}")
    print("Objects that words look at most (1 is even attention; how many)")
    shown = found.objects[:MOST_OBJECTS]
    width = max([16, *(len(name) for name, *_ in shown)])
    for name, lift, count in shown:
        print(f"  {name:<{width}}  {lift:.2f}  {count}")
    print("Words that objects look at")
    for name, (lift, count) in found.word_classes.items():
        print(f"  {name:<18}{f'{lift:.2f}' if count else '  – '}  {count}")


def most(shares):
    """shares (layers, heads) -> "12% (31% 2.4)": the mean, and the largest with its layer and head counted from 1"""
    if np.isnan(shares).all():
        return "–"
    layer, head = np.unravel_index(np.nanargmax(shares), shares.shape)
    return f"{np.nanmean(shares):.0%} ({np.nanmax(shares):.0%} {layer + 1}.{head + 1})"


COMMANDS = cli.family(show, analyze)
