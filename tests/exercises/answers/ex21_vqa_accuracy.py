"""Typical answers to exercise 21. The docstring of a wrong one: words that the verdict on it must hold."""


def right_by_table(answer, humans):
    return (0.0, 0.3, 0.6, 0.9, 1.0)[min(humans.count(answer), 4)]


def wrong_all_ten(answer, humans):
    """leave each one out in turn"""
    return min(humans.count(answer) / 3, 1.0)


def wrong_share(answer, humans):
    """share of people"""
    return sum(human == answer for human in humans) / len(humans)


def wrong_any(answer, humans):
    """all or nothing"""
    return 1.0 if answer in humans else 0.0


def wrong_majority(answer, humans):
    """by the majority"""
    counts = {human: humans.count(human) for human in humans}
    return float(counts.get(answer, 0) == max(counts.values()) and answer == max(set(humans), key=humans.count))


def wrong_unlimited(answer, humans):
    """not limited"""
    return humans.count(answer) * 0.3


def wrong_popping(answer, humans):
    """changes its input humans"""
    score = right_by_table(answer, humans)
    humans.pop()
    return score


def wrong_in_place(answer, humans):
    """changes its input"""
    humans.sort()
    return right_by_table(answer, humans)
