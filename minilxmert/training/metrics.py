"""How right the answers are: the published measures of VQA, GQA and NLVR2, with intervals that say how sure that is.

    print(vqa_report(questions, predictions))
Questions are the records of task_files; predictions are {question's identity: answer}. Sources: vqaEval.py of the VQA
authors, eval.py of GQA, metrics.py of NLVR2, and the evaluators of the LXMERT authors."""

import math
import re
from collections import Counter
from dataclasses import dataclass

from ..core.answers import SPELLED
from ..errors import TaskFileError

Z = 1.959964  # a normal variable is within ± Z in 95 % of cases
SOFT = (0.0, 0.3, 0.6, 0.9, 1.0)  # the score of an answer that 0, 1, 2, 3, 4 or more of ten people gave
PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'  # neither apostrophe nor colon: girl's, 2:50
NUMBERS = {"none": "0", "zero": "0"} | {word: digit for word, digit in SPELLED.items() if digit.isdecimal()}
CONTRACTIONS = """ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't
haven't he'd he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am mightn't mightn't've might've mustn't
must've needn't not've o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd've
somebody'll somebody's someone'd someone'd've someone'll someone's something'd something'd've something'll that's
there'd there'd've there're there's they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't
what'll what're what's what've when's where'd where's where've who'd who'd've who'll who's who've why'll why're why's
won't would've wouldn't wouldn't've y'all y'all'll y'all'd've you'd you'd've you'll you're you've""".split()
MENDED = {word[:i] + word[i + 1 :]: word for word in CONTRACTIONS for i, c in enumerate(word) if c == "'"}
MENDED["somebody'd"] = "somebodyd"  # the published table has this one the wrong way round
VQA_TYPES = {"yes/no": "Binary", "number": "Number", "other": "Other"}  # as the paper's tables call them


@dataclass(frozen=True)
class Row:
    """One line of a report: how many points of how many (points may be fractions), and the share."""

    name: str
    right: float
    total: int

    @property
    def share(self):
        return self.right / self.total if self.total else math.nan

    @property
    def told(self):
        """The share as text; none of nothing."""
        return f"{self.share:.2%}" if self.total else "none"

    def __str__(self):
        if not self.total:
            return f"{self.name:<16} {self.told:>8} {'':>18} {0:9,}"
        low, high = interval(self.right, self.total)
        return f"{self.name:<16} {self.told:>8} {low:8.2%} … {high:7.2%} {self.total:9,}"


@dataclass(frozen=True)
class Report:
    """Measures by name: report["Binary"].share; as text, a table with 95 % intervals."""

    title: str
    rows: tuple

    def __getitem__(self, name):
        return next(row for row in self.rows if row.name == name)

    def __str__(self):
        return "\n".join([f"{self.title:<16} {'share':>8} {'95 % interval':>18} {'of':>9}", *map(str, self.rows)])


