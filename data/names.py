"""First names by group, places, and the neutral material that edits and templates draw on.

Names that are also common words (Grace, Will, Mark, Hope, Bill) are left out, so that they are told from them in lower
case too. The groups are those in which a name is typical, not what everyone who bears it belongs to.
"""

WOMEN = {
    "european_american": ("Emily", "Katie", "Heather", "Allison", "Kristin", "Megan", "Laura", "Amanda"),
    "african_american": ("Latisha", "Keisha", "Latoya", "Shaniqua", "Tanisha", "Lakisha", "Aaliyah", "Imani"),
    "hispanic": ("Guadalupe", "Ximena", "Marisol", "Luz", "Esperanza", "Rocio", "Yolanda", "Alejandra"),
    "arabic": ("Fatima", "Aisha", "Yasmin", "Khadija", "Zainab", "Maryam", "Salma", "Noura"),
    "east_asian": ("Mei", "Xiuying", "Yuki", "Haruka", "Jiyeon", "Minji", "Linh", "Yuna"),
    "south_asian": ("Priya", "Ananya", "Lakshmi", "Kavita", "Deepika", "Shreya", "Anjali", "Sunita"),
}

MEN = {
    "european_american": ("Geoffrey", "Brendan", "Connor", "Matthew", "Brad", "Greg", "Todd", "Neil"),
    "african_american": ("Jamal", "Tyrone", "Darnell", "Leroy", "Hakim", "Rasheed", "Tremayne", "Kareem"),
    "hispanic": ("Jorge", "Luis", "Javier", "Alejandro", "Santiago", "Raul", "Esteban", "Diego"),
    "arabic": ("Mohammed", "Ahmed", "Omar", "Youssef", "Mustafa", "Khalid", "Tariq", "Hassan"),
    "east_asian": ("Wei", "Hiroshi", "Kenji", "Minjun", "Jiho", "Takeshi", "Jian", "Haoran"),
    "south_asian": ("Rajesh", "Arjun", "Vikram", "Sanjay", "Amit", "Rahul", "Suresh", "Anil"),
}

OTHER_WOMEN = (
    "Anna", "Sarah", "Julia", "Jennifer", "Jessica", "Nicole", "Susan", "Karen", "Michelle", "Elizabeth", "Catherine",
    "Barbara", "Linda", "Patricia", "Margaret", "Helen", "Sandra", "Rachel", "Rebecca", "Stephanie", "Melissa",
    "Andrea", "Diane", "Judith", "Caroline", "Samantha", "Monica", "Vanessa", "Sophie", "Emma", "Kate", "Jane",
    "Mary", "Meryl", "Renee", "Gwyneth", "Halle", "Olivia", "Teresa",
)  # fmt: skip

OTHER_MEN = (
    "James", "John", "Robert", "Michael", "David", "Richard", "Joseph", "Charles", "Daniel", "Anthony", "Steven",
    "Paul", "Andrew", "Kenneth", "George", "Edward", "Brian", "Kevin", "Ronald", "Timothy", "Jason", "Jeffrey",
    "Ryan", "Jacob", "Gary", "Nicholas", "Eric", "Stephen", "Jonathan", "Larry", "Justin", "Brandon", "Benjamin",
    "Samuel", "Gregory", "Alexander", "Peter", "Doug", "Adam", "Ben", "Tom", "Tim", "Keith", "Roger", "Denis",
)  # fmt: skip

WOMENS_NAMES = tuple(dict.fromkeys((*OTHER_WOMEN, *(name for names in WOMEN.values() for name in names))))
MENS_NAMES = tuple(dict.fromkeys((*OTHER_MEN, *(name for names in MEN.values() for name in names))))

NONSENSE_NAMES = (
    "Brelka", "Vondar", "Tispel", "Quorin", "Drayla", "Mizlen", "Falrik", "Jorvath", "Nembis", "Plodan", "Skarel",
    "Ulveth", "Wibron", "Yestal", "Zorbin", "Crimlo", "Harvex", "Lenthu", "Ostrik", "Girvan", "Tovlin", "Bexlo",
    "Mardoth", "Kelvish",
)  # fmt: skip
"""Made-up names, which no group bears: how far they differ among themselves is the noise of a name slot."""

CITIES = (
    "London", "Paris", "Berlin", "Madrid", "Rome", "Vienna", "Dublin", "Chicago", "Boston", "Seattle", "Toronto",
    "Sydney", "Tokyo", "Mumbai", "Cairo", "Lagos", "Nairobi", "Lisbon", "Prague", "Oslo", "New York", "Los Angeles",
    "San Francisco", "Hong Kong", "Mexico City", "Montreal", "Budapest", "Copenhagen",
)  # fmt: skip

COUNTRIES = (
    "France", "Germany", "Spain", "Italy", "Ireland", "Canada", "Australia", "Japan", "India", "Egypt", "Nigeria",
    "Kenya", "Portugal", "Norway", "Sweden", "Mexico", "Brazil", "Argentina", "Poland", "Greece", "England",
    "Scotland", "Denmark", "Morocco", "Peru", "Chile",
)  # fmt: skip

NEUTRAL_SENTENCES = (
    "I saw it on a Tuesday",
    "I saw it at home",
    "We watched it last week",
    "It runs for about a hundred minutes",
    "It came out some time ago",
    "The screening was in the afternoon",
    "I watched it with my sister",
    "There were twenty people in the room",
    "We had seats in the middle row",
    "I read about it in the newspaper",
)
"""Complete sentences that say nothing for or against a film."""

NEUTRAL_EMOJI = ("🎬", "🎥", "🎞️", "📽️", "📺", "🎟️", "📅", "💻")
HANDLES = ("@film_desk", "@cinema_notes", "@reel_log", "@screen_diary", "@seat_14b", "@movie_list")
URLS = (
    "https://example.org/films/4127",
    "https://www.example.com/review?id=83",
    "http://example.net/watch/a7f2",
    "https://example.org/2019/03/notes",
)
