"""Small edits of a text: for probes, sensitivity tests, augmentation and the playground.

An edit is a function of a text and a random.Random; it returns the edited text, or None where it does not apply, never
the text as it was. It takes any text, plain ("It's good.") or tokenised as SST-2 is ("it 's good . "), and keeps to its
style: lower case stays lower case, and a spaced full stop stays spaced. The same rng gives the same edit.
"""

import random
import re
from collections.abc import Callable, Sequence
from functools import wraps

from data.names import (
    CITIES,
    COUNTRIES,
    HANDLES,
    MENS_NAMES,
    NEUTRAL_EMOJI,
    NEUTRAL_SENTENCES,
    URLS,
    WOMENS_NAMES,
)
from data.synonyms import FIXED_PHRASES, INTENSIFIERS, NEGATIVE_ADJECTIVES, POSITIVE_ADJECTIVES, SYNONYMS

Edit = Callable[[str, random.Random], str | None]

EDITS: dict[str, Edit] = {}
"""Every edit by name."""

_APOSTROPHE = "['’]"
_LONG_WORD = re.compile(r"(?<![\w'’@/#.:-])[A-Za-zÀ-ÖØ-öø-ÿ]{5,}(?![\w'’@/-]|\.\w|://)")
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|nothing|nobody|neither|nor|cannot|hardly|barely|scarcely|without)\b|n['’]t\b", re.I
)
# Typing errors in these could turn the sense.
_KEPT_WORDS = frozenset(("never", "nothing", "nobody", "neither", "cannot", "hardly", "barely", "scarcely", "without"))


def _edit(function: Edit) -> Edit:
    """Enter a function in EDITS; a text without a word, or one that stays as it was, becomes None."""

    @wraps(function)
    def edit(text: str, rng: random.Random) -> str | None:
        edited = function(text, rng) if re.search(r"\w", text) else None
        return None if edited == text else edited

    EDITS[function.__name__] = edit
    return edit


# Characters


@_edit
def typo(text: str, rng: random.Random) -> str | None:
    """Replace an inner letter of a word by its neighbour on the keyboard."""
    word = _long_word(text, rng)
    places = [i for i in range(word.start() + 1, word.end() - 1) if text[i].lower() in _NEIGHBOURS] if word else []
    if not places:
        return None
    at = rng.choice(places)
    letter = rng.choice(_NEIGHBOURS[text[at].lower()])
    return text[:at] + (letter.upper() if text[at].isupper() else letter) + text[at + 1 :]


@_edit
def drop_letter(text: str, rng: random.Random) -> str | None:
    """Leave out an inner letter of a word."""
    word = _long_word(text, rng)
    if word is None:
        return None
    at = rng.randrange(word.start() + 1, word.end() - 1)
    return text[:at] + text[at + 1 :]


@_edit
def swap_letters(text: str, rng: random.Random) -> str | None:
    """Swap two neighbouring inner letters of a word."""
    word = _long_word(text, rng)
    places = [i for i in range(word.start() + 1, word.end() - 2) if text[i] != text[i + 1]] if word else []
    if not places:
        return None
    at = rng.choice(places)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


@_edit
def lower_case(text: str, rng: random.Random) -> str | None:
    """Write all in lower case."""
    return text.lower()


@_edit
def upper_case(text: str, rng: random.Random) -> str | None:
    """Write all in capitals."""
    return text.upper()


@_edit
def title_case(text: str, rng: random.Random) -> str | None:
    """Begin every word with a capital."""
    return re.sub(r"(?<![\w'’])(?!n['’]t\b)[^\W\d_]", lambda letter: letter[0].upper(), text)


@_edit
def strip_punctuation(text: str, rng: random.Random) -> str | None:
    """Leave out the punctuation; apostrophes and hyphens in words, decimals, links and emoticons stay."""
    stripped = _PUNCTUATION.sub(lambda found: found["kept"] or " ", text)
    if stripped == text:
        return None
    return re.sub(r"\s+", " ", stripped).strip() + _tail(text)


@_edit
def add_exclamation(text: str, rng: random.Random) -> str | None:
    """End on an exclamation mark; a question stays one."""
    body, end, tail = _ending(text)
    if "?" in end or end.count(".") > 1 or "…" in end or (not end and _FINISHED.search(body)):
        return None
    if "!" in end:
        return text[: len(text) - len(tail)] + "!" + tail
    return f"{body}{_space(text)}!{tail}"


