"""Typical answers to exercise 2. The docstring of a wrong one: words that the verdict on it must hold."""

from minilxmert.words.spelling import longest_matches


def right_by_shrinking(word, vocabulary):
    if len(word) > 100:
        return ["[UNK]"]
    pieces, rest, mark = [], word, ""
    while rest:
        beginning = rest
        while beginning and mark + beginning not in vocabulary:
            beginning = beginning[:-1]
        if not beginning:
            return ["[UNK]"]
        pieces.append(mark + beginning)
        rest, mark = rest[len(beginning) :], "##"
    return pieces


def right_as_the_package(word, vocabulary):
    tokens = sorted(vocabulary)
    ids = {token: i for i, token in enumerate(tokens)}
    return [tokens[i] for i, _, _ in longest_matches(word, ids, ids["[UNK]"])]


def wrong_shortest(word, vocabulary):
    """take the longest"""
    if len(word) > 100:
        return ["[UNK]"]
    pieces, piece = [], ""
    for character in word:
        piece += character
        if ("##" if pieces else "") + piece in vocabulary:
            pieces.append(("##" if pieces else "") + piece)
            piece = ""
    return ["[UNK]"] if piece else pieces


def wrong_no_marks(word, vocabulary):
    """without their ##"""
    if len(word) > 100:
        return ["[UNK]"]
    pieces, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            if word[start:end] in vocabulary:
                break
        else:
            return ["[UNK]"]
        pieces.append(word[start:end])
        start = end
    return pieces


def wrong_unknown_piece(word, vocabulary):
    """the whole word [UNK]"""
    if len(word) > 100:
        return ["[UNK]"]
    pieces, start = [], 0
    while start < len(word):
        mark = "##" if start else ""
        for end in range(len(word), start, -1):
            if mark + word[start:end] in vocabulary:
                pieces.append(mark + word[start:end])
                break
        else:
            pieces.append("[UNK]")
            end = start + 1
        start = end
    return pieces


def wrong_no_limit(word, vocabulary):
    """more than 100 characters"""
    pieces, start, end = [], 0, len(word)
    while start < len(word):
        piece = ("##" if start else "") + word[start:end]
        if piece in vocabulary:
            pieces.append(piece)
            start, end = end, len(word)
        elif end == start + 1:
            return ["[UNK]"]
        else:
            end -= 1
    return pieces


def wrong_limit_by_one(word, vocabulary):
    """words of 100 characters are still spelled"""
    return ["[UNK]"] if len(word) >= 100 else right_by_shrinking(word, vocabulary)


def wrong_joined(word, vocabulary):
    """must be a list, found a str"""
    return " ".join(right_by_shrinking(word, vocabulary))
