"""Added tokens, pieces of text with a number of their own, found before a text is split into words; among them special
ones: which one begins, ends, fills, hides or stands for the unknown."""

import re
from dataclasses import dataclass

from ..errors import VocabularyError
from .text import pattern

is_word_character = pattern(r"\w").match


@dataclass(frozen=True)
class AddedToken:
    """A token beside WordPiece's own, with the fields that users of transformers know.

    single_word: found only where no letter or digit touches it. lstrip, rstrip: takes the spaces before or after it
    along. normalized: found in the cleaned text ("NewTok" also in "newtok"), else in the text as it stands (default:
    not special). special: left out by skip_special_tokens. Raises VocabularyError."""

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


ROLES = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
NEEDED = ("pad", "unk", "cls", "sep", "mask")  # what BERT's vocabularies have


def role(name):
    """Two properties of a role: its token (None if there is none) and the number of that."""

    def get_token(self):
        return self.special.get(name)

    def set_token(self, token):
        self.special = {**self.special, name: None if token is None else self.known(token, f"{name}_token")}

    def get_id(self):
        return self.ids.get(self.special.get(name))

    def set_id(self, number):
        set_token(self, None if number is None else self.token(number))

    return property(get_token, set_token), property(get_id, set_id)


class SpecialTokens:
    """The part of a tokenizer that knows special and added tokens. It stands on `ids` {token: number}, `tokens` (in
    order), `special` {role: token}, `extra` (special tokens without a role), `added` {number: AddedToken}."""

    bos_token, bos_token_id = role("bos")
    eos_token, eos_token_id = role("eos")
    unk_token, unk_token_id = role("unk")
    sep_token, sep_token_id = role("sep")
    pad_token, pad_token_id = role("pad")
    cls_token, cls_token_id = role("cls")
    mask_token, mask_token_id = role("mask")
    pad_token_type_id = 0

    def known(self, token, entry):
        """The text of a token that the vocabulary has. Raises VocabularyError."""
        if str(token) not in self.ids:
            found = f"{token}, which add_special_tokens can add"
            raise VocabularyError.at("tokenizer", entry, "a token of the vocabulary", found)
        return str(token)

    @property
    def special_tokens_map(self):
        """{"unk_token": "[UNK]", …}"""
        return {f"{name}_token": self.special[name] for name in ROLES if self.special.get(name) is not None}

    @property
    def all_special_tokens(self):
        return list(dict.fromkeys([*self.special_tokens_map.values(), *self.extra]))

    @property
    def all_special_ids(self):
        return [self.ids[token] for token in self.all_special_tokens]

    def skipped_ids(self):
        """The numbers that skip_special_tokens leaves out"""
        return {*self.all_special_ids, *(number for number, token in self.added.items() if token.special)}

    @property
    def extra_special_tokens(self):
        """Special tokens beside those that have a role."""
        return list(self.extra)

    @extra_special_tokens.setter
    def extra_special_tokens(self, tokens):
        self.extra = [self.known(token, "extra_special_tokens") for token in tokens or ()]

    @property
    def extra_special_tokens_ids(self):
        return [self.ids[token] for token in self.extra]

    @property
    def added_tokens_decoder(self):
        """{number: AddedToken} of all tokens that are found in a text before it is split into words."""
        return dict(sorted(self.added.items()))

    @property
    def added_tokens_encoder(self):
        """{token: number} of the same"""
        return {str(token): number for number, token in self.added_tokens_decoder.items()}

    def get_added_vocab(self):
        return self.added_tokens_encoder

    def add_tokens(self, new_tokens, special_tokens=False):
        """Add a token or several (texts or AddedToken), found from now on before a text is split into words; those that
        the vocabulary lacks get numbers at its end, for which a model needs a larger word table.

        -> how many were not found so before. Those that the vocabulary has already count, too."""
        single = isinstance(new_tokens, str) or not isinstance(new_tokens, list | tuple)
        added, tokens, ids, count = dict(self.added), list(self.tokens), dict(self.ids), 0
        for token in filter(str, [new_tokens] if single else new_tokens):
            token = AddedToken.of(token, special_tokens)
            if token.content not in ids:
                ids[token.content] = len(tokens)
                tokens.append(token.content)
            count += added.get(ids[token.content]) != token
            added[ids[token.content]] = token
        self.added, self.tokens, self.ids = added, tokens, ids
        return count

    def add_special_tokens(self, special_tokens_dict, replace_extra_special_tokens=True):
        """Add {"pad_token": …, "extra_special_tokens": [ … ]} and give them their roles. -> how many were new"""
        names = {"additional_special_tokens": "extra_special_tokens"}
        wanted = {names.get(name, name): value for name, value in special_tokens_dict.items()}
        roles, count = [f"{name}_token" for name in ROLES], 0
        for name, value in wanted.items():
            if name not in [*roles, "extra_special_tokens"]:
                raise VocabularyError.at("add_special_tokens", name, f"one of {', '.join(roles)}", name)
            count += self.add_tokens(value, special_tokens=True)
            kept = [] if replace_extra_special_tokens or name in roles else self.extra
            setattr(self, name, value if name in roles else [*kept, *value])
        return count