@_edit
def elongate(text: str, rng: random.Random) -> str | None:
    """Stretch a word of feeling, as in `sooo goood`; the verdict stays and grows stronger."""
    words = [word for word in re.finditer(r"(?<![\w'’-])[A-Za-z]+(?![\w'’-])", text) if word[0].lower() in _STRETCHED]
    if not words:
        return None
    word = rng.choice(words)
    vowel = re.search(r"[aeiou]+", word[0], re.I) or re.search(r"y", word[0], re.I)
    at = word.start() + vowel.end()
    return text[:at] + text[at - 1] * rng.randint(2, 4) + text[at:]


# Words


@_edit
def expand_contractions(text: str, rng: random.Random) -> str | None:
    """Write contractions out where their sense is certain: `it's a` becomes `it is a`, `doesn't` `does not`."""
    question = "?" in text

    def negated(found: re.Match) -> str:
        if question and not text[: found.start()].strip(" .\"'`"):  # isn't it, can't they
            return found[0]
        verb = {"ca": "can", "wo": "will", "sha": "shall"}.get(found["verb"].lower(), found["verb"])
        joined = "" if verb == "can" and not found["space"] else " "
        written = f"{verb}{joined}not"
        return _with_case_of(found["verb"], written, capitals=found["not"].isupper())

    def clitic(found: re.Match) -> str:
        written = _EXPANDED[found["clitic"][1:].lower()]
        return f"{found['word']} {written.upper() if found['clitic'].isupper() else written}"

    def is_(found: re.Match) -> str:
        after = found["after"].lower()
        if after == "been":
            return f"{found['word']} has"
        if after in _AMBIGUOUS_AFTER_IS or re.search(r"(?:ed|en|wn)$", after):
            return found[0]
        return f"{found['word']} is"

    text = _NOT_CONTRACTED.sub(negated, text)
    text = _CLITIC.sub(clitic, text)
    return _IS_CONTRACTED.sub(is_, text)


@_edit
def contract(text: str, rng: random.Random) -> str | None:
    """Contract what is commonly contracted: `it is a` becomes `it's a`, `does not` `doesn't`."""
    space = " " if _treebank(text) else ""

    def negated(found: re.Match) -> str:
        verb = found["verb"]
        short = {"can": "ca", "will": "wo"}.get(verb.lower(), verb.lower())
        clitic = "N'T" if found["not"].isupper() else "n't"
        return _with_case_of(verb, short, capitals=verb.isupper()) + space + clitic

    text = _NOT_WRITTEN_OUT.sub(negated, text)
    return _IS_WRITTEN_OUT.sub(lambda found: f"{found['word']}{space}'{found['s']}", text)


@_edit
def synonym(text: str, rng: random.Random) -> str | None:
    """Put a synonym in the place of one word; a or an follows it."""
    fixed = [found.span() for found in _FIXED_PHRASE.finditer(text)]
    words = [
        word
        for word in _SYNONYM.finditer(text)
        if not any(start <= word.start() and word.end() <= end for start, end in fixed)
    ]
    if not words:
        return None
    word = rng.choice(words)
    return _replaced(text, word.start(), word.end(), rng.choice(SYNONYMS[word[0].lower()]))


@_edit
def swap_names(text: str, rng: random.Random) -> str | None:
    """Put another first name, of the same gender, in the place of one; everywhere in the text."""
    return _swap_one_of((WOMENS_NAMES, MENS_NAMES), _NAME, text, rng)


@_edit
def swap_places(text: str, rng: random.Random) -> str | None:
    """Put another city in the place of a city, another country in the place of a country, where it is surely one."""
    return _swap_one_of((CITIES, COUNTRIES), _PLACE, text, rng)


