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
VQA_TYPES = {"yes/no": "Binary", "number": "Number", "other": "Other"}  # as the paper's tables call them
SOFT = (0.0, 0.3, 0.6, 0.9, 1.0)  # the score of an answer that 0, 1, 2, 3, 4 or more of ten people gave
PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'  # neither apostrophe nor colon: girl's, 2:50
DIGITS = {"none": "0", "zero": "0"} | {word: digit for word, digit in SPELLED.items() if digit.isdecimal()}
CONTRACTIONS = """ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't
haven't he'd he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am mightn't mightn't've might've mustn't
must've needn't not've o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd've
somebody'll somebody's someone'd someone'd've someone'll someone's something'd something'd've something'll that's
there'd there'd've there're there's they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't
what'll what're what's what've when's where'd where's where've who'd who'd've who'll who's who've why'll why're why's
won't would've wouldn't wouldn't've y'all y'all'll y'all'd've you'd you'd've you'll you're you've""".split()
MENDED = {word[:i] + word[i + 1 :]: word for word in CONTRACTIONS for i, c in enumerate(word) if c == "'"}
MENDED["somebody'd"] = "somebodyd"  # the published table has this one the wrong way round


@dataclass(frozen=True)
class Score:
    """One line of a report: how many points of how many (points may be fractions), and the share."""

    name: str
    right: float
    total: int

    @property
    def share(self):
        return self.right / self.total if self.total else math.nan

    @property
    def text(self):
        """The share as text; none of nothing."""
        return f"{self.share:.2%}" if self.total else "none"

    @property
    def note(self):
        low, high = interval(self.right, self.total)
        return f"{low:.2%} … {high:7.2%}" if self.total else ""


class Distance(Score):
    """A line with a number that is no share: how far answers are from what they should be."""

    @property
    def text(self):
        return f"{self.share:.2f}" if self.total else "none"

    @property
    def note(self):
        return "lower is better"


@dataclass(frozen=True)
class Report:
    """Measures by name, report["Binary"].share; as text, a table of `rows` with 95 % intervals. details: more rows."""

    title: str
    rows: tuple
    details: tuple = ()

    def __getitem__(self, name):
        return next(row for row in (*self.rows, *self.details) if row.name == name)

    def table(self, rows):
        lines = [(row.name, row.text, row.note, f"{row.total:,}") for row in rows]
        lines.insert(0, (self.title, "share", "95 % interval", "of"))
        width = max(16, *(len(line[0]) for line in lines))
        return [f"{name:<{width}} {text:>8} {note:>18} {total:>9}" for name, text, note, total in lines]

    def __str__(self):
        return "\n".join(self.table(self.rows))


