"""Tokenizers in folders, as transformers 4 and 5 save them: vocab.txt, tokenizer.json, tokenizer_config.json and more.

Both versions read what is written here. What one file says and another denies is refused, naming both. Sources: the
files that transformers 4.57 and 5.24 write."""

import json
from pathlib import Path

from ..errors import VocabularyError
from ..files import read_json, write_file
from ..files.reading import refuse_other
from ..files.saving import replace_files, settle
from .calling import LONGEST_ROW, SIDES
from .special import ROLES, AddedToken
from .spelling import LONGEST_WORD
from .vocabulary import LARGEST_FILE, check_tokens, order_tokens, read_vocabulary, write_vocabulary

CONFIG, WHOLE, VOCABULARY = "tokenizer_config.json", "tokenizer.json", "vocab.txt"
SPECIAL, ADDED = "special_tokens_map.json", "added_tokens.json"  # transformers 4
NONE = type(None)
TOKEN_OPTIONS = {f"{role}_token": (str, dict, NONE) for role in ROLES}
OPTIONS = {  # the types that files may have
    "do_lower_case": (bool,), "tokenize_chinese_chars": (bool,), "strip_accents": (bool, NONE),
    "clean_up_tokenization_spaces": (bool,), "split_special_tokens": (bool,), "padding_side": (str,),
    "truncation_side": (str,), "model_max_length": (int, float, NONE), "extra_special_tokens": (list, dict, NONE),
    **TOKEN_OPTIONS,
}  # fmt: skip
NUMBER_DIGITS = 31  # of 10³⁰, which is written for a length that is not known


def read_saved(path):
    """What a tokenizer is made of: {"vocab": tokens, option: value, …}; `path`: a folder, or one of its main files.

    Raises VocabularyError."""
    path = Path(path)
    if not path.is_dir():
        return read_whole(path) if path.suffix == ".json" else {"vocab": path}
    settle(path)
    whole, lines, config = path / WHOLE, path / VOCABULARY, path / CONFIG
    if not whole.exists() and not lines.exists():
        raise VocabularyError.at(path, None, f"a {VOCABULARY} or {WHOLE}", "neither")
    found = read_whole(whole) if whole.exists() else {"vocab": read_vocabulary(lines, special_tokens=())}
    if whole.exists() and lines.exists():
        refuse_other("token", read_vocabulary(lines, special_tokens=()), found["vocab"], lines, whole)
    values = read_object(config) if config.exists() else {}
    found |= read_options(values, config)
    added = {whole: found.pop("added_tokens_decoder", {})}
    if isinstance(values.get("added_tokens_decoder"), dict):
        added[config] = numbers_of(values["added_tokens_decoder"].items(), config)
    else:
        read_older(path / SPECIAL, path / ADDED, found, added)
    return {**found, "added_tokens_decoder": agree_on(found["vocab"], added)}


def read_older(special, added_tokens, found, added):
    """The two files of transformers 4, as far as they are there: options into `found`, tokens into `added`."""
    if special.exists():
        found |= read_options(read_object(special), special)
    if added_tokens.exists():
        known = {found.get(name) for name in TOKEN_OPTIONS} | set(found.get("extra_special_tokens", ()))
        pairs = read_object(added_tokens).items()
        tokens = [(number, {"content": token, "special": token in known}) for token, number in pairs]
        added[added_tokens] = numbers_of(tokens, added_tokens)


def tokens_beside(folder):
    """All tokens of the tokenizer in a folder, or None without one. Raises VocabularyError."""
    folder = Path(folder)
    if not (folder / VOCABULARY).exists() and not (folder / WHOLE).exists():
        return None
    found = read_saved(folder)
    added, count = found["added_tokens_decoder"], len(found["vocab"])
    return found["vocab"] + [str(added[number]) for number in sorted(added) if number >= count]


