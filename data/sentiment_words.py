"""Words of film reviews by what they say of a film, chosen for sentences that are built from templates.

Adjectives come in three kinds, because grammar and logic treat them differently: plain ones ("very good", and "not
good" is a reproach), strong ones ("absolutely superb", while "not superb" leaves much open), and ones that fit a whole
film but not its parts ("a gripping film", not "gripping editing"). A word stands in one list only.
"""

from typing import NamedTuple


class Verb(NamedTuple):
    """A verb in the forms that templates need."""

    base: str
    third: str
    past: str
    participle: str


class Part(NamedTuple):
    """A part of a film with the verb that agrees with it."""

    name: str
    present: str
    past: str


def _regular(*bases: str) -> tuple[Verb, ...]:
    verbs = []
    for base in bases:
        third = base + ("es" if base.endswith(("s", "sh", "ch", "x")) else "s")
        past = base + ("d" if base.endswith("e") else "ed")
        verbs.append(Verb(base, third, past, past))
    return tuple(verbs)


POSITIVE_PLAIN = ("good", "nice", "enjoyable", "pleasant", "appealing", "clever", "fresh", "impressive")
POSITIVE_STRONG = (
    "excellent", "wonderful", "brilliant", "superb", "fantastic", "amazing", "terrific", "outstanding", "marvellous",
    "splendid", "exquisite", "magnificent", "phenomenal", "delightful", "sublime", "fabulous", "first-rate",
)  # fmt: skip
POSITIVE_OF_FILM = (
    "funny", "charming", "likeable", "touching", "gripping", "engaging", "entertaining", "heartwarming", "exciting",
    "insightful", "witty", "captivating", "absorbing", "satisfying", "rewarding", "uplifting", "thoughtful",
)  # fmt: skip
NEGATIVE_PLAIN = (
    "bad", "poor", "weak", "lame", "bland", "unimpressive", "annoying", "clumsy", "sloppy", "uninspired", "unappealing",
)  # fmt: skip
NEGATIVE_STRONG = (
    "awful", "terrible", "dreadful", "horrible", "atrocious", "abysmal", "appalling", "horrendous", "lousy", "pathetic",
    "dismal", "pitiful", "unbearable", "disgraceful", "worthless", "third-rate",
)  # fmt: skip
NEGATIVE_OF_FILM = (
    "boring", "dull", "tedious", "pointless", "forgettable", "pretentious", "unfunny", "tiresome", "disappointing",
    "incoherent", "shallow", "unoriginal", "contrived", "cliched", "lifeless", "irritating",
)  # fmt: skip
NEUTRAL_ADJECTIVES = (
    "Italian", "French", "Canadian", "Japanese", "Indian", "Australian", "German", "Brazilian", "Swedish", "Korean",
    "American", "English", "Turkish", "two-hour", "ninety-minute", "black-and-white", "animated", "subtitled",
    "low-budget",
)  # fmt: skip

# What a viewer does to a film.
POSITIVE_VERBS = _regular("love", "enjoy", "adore", "like", "admire", "appreciate", "cherish")
NEGATIVE_VERBS = _regular("hate", "dislike", "detest", "loathe", "despise", "resent", "deplore")
NEUTRAL_VERBS = (
    Verb("watch", "watches", "watched", "watched"),
    Verb("see", "sees", "saw", "seen"),
    Verb("find", "finds", "found", "found"),
    Verb("rent", "rents", "rented", "rented"),
    Verb("view", "views", "viewed", "viewed"),
    Verb("discuss", "discusses", "discussed", "discussed"),
)

# What a film does to a viewer.
POSITIVE_EFFECTS = _regular("delight", "impress", "charm", "enchant", "thrill", "amuse", "dazzle", "fascinate")
NEGATIVE_EFFECTS = _regular("bore", "annoy", "disappoint", "irritate", "exasperate", "infuriate", "frustrate")

POSITIVE_NOUNS = ("masterpiece", "gem", "triumph", "delight", "treat", "joy", "winner", "marvel", "classic", "success")
NEGATIVE_NOUNS = (
    "disaster", "mess", "failure", "flop", "disappointment", "bore", "letdown", "travesty", "dud", "waste of time",
)  # fmt: skip

# How something is made: "a beautifully acted film".
POSITIVE_ADVERBS = ("beautifully", "brilliantly", "superbly", "wonderfully", "skilfully", "masterfully", "elegantly")
NEGATIVE_ADVERBS = ("badly", "poorly", "clumsily", "ineptly", "carelessly", "sloppily", "lazily")

POSITIVE_PHRASES = (
    "two thumbs up", "worth every penny", "a must-see", "a feast for the eyes", "well worth seeing",
    "a breath of fresh air", "a real crowd-pleaser", "time well spent",
)  # fmt: skip
NEGATIVE_PHRASES = (
    "two thumbs down", "not worth a penny", "a complete waste of money", "a chore to sit through", "one to avoid",
    "a train wreck", "a colossal bore", "two hours of my life that I will never get back",
)  # fmt: skip

INTENSIFIERS = ("very", "really", "extremely", "incredibly", "remarkably", "exceptionally", "extraordinarily")
STRONG_INTENSIFIERS = ("absolutely", "truly", "simply", "really", "utterly", "just")
REDUCERS = ("somewhat", "fairly", "mildly", "moderately", "kind of", "sort of")

FILMS = ("film", "movie", "picture", "comedy", "drama", "thriller", "documentary")
PLURAL_FILMS = ("films", "movies", "pictures", "comedies", "dramas", "thrillers", "documentaries")
PARTS = (
    Part("acting", "is", "was"),
    Part("plot", "is", "was"),
    Part("script", "is", "was"),
    Part("soundtrack", "is", "was"),
    Part("dialogue", "is", "was"),
    Part("cinematography", "is", "was"),
    Part("editing", "is", "was"),
    Part("ending", "is", "was"),
    Part("cast", "is", "was"),
    Part("costumes", "are", "were"),
    Part("performances", "are", "were"),
    Part("special effects", "are", "were"),
)
CRAFTS = ("written", "directed", "acted", "filmed", "edited", "staged")

POSITIVE_ADJECTIVES = POSITIVE_PLAIN + POSITIVE_STRONG + POSITIVE_OF_FILM
NEGATIVE_ADJECTIVES = NEGATIVE_PLAIN + NEGATIVE_STRONG + NEGATIVE_OF_FILM
