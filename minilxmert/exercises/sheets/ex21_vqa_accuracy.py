"""VQA accuracy: why the scores are 0, 0.3, 0.6, 0.9 and 1: leave one out of ten, three of nine are enough.

15 minutes; chapter 10."""

from ...training.metrics import official_score

WORDS = ("red", "blue", "2", "no", "yes")


def vqa_accuracy(answer, humans):
    """How right an answer is, when ten people answered the same question and did not agree.

    answer: a text, humans: a list of ten texts -> one number in 0…1

    Leave one of the ten out. Of the nine others, n gave this answer: that makes min(n / 3, 1). The accuracy is the mean
    over the ten ways to leave one out.

    Hints
    - list.count(x) counts.
    - On paper: one of ten people agrees. In how many of the ten ways is that person left out?
    - Only five different numbers can come out. Training uses them as a table.
    """
    return official_score(answer, humans)


def draws(rng):
    """Every number of people who gave the answer, in any order."""
    for count in range(11):
        yield "red", ["red"] * count + ["blue"] * (10 - count)
    for _ in range(20):
        yield str(rng.choice(WORDS)), [str(word) for word in rng.choice(WORDS, 10, p=[0.5, 0.2, 0.1, 0.1, 0.1])]


VARIES = "-> the result * k", "an answer gets 0 … {k} points: {k} times the accuracy"
IMPORTS = ""
SOLVED = (official_score,)
MISTAKES = (
    ("it is min(n / 3, 1) of all ten; leave each one out in turn", lambda a, h: min(h.count(a) / 3, 1.0)),
    ("it is the share of people who agree; three of nine are enough for 1", lambda a, h: h.count(a) / 10),
    ("it is all or nothing; people who disagree give a part of the score", lambda a, h: float(a in h)),
    ("it is all or nothing, by the majority", lambda a, h: float(a == max(set(h), key=h.count))),
    ("it is not limited to 1", lambda a, h: 0.3 * h.count(a)),
    ("three people of nine are enough, not two or four", lambda a, h: min(0.9 * h.count(a) / 2, 1.0)),
    ("the mean goes over the ten people, each left out once", lambda a, h: vqa_accuracy(a, h) * 10 / 9),
)
