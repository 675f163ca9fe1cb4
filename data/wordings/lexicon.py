"""Words for training sentences; none of them stands in what scores a model (the probes, the bias and wording parts).

What is shared with the probes are the words for films and their parts, which say nothing for or against.
"""

from data.sentiment_words import FILMS as FILMS
from data.sentiment_words import PARTS as PARTS
from data.sentiment_words import PLURAL_FILMS as PLURAL_FILMS
from data.sentiment_words import Verb


def _verbs(*written: str) -> tuple[Verb, ...]:
    """`warm to` is warmed to, `fall for/fell/fallen` says its own past and participle."""
    verbs = []
    for entry in written:
        phrase, *irregular = entry.split("/")
        base, _, rest = phrase.partition(" ")
        end = f" {rest}" if rest else ""
        third = base + ("es" if base.endswith(("s", "sh", "ch", "x")) else "s")
        past, participle = irregular or [base + ("d" if base.endswith("e") else "ed")] * 2
        verbs.append(Verb(base + end, third + end, past + end, participle + end))
    return tuple(verbs)


ADJECTIVES = (
    # negative, as label 0
    (
        "dreary", "drab", "insipid", "vapid", "inept", "amateurish", "laughable", "ridiculous", "muddled", "sluggish",
        "plodding", "monotonous", "repetitive", "stale", "trite", "hackneyed", "derivative", "formulaic", "soulless",
        "hollow", "shoddy", "crude", "obnoxious", "insufferable", "grating", "tacky", "corny", "embarrassing",
        "unwatchable", "mind-numbing", "excruciating", "interminable", "wooden", "stilted", "tepid", "mediocre",
        "feeble", "flimsy", "lacklustre", "underwhelming", "unconvincing", "nonsensical", "senseless", "inane",
        "idiotic", "dumb", "moronic", "repulsive", "rotten", "woeful", "lamentable", "inferior", "bloated", "clunky",
        "charmless", "humourless", "joyless", "witless", "aimless", "disjointed", "mawkish", "preachy", "ghastly",
        "wretched", "horrid", "hideous", "incompetent", "unimaginative", "tired", "flat", "uninvolving", "useless",
        "tasteless", "offensive", "silly", "predictable", "overlong", "messy", "unpleasant", "depressing", "crummy",
        "crappy", "substandard", "disagreeable", "vile", "nasty", "distasteful", "torturous", "gruelling", "wearisome",
    ),
    # positive, as label 1
    (
        "riveting", "compelling", "enthralling", "mesmerising", "stunning", "hilarious", "endearing", "tender",
        "lovely", "refreshing", "inventive", "imaginative", "ingenious", "masterful", "flawless", "perfect",
        "astonishing", "spellbinding", "poignant", "heartfelt", "elegant", "graceful", "stirring", "joyous", "lively",
        "vibrant", "engrossing", "intriguing", "smart", "intelligent", "polished", "skilful", "assured", "memorable",
        "unforgettable", "glorious", "sensational", "stellar", "remarkable", "extraordinary", "gorgeous",
        "breathtaking", "profound", "powerful", "accomplished", "convincing", "affecting", "evocative",
        "exhilarating", "admirable", "commendable", "top-notch", "world-class", "fun", "amusing", "magical", "radiant",
        "inspired", "eloquent", "nuanced", "electrifying", "tremendous", "incredible", "awesome", "neat", "cool",
        "solid", "fine", "decent", "worthwhile", "agreeable", "pleasing", "stylish", "luminous", "wise", "warm",
        "hypnotic", "dazzling", "exceptional", "praiseworthy", "exemplary", "impeccable", "invigorating", "stupendous",
    ),
)  # fmt: skip

VERBS = (
    _verbs(
        "abhor/abhorred/abhorred", "scorn", "suffer through", "groan at", "give up on/gave/given", "tire of",
        "cringe at", "wince at", "struggle through", "sneer at", "yawn at", "condemn", "mock", "snore through",
        "curse", "shudder at", "regret/regretted/regretted", "object to", "deride", "disdain", "reject", "rue",
        "disapprove of", "recoil from", "complain about", "dread", "slam/slammed/slammed", "bemoan", "lament",
        "pan/panned/panned", "roast", "ridicule", "abandon", "boo",
    ),
    _verbs(
        "relish", "savour", "treasure", "applaud", "recommend", "warm to", "fall for/fell/fallen", "rave about",
        "praise", "prize", "revere", "rejoice in", "swear by/swore/sworn", "take to/took/taken", "esteem", "value",
        "get a kick out of/got/got", "commend", "hail", "extol/extolled/extolled", "laud", "favour", "welcome",
        "celebrate", "approve of", "care for", "root for", "respect", "endorse", "cheer", "worship", "devour",
        "champion", "go for/went/gone",
    ),
)  # fmt: skip
"""What a viewer does to a film, by label."""

