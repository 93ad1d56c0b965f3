"""The accuracy of VQA: an answer is as right as people agree on it."""

from ...training.metrics import official_score
from ..checking import Exercise

WORDS = ("red", "blue", "2", "no", "yes")


def solution(answer, humans):
    return official_score(answer, humans)


def draws(rng):
    """Every number of people who gave the answer, in any order."""
    for count in range(11):
        yield "red", ["red"] * count + ["blue"] * (10 - count)
    for _ in range(20):
        yield str(rng.choice(WORDS)), [str(word) for word in rng.choice(WORDS, 10, p=[0.5, 0.2, 0.1, 0.1, 0.1])]


EXERCISE = Exercise(
    title="VQA accuracy",
    minutes=15,
    chapter=10,
    teaches="why the scores are 0, 0.3, 0.6, 0.9 and 1: leave one out of ten, three of nine are enough",
    solution=solution,
    draws=draws,
    solved=(official_score,),
    mistakes=(
        (
            "it is min(n / 3, 1) of all ten; leave each one out in turn",
            lambda a, h: min(h.count(a) / 3, 1.0),
        ),
        ("it is the share of people who agree; three of nine are enough for 1", lambda a, h: h.count(a) / 10),
        ("it is all or nothing; people who disagree give a part of the score", lambda a, h: float(a in h)),
        ("it is all or nothing, by the majority", lambda a, h: float(a == max(set(h), key=h.count))),
        ("it is not limited to 1", lambda a, h: 0.3 * h.count(a)),
        ("three people of nine are enough, not two or four", lambda a, h: min(0.9 * h.count(a) / 2, 1.0)),
        ("the mean goes over the ten people, each left out once", lambda a, h: solution(a, h) * 10 / 9),
    ),
)
