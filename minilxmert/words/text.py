"""Text to words, as BERT cleans it up and splits it: lower case, no accents, punctuation marks apart.

Source: Devlin et al. 2019 and the published fast tokenizer, whose character tables are those of Unicode 8: characters
that Unicode assigned later are treated as ordinary letters there, and so here."""

import functools
import re
import unicodedata

import regex

NEWER_PUNCTUATION = (
    r"\u061d\u09fd\u0a76\u0c77\u0c84\u1b4e\u1b4f\u1b7d-\u1b7f\u2e43-\u2e4f\u2e52-\u2e5d\u2e60-\u2e63\U00010d6e\U00010ead"
    r"\U00010ed0\U00010f55-\U00010f59\U00010f86-\U00010f89\U000113d4\U000113d5\U000113d7\U000113d8\U0001144b-\U0001144f"
    r"\U0001145a\U0001145b\U0001145d\U00011660-\U0001166c\U000116b9\U0001183b\U00011944-\U00011946\U000119e2"
    r"\U00011a3f-\U00011a46\U00011a9a-\U00011a9c\U00011a9e-\U00011aa2\U00011b00-\U00011b09\U00011be1"
    r"\U00011c41-\U00011c45\U00011c70\U00011c71\U00011ef7\U00011ef8\U00011f43-\U00011f4f\U00011fff\U00012ff1\U00012ff2"
    r"\U00016d6d-\U00016d6f\U00016e97-\U00016e9a\U00016fe2\U0001e5ff\U0001e95e\U0001e95f"
)
NEWER_MARKS = (
    r"\u05c8\u05c9\u07fd\u0897-\u089f\u08ca-\u08e1\u09fe\u0afa-\u0aff\u0b53-\u0b55\u0c04\u0c3c\u0d00\u0d3b\u0d3c"
    r"\u0d81\u0eba\u0ece\u180f\u1885\u1886\u1abf-\u1af0\u1df6-\u1dfb\ua82c\ua8c5\ua8ff\ua9bd\U00010d24-\U00010d27"
    r"\U00010d69-\U00010d6d\U00010eab\U00010eac\U00010ecb-\U00010ecf\U00010ef0-\U00010eff\U00010f46-\U00010f50"
    r"\U00010f82-\U00010f85\U00011070\U00011073\U00011074\U000110c2\U000111c9\U000111cf\U0001123e\U00011241"
    r"\U0001133b\U000113bb-\U000113c0\U000113ce\U000113d0\U000113d2\U000113e1\U000113e2\U00011438-\U0001143f"
    r"\U00011442-\U00011444\U00011446\U0001145e\U0001182f-\U00011837\U00011839\U0001183a\U0001193b\U0001193c"
    r"\U0001193e\U00011943\U000119d4-\U000119d7\U000119da\U000119db\U000119e0\U00011a01-\U00011a0a"
    r"\U00011a33-\U00011a38\U00011a3b-\U00011a3e\U00011a47\U00011a51-\U00011a56\U00011a59-\U00011a5b"
    r"\U00011a8a-\U00011a96\U00011a98\U00011a99\U00011b60\U00011b62-\U00011b64\U00011b66\U00011c30-\U00011c36"
    r"\U00011c38-\U00011c3d\U00011c3f\U00011c92-\U00011ca7\U00011caa-\U00011cb0\U00011cb2\U00011cb3"
    r"\U00011cb5\U00011cb6\U00011d31-\U00011d36\U00011d3a\U00011d3c\U00011d3d\U00011d3f-\U00011d45\U00011d47"
    r"\U00011d90\U00011d91\U00011d95\U00011d97\U00011df0\U00011ef3\U00011ef4\U00011f00\U00011f01"
    r"\U00011f36-\U00011f3a\U00011f40\U00011f42\U00011f5a\U00013440\U00013447-\U00013455\U0001611e-\U00016129"
    r"\U0001612d-\U0001612f\U00016f4f\U00016fe4\U0001cf00-\U0001cf2d\U0001cf30-\U0001cf46\U0001d127\U0001d128"
    r"\U0001d25b\U0001d25c\U0001e000-\U0001e006\U0001e008-\U0001e018\U0001e01b-\U0001e021\U0001e023\U0001e024"
    r"\U0001e026-\U0001e02a\U0001e08f\U0001e130-\U0001e136\U0001e2ae\U0001e2ec-\U0001e2ef\U0001e4ec-\U0001e4ef"
    r"\U0001e5ee\U0001e5ef\U0001e6e3\U0001e6e6\U0001e6ee\U0001e6ef\U0001e6f5\U0001e944-\U0001e94a"
)
NEWER_CONTROLS = r"\u0890\u0891\u08e2\U000110cd\U00013430-\U0001343f"
UNORDERED = (  # marks that Unicode 9 did not have: the published tokenizer leaves them where they stand
    rf"[[{NEWER_MARKS}\u1715\U0001193d\U00016ff0\U00016ff1]"
    r"--[\u08d4-\u08e1\u1dfb\U00011442\U00011446\U00011c3f\U0001e000-\U0001e02a\U0001e944-\U0001e94a]]"
)
CHINESE = (
    r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002a6df\U0002a700-\U0002b81f\U0002b920-\U0002ceaf"
    r"\U0002f800-\U0002fa1f"
)
PUNCTUATION = rf"[[\p{{P}}\u166d\U000111c9!-/:-@\[-`{{-~]--[{NEWER_PUNCTUATION}]]"