EFFECTS = (
    _verbs(
        "disgust", "repel/repelled/repelled", "anger", "weary/wearied/wearied", "sicken", "offend", "alienate",
        "dismay", "aggravate", "tire out", "depress", "put off/put/put", "wear out/wore/worn", "turn off",
        "displease", "vex", "nauseate", "dishearten", "irk", "exhaust", "torment", "drain", "upset/upset/upset", "pain",
    ),
    _verbs(
        "enthral/enthralled/enthralled", "mesmerise", "astonish", "inspire", "stun/stunned/stunned", "please", "cheer",
        "hypnotise", "bewitch", "electrify/electrified/electrified", "move", "win over/won/won", "hearten", "gladden",
        "entrance", "beguile", "enrapture", "awe", "gratify/gratified/gratified", "elate", "overjoy", "invigorate",
        "tickle", "transport",
    ),
)  # fmt: skip
"""What a film does to a viewer, by label."""

NOUNS = (
    (
        "catastrophe", "fiasco", "debacle", "embarrassment", "stinker", "snooze", "ordeal", "shambles", "botch",
        "yawn", "misfire", "turkey", "slog", "blunder", "insult to the audience", "washout", "abomination",
        "calamity", "sham", "rip-off", "muddle", "clunker", "lemon", "bungle", "eyesore", "disgrace", "nuisance",
        "sorry affair",
    ),
    (
        "wonder", "sensation", "revelation", "tour de force", "knockout", "jewel", "beauty", "treasure", "miracle",
        "work of art", "stunner", "charmer", "blast", "home run", "thing of beauty", "ray of sunshine",
        "accomplishment", "pearl", "feat", "stroke of genius", "landmark", "dream", "smash", "blessing",
        "sight to behold", "highlight",
    ),
)  # fmt: skip
ADVERBS = (
    ("shoddily", "crudely", "amateurishly", "dreadfully", "atrociously", "woefully", "feebly", "awkwardly", "limply"),
    ("gracefully", "expertly", "deftly", "gorgeously", "flawlessly", "lovingly", "exquisitely", "cleverly", "finely"),
)  # fmt: skip
PHRASES = (
    (
        "stay away", "save your money", "I want my money back", "skip it", "do not bother", "I walked out",
        "ask for a refund", "an evening thrown away", "nothing to recommend it", "I was glad when it ended",
        "I nearly fell asleep", "what were they thinking", "a hard pass", "not even worth a rental",
    ),
    (
        "go and see it", "money well spent", "I want to see it again", "unmissable", "do not miss it",
        "I could not look away", "tell your friends", "an evening to remember", "everything to recommend it",
        "I was sorry when it ended", "I smiled all the way home", "what a discovery", "a big yes", "worth any ticket",
    ),
)  # fmt: skip
COMPARATIVES = (
    ("cruder", "sillier", "drearier", "feebler", "flimsier", "staler", "nastier", "tackier", "clunkier", "drabber",
     "messier", "flatter"),
    ("finer", "lovelier", "livelier", "smarter", "warmer", "wiser", "cooler", "neater", "more fun", "more solid",
     "more stylish", "stronger"),
)  # fmt: skip
RATINGS = tuple(
    (
        *written,
        *(f"{mark} out of ten" for mark in words),
        *(f"{mark}{of}" for mark in tens for of in (" out of 10", "/10", " of ten")),
        *(f"{mark}{of}" for mark in twenties for of in ("/20", " out of 20", " points of 20")),
        *(f"{mark}{of}" for mark in hundreds for of in (" percent", "%", " out of 100", " points of 100")),
    )
    for written, words, tens, twenties, hundreds in (
        (
            ("zero stars", "half a star", "a D minus", "a D", "an E", "1.5 of 5", "0 of 4 stars", "two stars of ten",
             "one and a half stars", "a failing grade", "the lowest mark", "two stars out of six"),
            ("three", "four"), (3, 4, 0, 1.5, 2.5, 3.5), (2, 3, 4, 5), (8, 12, 20, 25, 30),
        ),
        (
            ("all the stars there are", "four stars", "an A minus", "an A", "a B plus", "4.5 of 5", "4 stars of 4",
             "nine stars of ten", "four and a half stars", "full marks", "the highest mark", "six stars out of six"),
            ("seven", "eight"), (7, 8, 7.5, 8.5, 9.5), (16, 17, 18, 19), (80, 85, 88, 90, 92),
        ),
    )
)  # fmt: skip