def interval(right, total):
    """The 95 % interval of a share (Wilson's): right of total, 0 ≤ right ≤ total -> (low, high); (0, 1) of nothing."""
    if not total:
        return 0.0, 1.0
    share, spread = right / total, Z * Z / total
    middle = (share + spread / 2) / (1 + spread)
    half = math.sqrt(max(0.0, share * (1 - share) * spread + spread * spread / 4)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def vqa_report(questions, predictions, official=False):
    """VQA accuracy, overall and by type of answer; details: by type of question. -> Report

    predictions: {question_id: answer}. Points are the label's scores, or with `official` those of the formula over the
    annotators of each question."""

    def points(question, answer):
        return official_score(answer, require(question, "annotators")) if official else question.points(answer)

    earned = [points(question, prediction_of(predictions, question.key, "VQA")) for question in questions]
    types = count_points(earned, [VQA_TYPES.get(q.answer_type) for q in questions], VQA_TYPES.values())
    return Report("VQA", (overall(earned), *types), count_points(earned, [q.question_type for q in questions]))


def questions_report(questions, predictions):
    """Accuracy on questions of VQA and of GQA together. predictions: {question_id: answer} -> Report"""
    earned = [q.points(prediction_of(predictions, q.key, "questions")) for q in questions]
    return Report("questions", (overall(earned),))


def gqa_report(questions, predictions):
    """GQA accuracy, overall, of binary and of open questions; consistency and distribution, where the file tells which
    questions belong together; details: by type of question and by length. predictions: {question_id: answer} -> Report

    Only balanced questions count, as in GQA's eval.py, in files that tell it; all must have predictions, as there for
    consistency. Binary: the structure is not `query`; in files that do not tell it, the right answer is yes or no."""
    answers = {q.key: prediction_of(predictions, q.key, "GQA") for q in questions}
    earned = {q.key: q.points(answers[q.key]) for q in questions}
    counted = [question for question in questions if question.balanced is not False]
    points = [earned[question.key] for question in counted]
    rows = [overall(points), *count_points(points, map(kind_of_answer, counted), ("Binary", "Open"))]
    if any(question.entailed is not None for question in counted):
        rows.append(consistency(counted, earned))
    if any(question.group is not None for question in counted):
        rows.append(distribution(counted, answers))
    kinds = {"structure": "", "semantics": "", "steps": "steps: ", "words": "words: "}
    details = [count_points(points, [getattr(q, name) for q in counted], start=kinds[name]) for name in kinds]
    return Report("GQA", tuple(rows), tuple(row for part in details for row in part))


def kind_of_answer(question):
    binary = question.label.keys() <= {"yes", "no"} if question.structure is None else question.structure != "query"
    return "Binary" if binary else "Open"


def consistency(questions, earned):
    """GQA's consistency: of each right answer, the share of right ones among the questions that it entails.

    earned: {question_id: points}. Of nothing, where the file lacks entailed questions, as the balanced ones do."""
    right = [question for question in questions if earned[question.key] == 1]
    entailed = [[name for name in q.entailed or () if name != q.key] for q in right]
    if any(name not in earned for names in entailed for name in names):
        return Score("Consistency", 0, 0)
    shares = [sum(earned[name] for name in names) / len(names) for names in entailed if names]
    return Score("Consistency", sum(shares), len(shares))


def distribution(questions, answers):
    """GQA's distribution: how far the answers of each group of questions are from what they should be: χ² over the
    right answers' counts, a mean weighted by the sizes of the groups, in hundreds. answers: {question_id: answer}"""
    gold, found = {}, {}
    for question in questions:
        if question.group is not None:
            gold.setdefault(question.group, Counter())[question.commonest] += 1
            found.setdefault(question.group, Counter())[answers[question.key]] += 1
    sizes = {group: counts.total() for group, counts in gold.items()}
    far = {g: sum((found[g][answer] - n) ** 2 / n for answer, n in counts.items()) for g, counts in gold.items()}
    return Distance("Distribution", sum(far[group] * size for group, size in sizes.items()) / 100, sum(sizes.values()))


def overall(points):
    return Score("Overall", sum(points), len(points))


def count_points(points, kinds, names=None, start=""):
    """The points of each question and their kinds -> a Score for each kind but None, `names` or all in order"""
    right, total = Counter(), Counter()
    for earned, kind in zip(points, kinds, strict=True):
        right[kind] += earned
        total[kind] += 1
    return tuple(Score(f"{start}{name}", right[name], total[name]) for name in names or sorted(total.keys() - {None}))


def nlvr2_report(statements, predictions):
    """NLVR2 accuracy, and consistency: the share of sentences whose pairs are all right. predictions: {uid: 0 or 1}."""
    judged = [(sentence_of(s.identifier), s.points(prediction_of(predictions, s.key, "NLVR2"))) for s in statements]
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
    return Report(title, tuple(Score(name, sum(values), len(values)) for name, values in rows))


def prediction_of(predictions, key, title):
    """The prediction for one question; a missing one is refused, since leaving questions out would raise the share."""
    if key not in predictions:
        raise TaskFileError.at(f"{title} predictions", key, "an answer to every question", "none")
    return predictions[key]


def require(record, name):
    """A field of a record that a measure compares with."""
    value = getattr(record, name)
    if value is None:
        raise TaskFileError.at("questions", record.key, f"a {name} to compare with", "none (a test split?)")
    return value


def trim(answer):
    return answer.replace("\n", " ").replace("\t", " ").strip()


def official_form(answer):
    """An answer as the official VQA evaluation compares it: no punctuation, lower case, digits, no articles, don't."""
    answer = trim(answer)
    between_digits = re.search(r"\d,\d", answer)
    bare = answer
    for mark in PUNCTUATION:  # a mark beside a space vanishes, others part words; a thousands comma changes that
        beside = mark + " " in answer or " " + mark in answer or between_digits
        bare = bare.replace(mark, "" if beside else " ")
    bare = re.sub(r"\.(?!\d)", "", bare, count=32)  # the official script's flag stands where the count belongs
    words = [DIGITS.get(word, word) for word in bare.lower().split()]
    return " ".join(MENDED.get(word, word) for word in words if word not in ("a", "an", "the"))


def official_score(answer, annotators):
    """The official VQA score of an answer, 0 … 1: min(people who gave it / 3, 1), a mean over leaving each one out.

    annotators: the answers of (ten) people. When all gave the same one, texts are compared as they stand."""
    answer, people = trim(answer), [trim(given) for given in annotators]
    if len(set(people)) > 1:
        answer, people = official_form(answer), [official_form(given) for given in people]
    agree = people.count(answer)
    return sum(min((agree - (given == answer)) / 3, 1) for given in people) / len(people)


def soft_scores(annotators):
    """The answers of ten people -> {answer: 0.3, 0.6, 0.9 or 1}, as the authors' label files have it."""
    counts = Counter(official_form(given) for given in annotators)
    return {answer: SOFT[min(n, 4)] for answer, n in counts.items() if answer}