def interval(right, total):
    """The 95 % interval of a share (Wilson's): right of total, 0 ≤ right ≤ total -> (low, high); (0, 1) of nothing."""
    if not total:
        return 0.0, 1.0
    share, spread = right / total, Z * Z / total
    middle = (share + spread / 2) / (1 + spread)
    half = math.sqrt(max(0.0, share * (1 - share) * spread + spread * spread / 4)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def official_form(answer):
    """An answer as the official VQA evaluation compares it: no punctuation, lower case, digits, no articles, don't."""
    answer = re.sub(r"\s", " ", answer).strip()
    between_digits = re.search(r"\d,\d", answer)
    bare = answer
    for mark in PUNCTUATION:  # a mark beside a space vanishes, others part words; a thousands comma changes that
        beside = mark + " " in answer or " " + mark in answer or between_digits
        bare = bare.replace(mark, "" if beside else " ")
    words = re.sub(r"\.(?!\d)", "", bare).lower().split()
    words = [NUMBERS.get(word, word) for word in words]
    return " ".join(MENDED.get(word, word) for word in words if word not in ("a", "an", "the"))


def official_score(answer, annotators):
    """The official VQA score of an answer, 0 … 1: min(people who gave it / 3, 1), a mean over leaving each one out.

    annotators: the answers of (ten) people. When all gave the same one, texts are compared as they stand."""
    answer, people = answer.strip(), [given.strip() for given in annotators]
    if len(set(people)) > 1:
        answer, people = official_form(answer), [official_form(given) for given in people]
    agree = people.count(answer)
    return sum(min((agree - (given == answer)) / 3, 1) for given in people) / len(people)


def soft_scores(annotators, known=None):
    """The answers of ten people -> {answer: 0.3, 0.6, 0.9 or 1}, as the authors' label files have it.

    known: the answers that a head can give; others are left out."""
    counts = Counter(official_form(given) for given in annotators)
    return {answer: SOFT[min(n, 4)] for answer, n in counts.items() if answer and (known is None or answer in known)}


def vqa_report(questions, predictions, official=False):
    """VQA accuracy, overall and by type of answer. predictions: {question_id: answer} -> Report.

    Points are the label's scores, or with `official` those of the formula over the annotators of each question."""

    def points(question, answer):
        if official:
            return official_score(answer, needed(question, "annotators", question.question_id))
        return needed(question, "label", question.question_id).get(answer, 0.0)

    return by_kind("VQA", questions, predictions, points, lambda q: VQA_TYPES.get(q.answer_type), VQA_TYPES.values())


def gqa_report(questions, predictions):
    """GQA accuracy, overall, of binary and of open questions. predictions: {question_id: answer} -> Report.

    Only balanced questions count, as in GQA's eval.py, in files that tell it; all must have predictions, as there.
    Binary: the structure is not `query`; in files that do not tell it, the right answer is yes or no."""

    def points(question, answer):
        return needed(question, "label", question.question_id).get(answer, 0.0)

    def kind(question):
        yes_no = question.label.keys() <= {"yes", "no"} if question.structure is None else question.structure != "query"
        return "Binary" if yes_no else "Open"

    answered = {q.question_id: predicted(predictions, q.question_id, "GQA") for q in questions}
    counted = [question for question in questions if getattr(question, "balanced", None) is not False]
    return by_kind("GQA", counted, answered, points, kind, ("Binary", "Open"))


def by_kind(title, questions, predictions, points, kind, kinds):
    """Points of every question's prediction, summed overall and by kind -> Report."""
    right, total = Counter(), Counter()
    for question in questions:
        earned = points(question, predicted(predictions, question.question_id, title))
        for name in {"Overall", kind(question)}:
            right[name] += earned
            total[name] += 1
    return Report(title, tuple(Row(name, right[name], total[name]) for name in ("Overall", *kinds)))


def nlvr2_report(statements, predictions):
    """NLVR2 accuracy, and consistency: the share of sentences whose pairs are all right. predictions: {uid: 0 or 1}."""
    judged = [
        (sentence_of(item.identifier), predicted(predictions, item.uid, "NLVR2") == needed(item, "label", item.uid))
        for item in statements
    ]
    return consistency_report("NLVR2", judged)


def sentence_of(identifier):
    """split-set-pair-sentence -> what all pairs of one sentence share."""
    split, pictures, _, sentence = identifier.rsplit("-", 3)
    return split, pictures, sentence


def consistency_report(title, judged):
    """judged: (sentence, right or wrong) of every picture or pair -> Report of Accuracy and Consistency."""
    whole = {}
    for sentence, right in judged:
        whole[sentence] = whole.get(sentence, True) and right
    rows = ("Accuracy", [right for _, right in judged]), ("Consistency", whole.values())
    return Report(title, tuple(Row(name, sum(values), len(values)) for name, values in rows))


def predicted(predictions, identity, title):
    """The prediction for one question; a missing one is refused, since leaving questions out would raise the share."""
    if identity not in predictions:
        raise TaskFileError.at(f"{title} predictions", identity, "an answer to every question", "none")
    return predictions[identity]


def needed(question, name, identity):
    value = getattr(question, name)
    if value is None:
        raise TaskFileError.at("questions", identity, f"a {name} to compare with", "none (a test split?)")
    return value