def read_object(path):
    """The JSON object in a file. Raises VocabularyError."""
    values = read_json(path, VocabularyError, LARGEST_FILE, NUMBER_DIGITS)
    if not isinstance(values, dict):
        raise VocabularyError.at(path, None, "a JSON object", type(values).__name__)
    return values


def read_options(values, file):
    """The options of a JSON object that a tokenizer has; others are passed over. Raises VocabularyError."""
    if "additional_special_tokens" in values and not values.get("extra_special_tokens"):
        values = {**values, "extra_special_tokens": values["additional_special_tokens"]}
    kept = {}
    for name in OPTIONS.keys() & values.keys():
        value = values[name]
        if not isinstance(value, OPTIONS[name]) or (name == "model_max_length" and isinstance(value, bool)):
            expected = " or ".join("null" if kind is NONE else kind.__name__ for kind in OPTIONS[name])
            raise VocabularyError.at(file, name, expected, type(value).__name__)
        if name.endswith("_side") and value not in SIDES:
            raise VocabularyError.at(file, name, " or ".join(SIDES), value)
        if name == "model_max_length":
            value = int(value) if value is not None and 2 <= value <= LONGEST_ROW else None
        elif name in TOKEN_OPTIONS and value is not None:
            value = token_text(value, file, name)
        elif name == "extra_special_tokens":
            tokens = value.values() if isinstance(value, dict) else value or ()
            value = [token_text(token, file, name) for token in tokens]
        if value is not None or name == "strip_accents" or name in TOKEN_OPTIONS:
            kept[name] = value
    return kept


def token_text(token, file, entry):
    """The text of a token that is written as a text or as an object. Raises VocabularyError."""
    if isinstance(token, dict):
        token = token.get("content")
    if not isinstance(token, str) or not token:
        raise VocabularyError.at(file, entry, "a token's text", repr(token))
    return token


def numbers_of(pairs, file):
    """{number: AddedToken} from pairs of a number and a token as files write it. Raises VocabularyError."""
    tokens = {}
    for number, token in pairs:
        if not str(number).isdecimal() or not isinstance(token, dict):
            raise VocabularyError.at(file, "added tokens", "a number and a token", f"{number}: {token!r}")
        try:
            tokens[int(number)] = AddedToken.of(token)
        except VocabularyError as problem:
            raise VocabularyError.at(file, f"added token {number}", problem.expected, problem.found) from None
    return tokens


def agree_on(tokens, places):
    """{number: AddedToken} of all places {file: {number: AddedToken}}, each with the number that it gets after the
    tokens of the vocabulary. Raises VocabularyError where two files differ, or a number is not the next."""
    added, known = {}, {token: number for number, token in enumerate(tokens)}
    sources = {}
    for file, found in places.items():
        for number, token in found.items():
            other = added.get(number, token)
            if other.content != token.content:
                there = f"{other.content!r} in {Path(sources[number]).name}"
                raise VocabularyError.at(file, f"added token {number}", there, repr(token.content))
            added[number], sources[number] = token, file
    for number, token in sorted(added.items()):
        right = known.setdefault(token.content, len(known))
        if number != right:
            raise VocabularyError.at(sources[number], f"added token {token.content!r}", f"number {right}", number)
    return added