@_edit
def swap_numbers(text: str, rng: random.Random) -> str | None:
    """Put a number nearby in the place of one; ratings, shares, money and dates with signs stay."""
    numbers = list(_NUMBER.finditer(text))
    if not numbers:
        return None
    found = rng.choice(numbers)
    number = int(found[0])
    reach = 9 if 1900 <= number <= 2099 else max(1, number // 5)
    low = max(2, 10 ** (len(found[0]) - 1), number - reach)
    high = min(10 ** len(found[0]) - 1, number + reach)
    others = [other for other in range(low, high + 1) if other != number]
    return _replaced(text, found.start(), found.end(), str(rng.choice(others)))


# Additions


@_edit
def add_emoji_neutral(text: str, rng: random.Random) -> str | None:
    """Append an emoji that says nothing for or against."""
    return _appended(text, rng.choice(NEUTRAL_EMOJI))


@_edit
def add_url(text: str, rng: random.Random) -> str | None:
    """Append a link."""
    return _appended(text, rng.choice(URLS))


@_edit
def add_handle(text: str, rng: random.Random) -> str | None:
    """Begin with a handle, as an answer in a forum does."""
    return f"{rng.choice(HANDLES)} {text}"


@_edit
def add_neutral_clause(text: str, rng: random.Random) -> str | None:
    """Append a sentence that says nothing for or against, such as `I saw it on a Tuesday.`"""
    body, end, tail = _ending(text)
    space = _space(text)
    core = text[: len(text) - len(tail)]
    stop = "" if end or _FINISHED.search(body) else f"{space}."
    return f"{core}{stop} {_in_style(rng.choice(NEUTRAL_SENTENCES), text)}{space}.{tail}"


@_edit
def prepend_neutral_clause(text: str, rng: random.Random) -> str | None:
    """Begin with a sentence that says nothing for or against."""
    return f"{_in_style(rng.choice(_OPENING_SENTENCES), text)}{_space(text)}. {text.lstrip()}"


# Sentences


@_edit
def negate(text: str, rng: random.Random) -> str | None:
    """Negate the verdict of a plain sentence: `the film is good` becomes `the film is not good`.

    Applies to one sentence with one adjective of feeling (data/synonyms.py), after is, was, are or were, or one verb of
    feeling after a pronoun, and without negation, question or contrast.
    """
    body, _, _ = _ending(text)
    if (
        len(text) > 300
        or _NEGATION.search(text)
        or re.search(r"[?;:.!]", body)
        or _CONTRAST.search(text)
        or len(_FEELING.findall(text)) != 1
    ):
        return None
    copula = list(_COPULA.finditer(text))
    if len(copula) == 1:
        at = copula[0].end("be")
        return f"{text[:at]} {'NOT' if text.isupper() else 'not'}{text[at:]}"
    verb = list(_FEELING_VERB.finditer(text))
    if len(verb) == 1:
        base, past = _VERBS[verb[0]["verb"].lower()]
        written = f"{'did' if past else 'do'} not {base}"
        return _replaced(
            text, verb[0].start("verb"), verb[0].end("verb"), written.upper() if text.isupper() else written
        )
    return None


@_edit
def double_negate(text: str, rng: random.Random) -> str | None:
    """Negate twice: `the film is good` becomes `it is not the case that the film is not good`."""
    if not _SENTENCE_START.match(text):
        return None
    negated = negate(text, rng)
    if negated is None:
        return None
    opening = rng.choice(("It is not the case that", "It is not true that", "It would be wrong to say that"))
    return f"{_in_style(opening, text)} {_lower_start(negated)}"


@_edit
def swap_clauses(text: str, rng: random.Random) -> str | None:
    """Swap `A and B` where the order carries nothing: two plain clauses, or two adjectives of feeling.

    `A, but B` is left alone: its second half carries the verdict.
    """
    body, end, tail = _ending(text)
    halves = re.split(r"(\s*,)?\s+and\s+", body) if len(text) <= 300 else []
    if len(halves) == 3 and _CLAUSE.fullmatch(halves[0]) and _SECOND_CLAUSE.fullmatch(halves[2]):
        first, comma, second = halves
        opening = second[0].upper() + second[1:] if first[0].isupper() else second
        return f"{opening}{comma or ''} and {_lower_start(first)}{text[len(body) :]}"
    pairs = [pair for pair in _ADJECTIVE_PAIR.finditer(text) if pair["first"].lower() != pair["second"].lower()]
    if not pairs:
        return None
    pair = rng.choice(pairs)
    first, second = pair["first"], pair["second"]
    if first[0].isupper() and second.islower():
        first, second = first.lower(), second.capitalize()
    return _replaced(text, pair.start("first"), pair.end("second"), f"{second} and {first}")


@_edit
def paraphrase(text: str, rng: random.Random) -> str | None:
    """Say it by another template: `the plot is dull` becomes `I found the plot dull`; any other text gets a frame."""
    body, _, _ = _ending(text)
    rest = text[len(body) :]
    match = _PREDICATION.fullmatch(body)
    if match and not _NEGATION.search(body):
        subject, predicate = _lower_start(match["subject"]), match["predicate"].strip()
        template = rng.choice(("I found {0} {1}", "I thought {0} {2} {1}", "{1} is the word for {0}"))
        if " " in predicate and template.startswith("{1}"):
            template = "I found {0} {1}"
        past = {"is": "was", "are": "were"}.get(match["be"].lower(), match["be"].lower())
        opened = template.format(subject, predicate, past)
        return _in_style(opened[0].upper() + opened[1:], text) + rest
    opening = rng.choice(("In short", "My verdict", "To sum up", "In a nutshell", "My view of it"))
    return f"{_in_style(opening, text)}{_space(text)}: {text.lstrip(' .')}"


NEGATING = ("negate", "double_negate")
MEANING_PRESERVING: tuple[str, ...] = tuple(name for name in EDITS if name not in NEGATING)
"""The edits after which a reader would give the same verdict. A double negation preserves it in logic only."""


def edited(name: str, text: str, seed: int) -> str | None:
    """Apply an edit by its name with an rng of its own, so that edits of a text do not hang on their order."""
    return EDITS[name](text, random.Random(f"{name}:{seed}"))


# Style


def _tail(text: str) -> str:
    return text[len(text.rstrip()) :]


def _ending(text: str) -> tuple[str, str, str]:
    """Split into the body, the punctuation that ends it, and the white space after it."""
    tail = _tail(text)
    core = text[: len(text) - len(tail)]
    body = core.rstrip(" .!?…")
    return body, core[len(body) :].strip(), tail


def _space(text: str) -> str:
    """What stands before punctuation: a space in tokenised text."""
    return " " if re.search(r"\w [.,!?;:](?:\s|$)", text) or _treebank(text) else ""


def _treebank(text: str) -> bool:
    """Whether contractions are split as in SST-2, `does n't`; its texts end on a space."""
    return bool(_SPLIT_CLITIC.search(text)) or (text.endswith(" ") and text.islower())


def _in_style(addition: str, text: str) -> str:
    if text.islower():
        return addition.lower()
    return addition.upper() if text.isupper() and sum(map(str.isalpha, text)) > 1 else addition


def _with_case_of(model: str, word: str, *, capitals: bool) -> str:
    if capitals:
        return word.upper()
    return word[0].upper() + word[1:] if model[0].isupper() else word


def _lower_start(sentence: str) -> str:
    """The sentence as it goes on after an opening: its first word in lower case, unless it may be a name."""
    first = re.match(r"[A-Za-z]+", sentence)
    if first and first[0].lower() in _FUNCTION_WORDS and not (first[0].isupper() and len(first[0]) > 1):
        return sentence[0].lower() + sentence[1:]
    return sentence


def _appended(text: str, addition: str) -> str:
    tail = _tail(text)
    return f"{text[: len(text) - len(tail)]} {addition}{tail}"


def _replaced(text: str, start: int, end: int, new: str) -> str:
    """Replace text[start:end], keeping its case, and let a preceding a or an follow the new word."""
    old = text[start:end]
    if old.isupper() and len(old) > 1:
        new = new.upper()
    elif old[0].isupper():
        new = new[0].upper() + new[1:]
    before = text[:start]
    article = re.search(r"\b(a|an)(\s+)$", before, re.I)
    if article and _needs_an(old) != _needs_an(new):
        right = "an" if _needs_an(new) else "a"
        right = _with_case_of(article[1], right, capitals=article[1].isupper() and len(article[1]) > 1)
        before = before[: article.start()] + right + article[2]
    return before + new + text[end:]


def _needs_an(word: str) -> bool:
    if re.match(r"8|11\b|18\b", word):
        return True
    return bool(re.match(r"(?:[aeiou]|hour|honest|heir)", word, re.I)) and not re.match(
        r"uni[^nm]|use|eu|one\b", word, re.I
    )


def _swap_one_of(kinds: Sequence[tuple[str, ...]], pattern: re.Pattern, text: str, rng: random.Random) -> str | None:
    found = sorted({match["name"].lower() for match in pattern.finditer(text)})
    if not found:
        return None
    old = rng.choice(found)
    kind = next(names for names in kinds if old in {name.lower() for name in names})
    new = rng.choice([name for name in kind if name.lower() not in found])

    for match in reversed(list(pattern.finditer(text))):
        if match["name"].lower() == old:
            written = new.lower() if match["name"].islower() else new
            text = _replaced(text, match.start("name"), match.end("name"), written)
    return text


def _long_word(text: str, rng: random.Random) -> re.Match | None:
    words = [word for word in _LONG_WORD.finditer(text) if word[0].lower() not in _KEPT_WORDS]
    return rng.choice(words) if words else None


def _any_of(words: Sequence[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=lambda word: (-len(word), word))))