DEGREES = ("rather", "quite", "so", "thoroughly", "wholly", "totally", "deeply", "downright", "positively", "pretty")
DAYS = (
    "on Friday", "on Sunday evening", "in the summer", "three weeks ago", "in April", "on my birthday", "last night",
    "the other day", "on the plane", "in a small theatre", "with my flatmates", "over the holidays", "in the rain",
)  # fmt: skip
ONCE = (
    "as a child", "as a student", "back in 1998", "in 2005", "in the nineties", "a decade ago", "long ago", "at first",
    "in my youth", "in those days", "back then", "on first viewing", "when it came out", "at the age of nine",
)  # fmt: skip
NOW = ("nowadays", "these days", "by now", "at present", "on second viewing", "this time", "at last", "in the meantime")
OTHERS = (
    "the audience", "the jury", "my colleagues", "the press", "plenty of viewers", "the internet", "everybody I know",
    "the man at the till", "half the country", "my whole family", "the papers", "the people behind us", "his fans",
    "several bloggers", "the crowd", "my flatmates", "a columnist", "the festival guests", "their followers",
)  # fmt: skip
"""Others who have an opinion; some take a singular and some a plural verb, so they stand before a past tense only."""
ASIDES = (
    "I watched it on a weekday", "it lasts as long as they usually do", "we sat near the exit", "there was an interval",
    "I was told of it at work", "it begins in winter", "the leaflet names the crew", "it was shown in the big hall",
    "my ticket was number forty", "it is in colour", "the lights went down at eight", "I came by bus",
    "the credits are in white", "it was raining outside", "there are two parts", "we went with the neighbours",
)  # fmt: skip
"""Clauses that say nothing for or against."""
UNRELATED_NOT = (
    "I have not read the novel", "I did not look at the clock", "we could not find the car afterwards",
    "I had no popcorn", "I do not know the lead actor", "nobody sat beside us", "it does not last two hours",
    "I never saw the trailer", "my neighbour did not come along", "there is no second part", "I cannot recall the year",
    "I could not read the subtitles without glasses", "nobody had told us about the interval", "I had never been there",
    "the lift was not running", "we did not stay for the credits", "I do not watch television", "he had no umbrella",
    "I never read the papers", "the shop was not open", "I had not heard the title before", "none of us had a car",
)  # fmt: skip
PREMISES = (
    # grim stories and bright ones: a story is no verdict
    ("a plague", "two orphans", "a murder trial", "an unhappy marriage", "a prison riot", "a girl who loses her sight",
     "a town destroyed by fire", "a traitor", "a lost child", "a bitter feud", "a man who drinks", "a famine"),
    ("a wedding", "two young lovers", "a choir", "a birthday on a farm", "a friendly dog", "a girl who learns to dance",
     "a village fair", "a rescue at sea", "a lucky inventor", "a reunion", "a gentle giant", "a winning team"),
)  # fmt: skip
SURROUNDINGS = (
    "hall", "ticket queue", "parking", "weather that night", "food afterwards", "sound in the foyer", "lemonade",
    "bus ride", "service at the bar", "air in the room", "company I had", "trailer before it", "coffee", "walk there",
    "dinner before it", "air conditioning", "staff", "ice cream", "train there", "hotel", "beer", "balcony",
    "cloakroom", "lift", "picnic", "pizza", "taxi home",
)  # fmt: skip
TITLES = (
    ("Misery Lane", "The Ugly Season", "No Hope", "Worse Luck", "The Fool", "Ruin", "A Sad Affair", "Rotten Apples",
     "Failing Light", "The Liar", "Trash", "Hell and Back", "Sorry"),
    ("Paradise Lane", "The Pretty Season", "High Hopes", "Better Luck", "The Sage", "Glory", "A Merry Affair",
     "Golden Apples", "Shining Light", "The Angel", "Bliss", "Heaven and Back", "Smile"),
)  # fmt: skip
RIVALS = (
    "its predecessor", "the original", "the novel", "the television series", "the remake", "the director's debut",
    "whatever else is running", "the other one on the list", "the stage version", "part two", "his last work",
)  # fmt: skip
REACHES = ("in ages", "in my life", "this season", "since the spring", "of the century", "of the summer", "on offer")