def pattern(text):
    return regex.compile(text, regex.V1)


is_space = pattern(r"[ \t\n\r\p{Zs}\p{Zl}\p{Zp}]").match
is_removed = pattern(rf"[[\p{{Cc}}\p{{Cf}}\p{{Co}}\p{{Cs}}\ufffd]--[{NEWER_CONTROLS}\t\n\r]]").match
is_mark = pattern(rf"[[\p{{Mn}}\u1734\U0001171e]--[{NEWER_MARKS}]]").match
is_unordered = pattern(UNORDERED).match
is_chinese = pattern(rf"[{CHINESE}]").match
any_words = pattern(rf"{PUNCTUATION}|[[^ ]--{PUNCTUATION}]+")
ascii_words = re.compile(r"[0-9A-Za-z]+|[!-/:-@\[-`{-~]")  # the same in plain ASCII, sooner


@functools.lru_cache(maxsize=1 << 16)  # 20 megabytes at most
def clean_character(character, lower=True, strip_accents=True, chinese=True):
    """What one character of a text becomes: "É" -> "e", a control character -> "", a tab -> " ", "中" -> " 中 " """
    text = space_character(character, chinese)
    if strip_accents:
        text = "".join(c for c in unicodedata.normalize("NFD", text) if not is_mark(c))
    return "".join(c.lower() for c in text) if lower else text


def space_character(character, chinese=True):
    """The first step of it: a control character -> "", a tab -> " ", "中" -> " 中 " """
    if is_removed(character):
        return ""
    if is_space(character):
        return " "
    return f" {character} " if chinese and is_chinese(character) else character


def split_words(text, lower=True, strip_accents=True, chinese=True):
    """The words and punctuation marks of a text, cleaned up: "Is it 3?" -> ["is", "it", "3", "?"]"""
    return list_words(clean(text, lower, strip_accents, chinese)[0])


def clean(text, lower, strip_accents, chinese):
    """(the cleaned text, the place in `text` that each of its characters came from).

    In plain ASCII characters stay where they are, and the places are None; elsewhere cleaning adds and removes some."""
    if text.isascii() and text.isprintable():
        return text.lower() if lower else text, None
    pieces = [clean_character(character, lower, strip_accents, chinese) for character in text]
    result, places = "".join(pieces), [place for place, piece in enumerate(pieces) for _ in piece]
    if strip_accents and not result.isascii() and any(map(unicodedata.combining, result)):
        return clean_in_order(text, lower, chinese)
    return result, places


def clean_in_order(text, lower, chinese):
    """`clean` for texts in which marks remain (only Mn are removed): all marks are first put into Unicode's canonical
    order. As in the published tokenizer, they take the places in the order in which they stand then."""
    characters = [(c, place) for place, character in enumerate(text) for c in space_character(character, chinese)]
    split = [unicodedata.normalize("NFD", c) for c, _ in characters]
    ordered, base = [], 0  # (character, whether it is the first that an original one was split into)
    for c, first in ((c, not i) for parts in split for i, c in enumerate(parts)):
        if not order_of(c):
            ordered[base:] = sorted(ordered[base:], key=lambda mark: order_of(mark[0]))
            base = len(ordered) + 1
        ordered.append((c, first))
    ordered[base:] = sorted(ordered[base:], key=lambda mark: order_of(mark[0]))
    result, places, number = [], [], -1
    for c, first in ordered:
        number += first
        for kept in "" if is_mark(c) else c.lower() if lower else c:
            result.append(kept)
            places.append(characters[max(number, 0)][1])
    return "".join(result), places


def order_of(character):
    """The canonical order of a mark among its neighbours; 0: it stays where it is."""
    return 0 if is_unordered(character) else unicodedata.combining(character)


def list_words(cleaned_text):
    """The words and punctuation marks of a cleaned text, in order."""
    return (ascii_words if cleaned_text.isascii() else any_words).findall(cleaned_text)


def find_words(cleaned_text):
    """The same as matches, which know where they stand."""
    return (ascii_words if cleaned_text.isascii() else any_words).finditer(cleaned_text)
