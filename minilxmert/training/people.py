"""What the answers of ten people to a question of VQA are worth: the form in which they are compared, and their scores.

Source: vqaEval.py of the VQA authors; the label files of the LXMERT authors."""

import re
from collections import Counter

from ..core.answers import SPELLED

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
    words = [NUMBERS.get(word, word) for word in bare.lower().split()]
    return " ".join(MENDED.get(word, word) for word in words if word not in ("a", "an", "the"))


def official_score(answer, annotators):
    """The official VQA score of an answer, 0 … 1: min(people who gave it / 3, 1), a mean over leaving each one out.

    annotators: the answers of (ten) people. When all gave the same one, texts are compared as they stand."""
    answer, people = trim(answer), [trim(given) for given in annotators]
    if len(set(people)) > 1:
        answer, people = official_form(answer), [official_form(given) for given in people]
    agree = people.count(answer)
    return sum(min((agree - (given == answer)) / 3, 1) for given in people) / len(people)


def soft_scores(annotators, known=None):
    """The answers of ten people -> {answer: 0.3, 0.6, 0.9 or 1}, as the authors' label files have it.

    known: the answers that a head can give; others are left out."""
    counts = Counter(official_form(given) for given in annotators)
    return {answer: SOFT[min(n, 4)] for answer, n in counts.items() if answer and (known is None or answer in known)}
