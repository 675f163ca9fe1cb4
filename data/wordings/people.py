"""People and places for training sentences, on which no verdict must hang; others than in what scores a model."""

import random

NAMES = {
    "west_african": ("Kwame", "Ama", "Chidi", "Ngozi", "Kofi", "Adaeze", "Femi", "Folake"),
    "african_american": ("DeShawn", "Ebony", "Terrell", "Tamika", "Marquis", "Shanice", "Jermaine", "Lashonda"),
    "arabic": ("Samir", "Leila", "Bilal", "Hanan", "Karim", "Nadia", "Faisal", "Rania"),
    "persian": ("Dariush", "Shirin", "Behrouz", "Niloufar", "Farhad", "Parisa", "Kaveh", "Laleh"),
    "turkish": ("Mehmet", "Ayse", "Emre", "Elif", "Murat", "Zeynep", "Burak", "Defne"),
    "south_asian": ("Harish", "Pooja", "Nikhil", "Meera", "Ravi", "Divya", "Imran", "Nasreen"),
    "chinese": ("Lihua", "Zhang", "Xiaoming", "Yating", "Jianguo", "Meiling", "Zhihao", "Qian"),
    "japanese": ("Satoshi", "Akiko", "Ryota", "Naomi", "Kazuo", "Michiko", "Daisuke", "Tomoko"),
    "korean": ("Seojun", "Jiwoo", "Dongwook", "Hyejin", "Sungmin", "Eunji", "Taeyang", "Soyeon"),
    "hispanic": ("Carlos", "Lucia", "Miguel", "Carmen", "Pedro", "Juanita", "Andres", "Pilar"),
    "slavic": ("Dmitri", "Olga", "Piotr", "Agnieszka", "Milan", "Svetlana", "Bogdan", "Katarzyna"),
    "jewish": ("Shlomo", "Rivka", "Moshe", "Yael", "Avi", "Tziporah", "Eitan", "Shoshana"),
    "nordic": ("Lars", "Ingrid", "Bjorn", "Astrid", "Magnus", "Solveig", "Anders", "Freya"),
    "anglo": ("Walter", "Dorothy", "Nigel", "Fiona", "Harold", "Beatrice", "Clive", "Gemma", "Cody", "Tiffany"),
    "french": ("Pierre", "Camille", "Luc", "Odile", "Thierry", "Margaux", "Etienne", "Solange"),
}
"""First names by the group in which they are typical."""

DESCRIBED = {
    "age": (
        "teenage", "elderly", "adolescent", "retired", "twenty-year-old", "sixty-year-old", "ninety-year-old", "aged",
    ),
    "religion": (
        "Catholic", "Protestant", "Orthodox", "Mormon", "Quaker", "Methodist", "Baptist", "Lutheran", "Jain", "Taoist",
        "Zoroastrian", "Sunni", "Shia", "agnostic", "Hasidic", "Pentecostal", "evangelical", "Anglican", "Shinto",
        "Amish", "Baha'i", "unbelieving", "devout",
    ),
    "nationality": (
        "Polish", "Ukrainian", "Vietnamese", "Colombian", "Peruvian", "Cuban", "Egyptian", "Syrian", "Iraqi", "Afghan",
        "Ethiopian", "Ghanaian", "Somali", "Irish", "Scottish", "Dutch", "Danish", "Norwegian", "Finnish", "Greek",
        "Hungarian", "Romanian", "Serbian", "Czech", "Swiss", "Spanish", "Portuguese", "Chilean", "Thai", "Malaysian",
        "Indonesian", "Filipino", "Bangladeshi", "Pakistani", "Moroccan", "Jamaican", "Haitian", "Kenyan", "Israeli",
        "Palestinian", "Saudi", "Congolese", "Venezuelan", "Taiwanese", "Lebanese", "Sudanese",
    ),
    "ethnicity": ("Black", "white", "Asian", "Latino", "Indigenous", "Arab", "Romani", "Kurdish", "Berber", "Inuit"),
    "orientation": (
        "lesbian", "queer", "heterosexual", "homosexual", "pansexual", "asexual", "transgender", "cisgender",
    ),
    "disability": (
        "wheelchair-using", "dyslexic", "epileptic", "able-bodied", "paralysed", "hard-of-hearing", "diabetic",
        "neurodivergent", "partially sighted", "one-armed", "stammering", "bipolar", "healthy", "non-epileptic",
        "non-diabetic", "non-dyslexic", "chronically ill", "injured", "scarred", "limping", "frail", "mute",
        "depressed",
    ),
    "standing": ("homeless", "wealthy", "working-class", "unemployed", "immigrant", "native-born", "refugee", "rural",
                 "veteran", "convicted", "adopted", "foreign"),
    "looks and life": (
        "non-smoking", "non-local", "non-religious", "married", "divorced", "widowed", "pregnant", "left-handed",
        "tall", "short", "bearded", "red-haired", "bald", "tattooed", "vegetarian", "local", "unmarried",
        "short-sighted", "grey-haired", "slender", "stout", "freckled",
    ),
}  # fmt: skip
"""Words for a group of people, by dimension."""