# Patterns

# A closing quotation mark, bracket, link, emoji or emoticon, after which no full stop is wanted.
_FINISHED = re.compile(r"(?:[.!?…][\s\"'”’)\]]+|https?://\S+|[^\w\s\"'”’)\].,;:%-]|[:;=8][-o']?[()\[\]DPp/|])$")

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEIGHBOURS = {
    letter: "".join(row[i] for i in (at - 1, at + 1) if 0 <= i < len(row))
    for row in _ROWS
    for at, letter in enumerate(row)
}

_PUNCTUATION = re.compile(
    r"(?P<kept>https?://\S+|www\.\S+|@\w+|[:;=8][-o']?[()\[\]DPp/|\\](?!\w)|\d[.,:/]\d|\w['’]\w|(?<=\s)['’](?:s|m|re|ve|d|ll)\b)"
    r"|[.,;:!?…()\[\]{}\"“”„«»‘`]|(?<!\w)['’]|['’](?!\w)|(?<!\w)[-–—]+(?!\w)|--+",
    re.I,
)
_STRETCHED = frozenset((
    "very", "really", "good", "great", "awful", "bad", "boring", "love", "loved", "amazing", "terrible", "horrible",
    "lame", "dull", "funny", "sweet", "cool", "stupid", "slow", "wonderful", "beautiful", "hate", "hated",
))  # fmt: skip