def read_whole(path):
    """The vocabulary, options and added tokens of a tokenizer.json. Raises VocabularyError."""
    values = read_object(path)
    model, cleaning = part(values, "model", "WordPiece", path), part(values, "normalizer", "BertNormalizer", path)
    part(values, "pre_tokenizer", "BertPreTokenizer", path)
    for name, right in {"continuing_subword_prefix": "##", "max_input_chars_per_word": LONGEST_WORD}.items():
        if model.get(name, right) != right:
            raise VocabularyError.at(path, f"model, {name}", right, model[name])
    if not isinstance(model.get("vocab"), dict):
        raise VocabularyError.at(path, "model, vocab", "an object of numbers", type(model.get("vocab")).__name__)
    tokens = check_tokens(order_tokens(model["vocab"], path), path, special_tokens=())
    names = {"lowercase": "do_lower_case", "handle_chinese_chars": "tokenize_chinese_chars"}
    found = {"unk_token": model.get("unk_token")} | {names.get(name, name): value for name, value in cleaning.items()}
    for name in ("padding", "truncation"):
        direction = (values.get(name) or {}).get("direction")
        found[f"{name}_side"] = direction.lower() if isinstance(direction, str) else None
    options = read_options({name: value for name, value in found.items() if value is not None}, path)
    added = values.get("added_tokens") or []
    if not isinstance(added, list) or not all(isinstance(token, dict) for token in added):
        raise VocabularyError.at(path, "added_tokens", "a list of objects", type(added).__name__)
    pairs = [(token.get("id"), token) for token in added]
    return {"vocab": tokens, **options, "added_tokens_decoder": numbers_of(pairs, path)}


def part(values, name, kind, path):
    """A part of a tokenizer.json, of the kind that BERT has. Raises VocabularyError."""
    value = values.get(name) or {}
    if not isinstance(value, dict) or value.get("type", kind) != kind:
        found = value.get("type") if isinstance(value, dict) else type(value).__name__
        raise VocabularyError.at(path, name, f"{kind}, as BERT has", found)
    return value


def options_of(tokenizer):
    """{option: value} of a tokenizer, for another one like it."""
    return {name: getattr(tokenizer, name) for name in OPTIONS}


def write_saved(tokenizer, directory):
    """Write vocab.txt, tokenizer.json and tokenizer_config.json, all or none. -> their paths, as texts"""
    config = {name: value for name, value in options_of(tokenizer).items() if name not in TOKEN_OPTIONS}
    config |= {"tokenizer_class": "LxmertTokenizer", **tokenizer.special_tokens_map}
    fields = {number: vars(token) for number, token in tokenizer.added_tokens_decoder.items()}
    with replace_files(directory) as folder:
        write_vocabulary(folder / VOCABULARY, tokenizer.tokens[: tokenizer.vocab_size])
        write_object(folder / CONFIG, {**config, "added_tokens_decoder": fields})
        write_object(folder / WHOLE, whole_of(tokenizer, fields))
    return tuple(str(Path(directory) / name) for name in (CONFIG, VOCABULARY, WHOLE))


def write_object(path, values):
    write_file(path, json.dumps(values, indent=2, ensure_ascii=False) + "\n")


def whole_of(tokenizer, fields):
    """A tokenizer as the object in a tokenizer.json. fields: {number: what is known of an added token}"""
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": number, **token} for number, token in fields.items()],
        "normalizer": {
            "type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": tokenizer.tokenize_chinese_chars,
            "strip_accents": tokenizer.strip_accents, "lowercase": tokenizer.do_lower_case,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": frame_of(tokenizer),
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece", "unk_token": tokenizer.unk_token, "continuing_subword_prefix": "##",
            "max_input_chars_per_word": LONGEST_WORD,
            "vocab": {token: number for number, token in enumerate(tokenizer.tokens[: tokenizer.vocab_size])},
        },
    }  # fmt: skip


def frame_of(tokenizer):
    """[CLS] A [SEP] B [SEP] in the words of a tokenizer.json"""
    cls, sep = ({"SpecialToken": {"id": tokenizer.special[role], "type_id": 0}} for role in ("cls", "sep"))
    first, second = ({"Sequence": {"id": name, "type_id": number}} for number, name in enumerate("AB"))
    last = {"SpecialToken": {"id": tokenizer.sep_token, "type_id": 1}}
    tokens = {tokenizer.cls_token: tokenizer.cls_token_id, tokenizer.sep_token: tokenizer.sep_token_id}
    around = {token: {"id": token, "ids": [number], "tokens": [token]} for token, number in tokens.items()}
    single = [cls, first, sep]
    return {
        "type": "TemplateProcessing", "single": single, "special_tokens": around, "pair": [*single, second, last]
    }  # fmt: skip