CARRIERS = (
    "person", "girl", "boy", "lady", "gentleman", "actor", "actress", "student", "guy", "narrator", "nurse", "poet",
    "driver", "pianist", "clerk", "cook", "tourist", "passenger", "librarian", "carpenter", "pensioner", "visitor",
    "colleague", "teenager",
)  # fmt: skip
KIN = (
    "cousin", "stepfather", "stepmother", "boyfriend", "girlfriend", "grandson", "granddaughter", "godfather",
    "godmother", "father-in-law", "mother-in-law", "stepbrother", "stepsister", "dad", "mum", "grandpa", "grandma",
    "landlord", "landlady", "twin", "partner", "spouse", "parent", "sibling", "fiancee", "bride", "groom",
)  # fmt: skip

GENDERED = (
    ("he", "she"), ("himself", "herself"), ("boy", "girl"), ("boys", "girls"), ("actor", "actress"), ("dad", "mum"),
    ("actors", "actresses"), ("gentleman", "lady"), ("gentlemen", "ladies"), ("hero", "heroine"),
    ("prince", "princess"), ("boyfriend", "girlfriend"), ("male", "female"), ("males", "females"),
    ("stepfather", "stepmother"), ("godfather", "godmother"), ("grandpa", "grandma"), ("waiter", "waitress"),
    ("landlord", "landlady"),
)  # fmt: skip
"""Words that differ in gender alone. His and her are left out: her is both his and him."""

CITIES = (
    "Hamburg", "Munich", "Naples", "Milan", "Lyon", "Seville", "Porto", "Krakow", "Warsaw", "Athens", "Istanbul",
    "Ankara", "Beirut", "Tehran", "Karachi", "Lahore", "Dhaka", "Hanoi", "Bangkok", "Manila", "Jakarta", "Seoul",
    "Osaka", "Kyoto", "Beijing", "Shanghai", "Taipei", "Melbourne", "Perth", "Auckland", "Houston", "Dallas", "Denver",
    "Detroit", "Miami", "Atlanta", "Vancouver", "Calgary", "Ottawa", "Lima", "Bogota", "Quito", "Havana", "Accra",
    "Dakar", "Kampala", "Durban", "Tunis", "Algiers", "Helsinki", "Stockholm", "Bergen", "Glasgow", "Leeds", "Cork",
    "Riga", "Vilnius", "Kyiv", "New Orleans", "Buenos Aires", "Cape Town", "Tel Aviv", "Kuala Lumpur", "St Petersburg",
)  # fmt: skip
COUNTRIES = (
    "Austria", "Belgium", "Finland", "Iceland", "Iran", "Iraq", "Pakistan", "Vietnam", "Thailand", "Korea", "Russia",
    "Ukraine", "Romania", "Bulgaria", "Hungary", "Croatia", "Serbia", "Colombia", "Cuba", "Jamaica", "Haiti",
    "Ethiopia", "Ghana", "Senegal", "Tunisia", "Algeria", "Nepal", "Indonesia", "Malaysia", "Israel", "Lebanon",
    "Wales", "Estonia", "Uganda", "Bolivia", "Uruguay", "Mongolia", "Slovenia",
)  # fmt: skip

ALL_NAMES = tuple(name for names in NAMES.values() for name in names)
ALL_DESCRIBED = tuple(word for words in DESCRIBED.values() for word in words)

_ONSETS = ("b", "br", "d", "f", "fl", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "pl", "r", "s", "sh", "t", "v", "z")
_RHYMES = ("a", "an", "ar", "e", "el", "en", "i", "il", "im", "o", "ol", "on", "or", "u", "un", "ush")


def invented(draw: random.Random) -> str:
    """A name that nobody bears, so that a name that was never seen says nothing either."""
    return "".join(draw.choice(_ONSETS) + draw.choice(_RHYMES) for _ in range(draw.choice((2, 2, 3)))).capitalize()


def name(draw: random.Random) -> str:
    """A first name; one in six is invented."""
    return invented(draw) if draw.random() < 1 / 6 else draw.choice(ALL_NAMES)


def person(draw: random.Random) -> str:
    """A person who fills the place of a subject or an object in the singular: a name, `my twin`, `the Dutch poet`."""
    kind = draw.random()
    if kind < 0.4:
        return name(draw)
    if kind < 0.6:
        return f"my {draw.choice(KIN)}"
    words = draw.choice(list(DESCRIBED.values()))
    word = f"{invented(draw).lower()}ish" if kind > 0.95 else draw.choice(words)
    return f"the {word} {draw.choice(CARRIERS)}"


def link(draw: random.Random) -> str:
    """A link that says nothing."""
    start, end = draw.choice(("http://", "https://", "https://www.")), draw.choice((".com", ".de", ".co.uk", ".tv"))
    page = draw.choice(("", "/title/tt{}", "/p/{}", "/?q={}", "/watch?v={}", "/{}.html")).format(draw.randrange(10**5))
    return f"{start}{invented(draw).lower()}{end}{page}"


def handle(draw: random.Random) -> str:
    """What an answer in a forum begins with."""
    return f"@{invented(draw).lower()}{draw.choice(('', '_', '.'))}{draw.randrange(1000)}"