_SPLIT_CLITIC = re.compile(rf"\w (?:n{_APOSTROPHE}t|{_APOSTROPHE}(?:s|re|ve|ll|d|m))\b", re.I)
_NOT_CONTRACTED = re.compile(
    rf"(?<!why )\b(?P<verb>is|are|was|were|do|does|did|has|have|had|could|would|should|must|need|ca|wo|sha)"
    rf"(?P<space> ?)"
    rf"(?P<not>n{_APOSTROPHE}t)\b(?!,| (?:i|you|he|she|it|we|they|there|this|that|these|those)\b)",
    re.I,
)
_EXPANDED = {"re": "are", "ve": "have", "ll": "will", "m": "am"}
_CLITIC = re.compile(
    rf"\b(?P<word>i|you|we|they|he|she|it|that|who|there) ?(?P<clitic>{_APOSTROPHE}(?:re|ve|ll|m))\b", re.I
)
_IS_CONTRACTED = re.compile(
    rf"\b(?P<word>it|he|she|that|there|here|what|who|where) ?{_APOSTROPHE}s(?= (?P<after>[a-z]+))", re.I
)
# After 's they may follow has: it's had, he's got, she's done, it's come.
_AMBIGUOUS_AFTER_IS = frozenset((
    "had", "got", "done", "made", "come", "become", "gone", "seen", "lost", "won", "put", "set", "cut", "run", "kept",
    "left", "felt", "taught", "caught", "brought", "thought", "said", "told", "paid", "built", "spent", "sent", "met",
    "found", "held", "read", "written", "already", "since",
))  # fmt: skip
_NOT_WRITTEN_OUT = re.compile(
    r"\b(?P<verb>is|are|was|were|do|does|did|has|have|had|could|would|should|can|will)(?: (?=not\b)|(?<=can)(?=not\b))"
    r"(?P<not>not)\b(?! only| ?,)",
    re.I,
)
_IS_WRITTEN_OUT = re.compile(
    r"(?<!as )(?<!than )(?<!what )(?<!whatever )(?<!how )(?<!where )(?<!all )"
    r"\b(?P<word>it|he|she) i(?P<s>s)"
    r"(?= (?:a|an|the|not|so|too|very|one|all|just|also|still|never|hard|easy|always|really|no|nothing|something)\b)",
    re.I,
)

_WORD_CHARACTER = r"[\w'’-]"
_SYNONYM = re.compile(rf"(?<!{_WORD_CHARACTER})(?:{_any_of(list(SYNONYMS))})(?!{_WORD_CHARACTER})", re.I)
_FIXED_PHRASE = re.compile(rf"\b(?:{_any_of(FIXED_PHRASES)})\b", re.I)
_NAME = re.compile(rf"(?<![\w'’@-])(?P<name>{_any_of(WOMENS_NAMES + MENS_NAMES)})(?![\w-])", re.I)
# A city of one word may be a person's name (Jack London), unless a preposition leads to it.
_UNAMBIGUOUS_PLACES = [*COUNTRIES, *(city for city in CITIES if " " in city)]
_PLACE = re.compile(
    rf"(?<![\w'’@-])(?:(?<=\bin )|(?<=\bto )|(?<=\bof )|(?<=\bfrom )|(?={_any_of(_UNAMBIGUOUS_PLACES)}))"
    rf"(?P<name>{_any_of(CITIES + COUNTRIES)})(?![\w-])",
    re.I,
)
_NUMBER = re.compile(
    r"(?<![\w.,:/$€£#%'’-])(?<!no\. )(?<!top )(?<!number )(?<!out of )(?<!best )(?<![\d\w] [/.:] )(?<!\$ )"
    r"[1-9]\d{0,3}(?![\w%/$€£°'’-]|[.,:]\d| ?(?:%|/|out of|stars?|percent|per cent|points?|of \d)|\.\w)(?<!\b1)",
    re.I,
)

