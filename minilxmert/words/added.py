"""Added tokens: pieces of text with a number of their own, found in a text before it is split into words."""

import re
from dataclasses import dataclass

from ..errors import VocabularyError
from .text import pattern

is_word_character = pattern(r"\w").match


@dataclass(frozen=True)
class AddedToken:
    """A token beside WordPiece's own, with the fields that users of transformers know.

    single_word: found only where no letter or digit touches it. lstrip, rstrip: takes the spaces before or after it
    along. normalized: found in the cleaned text ("NewTok" also in "newtok"), else in the text as it stands; without a
    value, it is what `special` is not. special: left out by skip_special_tokens. Raises VocabularyError."""

    content: str
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool | None = None
    special: bool = False

    def __post_init__(self):
        if not isinstance(self.content, str) or not self.content:
            raise VocabularyError.at("added token", "content", "a text", repr(self.content))
        if self.normalized is None:
            object.__setattr__(self, "normalized", not self.special)

    def __str__(self):
        return self.content

    @classmethod
    def of(cls, token, special=False):
        """A token from a text, from a dict as files hold it, or from any object with these fields."""
        if isinstance(token, str):
            return cls(token, special=special)
        fields = dict(token) if isinstance(token, dict) else {n: getattr(token, n, None) for n in cls.__annotations__}
        kept = {name: fields[name] for name in cls.__annotations__ if fields.get(name) is not None}
        for name in kept.keys() - {"content"}:
            if not isinstance(kept[name], bool):
                raise VocabularyError.at("added token", name, "true or false", repr(kept[name]))
        return cls(**{"content": None, **kept, "special": special or kept.get("special", False)})


class Finder:
    """Where added tokens stand in a text: the longest first, none within another.

    tokens: {number: AddedToken}; key: what a token looks like in the text that is searched."""

    def __init__(self, tokens, key=str):
        self.known = {key(token): (number, token) for number, token in tokens.items() if key(token)}
        longest_first = sorted(self.known, key=len, reverse=True)
        self.find = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def anywhere(self, text):
        """Whether `parts` would find any"""
        return self.find is not None and self.find.search(text) is not None

    def parts(self, text):
        """[(number or None, start, end)]: the tokens found and the stretches between them, in order."""
        parts, done = [], 0
        for match in self.find.finditer(text) if self.find else ():
            number, token = self.known[match[0]]
            start, end = match.span()
            if token.single_word and (touches(text, start - 1) or touches(text, end)):
                continue
            while token.lstrip and start > done and text[start - 1].isspace():
                start -= 1
            while token.rstrip and end < len(text) and text[end].isspace():
                end += 1
            if done < start:
                parts.append((None, done, start))
            parts.append((number, start, end))
            done = end
        if done < len(text):
            parts.append((None, done, len(text)))
        return parts


def touches(text, place):
    return 0 <= place < len(text) and is_word_character(text[place]) is not None
