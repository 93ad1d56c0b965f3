"""Typical answers to exercise 30. The docstring of a wrong one: words that the verdict on it must hold."""

from minilxmert.training import optimizer


def right_by_the_lower_line(step, steps, warmup, highest):
    return highest * min(step / steps / warmup, (steps - step) / steps / (1 - warmup))


def right_as_the_package(step, steps, warmup, highest):
    return highest * optimizer.warmup_linear(step / steps, warmup)


def wrong_no_warmup(step, steps, warmup, highest):
    """warm-up is missing"""
    return highest * (1 - step / steps) / (1 - warmup)


def wrong_constant_later(step, steps, warmup, highest):
    """goes down to 0"""
    return highest * min(1.0, step / steps / warmup)


def wrong_from_one(step, steps, warmup, highest):
    """step + 1 is not asked for"""
    return right_by_the_lower_line(step + 1, steps, warmup, highest)


def wrong_not_scaled(step, steps, warmup, highest):
    """times the highest rate"""
    return right_by_the_lower_line(step, steps, warmup, 1.0)


def wrong_text(step, steps, warmup, highest):
    """must be one number"""
    return f"{highest}"
