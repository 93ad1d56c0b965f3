"""minilxmert show: a page to look into the model; minilxmert analyze: what its attention heads do, in numbers."""

import numpy as np

from ..explain.observations import ONE_HOT
from .answering import is_drawn, pictures, questions, refuse_empty
from .common import add_detector, add_heads, add_shipped, at_hand, load_model, positive, tokenizer_of

MOST_OBJECTS = 10  # of the most attended ones that are printed


def picture_arguments(command):
    add_shipped(command)
    command.add_argument("--features", help="the objects of the pictures: TSV, HDF5, npz or a folder of npz")
    command.add_argument("--vocab", help="vocab.txt (default: beside the weights)")
    command.add_argument("--classes", metavar="FILE", help="the names of the object classes, one a line")
    command.add_argument("--attributes", metavar="FILE", help="the names of the attributes, one a line")
    add_heads(command)


def show_arguments(command):
    picture_arguments(command)
    command.add_argument(
        "--image",
        type=at_hand,
        required=True,
        help="a picture, PNG or JPEG, drawn or with --detector; or its id in --features",
    )
    add_detector(command)
    command.add_argument("--question", required=True, help="the question, in quotes")
    command.add_argument("--picture", metavar="FILE", help="the PNG or JPEG to show behind the boxes (default: blank)")
    command.add_argument("--answers", help="the list of answers, JSON (default: with or beside the weights)")
    command.add_argument("--top", type=positive, default=5, metavar="N", help="how many answers (default 5)")
    command.add_argument("--out", required=True, metavar="FILE", help="the HTML page to write")


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
    model, tokenizer = load_model(options.weights, options), tokenizer_of(options, options.weights)
    with pictures(options, model) as features:
        objects = features[options.image]
        names = named(objects, options) if options.features else features.kinds(objects)
    picture = options.picture or (None if options.features else options.image)
    shown = picture, names, options.top
    page = window(model, tokenizer, options.question, objects, *shown, drawn=is_drawn(options))
    page.save(options.out)
    best = page.data["answers"][0]
    print(f"{options.out}: {options.question}  {best['text']} {best['probability']:.1%}, {len(page.html) >> 10:,} kB")
    for doubt in page.data["doubts"]:
        print(f"  a guess: {doubt}")


def named(objects, options):
    """The objects' texts by the files of names that the options give."""
    from ..explain.attention import object_names
    from ..vision.objects import read_names

    texts = [path and read_names(path) for path in (options.classes, options.attributes)]
    return object_names(objects, *texts)


def analyze_arguments(command):
    picture_arguments(command)
    command.add_argument("--batch", metavar="FILE", help='lines of {"image": …, "question": …}')
    command.add_argument("--image", type=at_hand, help="or one picture, drawn or with --detector; or its id")
    add_detector(command)
    command.add_argument("--question", help="and one question")
    command.add_argument("--plot", metavar="FILE", help="also draw them: SVG, or PNG or PDF (extra: tutorials)")
    command.add_argument("--nouns", metavar="WORDS", help="words to count as nouns, separated by spaces")


def analyze(options):
    """Measure what the attention heads do: the paper's observations, for any weights.

    minilxmert analyze --weights my-lxmert --features val2014_obj36.h5 --batch questions.jsonl
    minilxmert analyze --image weights/scene.png --question "what color is the star ?"
    """
    from ..explain.observations import observe

    is_drawn(options)
    rows = questions(options)
    model, tokenizer = load_model(options.weights, options), tokenizer_of(options, options.weights)
    with pictures(options, model) as features:
        objects = [features[row["image"]] for row in rows]
        names = [named(o, options) if options.features else features.kinds(o) for o in objects]
    classes = {"nouns": frozenset(options.nouns.lower().split())} if options.nouns else None
    found = observe(model, tokenizer, [row["question"] for row in rows], objects, names, classes)
    print_observations(found)
    if options.plot:
        from ..explain.figures import habits_figure

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
    for name, lift, count in found.objects[:MOST_OBJECTS]:
        print(f"  {name:<18}{lift:.2f}  {count}")
    print("Words that objects look at")
    for name, (lift, count) in found.word_classes.items():
        print(f"  {name:<18}{f'{lift:.2f}' if count else '  – '}  {count}")


def most(shares):
    """shares (layers, heads) -> "12% (31% 2.4)": the mean, and the largest with its layer and head counted from 1"""
    if np.isnan(shares).all():
        return "–"
    layer, head = np.unravel_index(np.nanargmax(shares), shares.shape)
    return f"{np.nanmean(shares):.0%} ({np.nanmax(shares):.0%} {layer + 1}.{head + 1})"


COMMANDS = {
    "show": (show, show_arguments, "write a page that shows attention and relevance"),
    "analyze": (analyze, analyze_arguments, "measure what the attention heads do"),
}
