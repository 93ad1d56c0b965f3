"""minilxmert answer: questions about pictures."""

import json
from pathlib import Path

from ..errors import MinilxmertError
from .common import add_heads, load_model, progress

BAR = 30  # characters of a certain answer


def answer_arguments(command):
    command.add_argument("--weights", required=True, help="a model with an answer head: a file or a directory")
    command.add_argument("--features", required=True, help="the objects of the pictures: TSV, HDF5 or npz")
    command.add_argument("--image", help="the id of the picture in the feature file")
    command.add_argument("--question", help="the question, in quotes")
    command.add_argument("--batch", metavar="FILE", help='many questions: lines of {"image": …, "question": …}')
    command.add_argument("--vocab", help="vocab.txt (default: beside the weights)")
    command.add_argument("--answers", help="the list of answers, JSON (default: with or beside the weights)")
    command.add_argument("--top", type=int, default=5, metavar="N", help="how many answers (default 5)")
    command.add_argument("--batch-size", type=int, default=8, metavar="N", help="questions at a time (default 8)")
    command.add_argument("--json", action="store_true", help="print JSON lines instead of bars")
    command.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32", help="how weights are kept")
    add_heads(command)


def answer(options):
    """Answer a question about a picture, or many.

    minilxmert answer --weights weights --features weights/objects.tsv --image kitchen --question "what is this ?"
    """
    from ..answers import read_answers
    from ..features import open_features
    from ..tokenizer import LxmertTokenizer

    model = load_model(options.weights, options)
    folder = Path(options.weights) if Path(options.weights).is_dir() else Path(options.weights).parent
    tokenizer = LxmertTokenizer.from_pretrained(options.vocab or folder)
    if options.answers:
        model.answers = read_answers(options.answers, expected_size=model.config.num_qa_labels)
    with open_features(options.features) as features:
        for question, answers in answer_all(model, tokenizer, features, questions(options), options):
            if options.json:
                rows = [{"answer": a.text, "probability": round(a.probability, 6)} for a in answers]
                print(json.dumps({**question, "answers": rows}, ensure_ascii=False), flush=True)
            else:
                print_answers(question, answers)


def questions(options):
    """The questions asked: [{"image": id, "question": text}], from the options or from the lines of a file."""
    if (options.batch is None) == (options.question is None) or (options.question and not options.image):
        raise MinilxmertError('give either --image ID --question "…" or --batch FILE')
    if options.question:
        return [{"image": options.image, "question": options.question}]
    from ..files import read_small, strict_json

    rows = []
    for number, line in enumerate(read_small(options.batch, limit=1 << 30).split(b"\n"), 1):
        if line.strip():
            row = strict_json(line, f"{options.batch} line {number}")
            if not isinstance(row, dict) or not all(isinstance(row.get(k), str) for k in ("image", "question")):
                raise MinilxmertError.at(
                    options.batch, f"line {number}", '{"image": text, "question": text}', "another"
                )
            rows.append(row)
    return rows


def answer_all(model, tokenizer, features, rows, options):
    """Yield (question, answers), a batch at a time, with progress on stderr."""
    from ..ask import ask

    for start in range(0, len(rows), options.batch_size):
        batch = rows[start : start + options.batch_size]
        objects = [features[row["image"]] for row in batch]
        yield from zip(batch, ask(model, tokenizer, [r["question"] for r in batch], objects, options.top), strict=True)
        if len(rows) > options.batch_size:
            progress("answered", start + len(batch), len(rows))


def print_answers(question, answers):
    print(f"{question['question']}  [{question['image']}]")
    width = max(len(a.text) for a in answers)
    for a in answers:
        print(f"  {a.text:<{width}}  {a.probability:6.1%}  {'█' * round(a.probability * BAR)}".rstrip())


COMMANDS = {
    "answer": (answer, answer_arguments, "answer questions about pictures"),
}