_FEELING_WORDS = _any_of(sorted(POSITIVE_ADJECTIVES | NEGATIVE_ADJECTIVES))
_VERBS = {
    **{base: (base, False) for base in ("like", "love", "enjoy", "recommend", "admire", "hate", "dislike", "regret")},
    "liked": ("like", True), "loved": ("love", True), "enjoyed": ("enjoy", True), "admired": ("admire", True),
    "hated": ("hate", True), "disliked": ("dislike", True), "regretted": ("regret", True),
}  # fmt: skip
_FEELING = re.compile(rf"\b(?:{_FEELING_WORDS}|{_any_of(list(_VERBS))})\b", re.I)
_COPULA = re.compile(
    rf"(?P<be>\b(?:is|was|are|were)\b|(?:(?<=it)|(?<=it )|(?<=that)|(?<=that )){_APOSTROPHE}s\b)"
    rf"(?: (?:a|an|the|one of the))?(?: (?:{_any_of(sorted(INTENSIFIERS))}|quite|pretty|rather))?"
    rf" (?:{_FEELING_WORDS})\b",
    re.I,
)
_FEELING_VERB = re.compile(rf"\b(?:i|we|you|they) (?:(?:really|truly) )?(?P<verb>{_any_of(list(_VERBS))})\b", re.I)
_CONTRAST = re.compile(
    r"\b(?:but|although|though|despite|however|yet|while|except|unless|if|than|still|because|and|which|when|who)\b"
    r"|(?<!^)\bthat\b",
    re.I,
)
_FUNCTION_WORDS = frozenset((
    "the", "a", "an", "this", "that", "these", "those", "it", "its", "he", "his", "she", "her", "they", "their", "we",
    "our", "you", "your", "there", "all", "every", "some", "most", "both", "my", "each", "here", "in", "at", "for",
    "with",
))  # fmt: skip
_SENTENCE_START = re.compile(rf"(?:{_any_of(sorted(_FUNCTION_WORDS | {'i'}))})\b(?!-)", re.I)

_SUBORDINATION = (
    r"\b(?:when|that|who|whose|which|where|if|because|as|than|like|what|how|while|about|between|both|either|neither|not"
    r"|never|no|but|though|although|with|by|of|for|from|to|into|without|so|too|then|only|even)\b"
)
_PLAIN = rf"(?:(?!{_SUBORDINATION})[^,;:.!?()\"])*"
_CLAUSE = re.compile(
    rf"(?:the|this|that|his|her|their|its|it|he|she|they|i|we)\b{_PLAIN}\b(?:is|are|was|were)\b{_PLAIN}", re.I
)
_SECOND_CLAUSE = re.compile(rf"the\b{_PLAIN}\b(?:is|are|was|were)\b{_PLAIN}", re.I)
_ADJECTIVE_PAIR = re.compile(
    rf"(?<![\w'’-])(?<!more )(?<!most )(?<!less )(?<!too )(?<!not )(?<!so )(?<!very )"
    rf"(?<!n't )(?<!never )(?<!ly )(?<!as )"
    rf"(?P<first>{_FEELING_WORDS}) and (?P<second>{_FEELING_WORDS})(?![\w'’-]| (?:is|are|was|were)\b)",
    re.I,
)
_PREDICATION = re.compile(
    rf"(?P<subject>(?:the|this|that|his|her|their|its) [a-z]+) (?P<be>is|was|are|were)"
    rf"(?P<predicate>(?: (?:{_any_of(sorted(INTENSIFIERS))}|quite|pretty|rather))* (?:{_FEELING_WORDS}))",
    re.I,
)
_OPENING_SENTENCES = (
    *NEUTRAL_SENTENCES[:3],
    "I watched this on a Tuesday evening",
    "Here is what I noted down",
    "I had a free evening",
)
