"""Texts that a model of film reviews has nothing to say to: sentences on other things without a verdict, and nonsense.

The sentences were written for this project. None praises or blames anything, and none is about a film.
"""

import random
import string

OTHER_TEXTS: dict[str, tuple[str, ...]] = {
    "recipes": (
        "Preheat the oven to 180 degrees and line a baking tray with paper.",
        "Whisk two eggs with a spoonful of sugar in a large bowl.",
        "Chop the onion, then fry it in oil for about five minutes.",
        "Add the flour a little at a time and stir with a wooden spoon.",
        "Leave the dough under a cloth for one hour.",
        "Drain the beans and rinse them under cold water.",
        "Bring a litre of water to the boil and put in the pasta.",
        "Cut the carrots into slices about half a centimetre thick.",
        "Mix the rice with the stock and cover the pan with a lid.",
        "Turn the bread over after twenty minutes and bake it for ten more.",
        "Melt the butter over a low heat before you add the milk.",
        "Peel four potatoes and grate them onto a plate.",
        "Put the jars into the fridge for two days.",
        "Divide the mixture between six small tins.",
    ),
    "weather": (
        "Rain is expected in the north from Tuesday afternoon.",
        "The temperature at noon was twelve degrees.",
        "Winds from the south-west will reach thirty kilometres an hour.",
        "Fog will form in the valleys during the night.",
        "A band of cloud moves across the country by the evening.",
        "Snow fell above one thousand metres.",
        "The barometer stood at 1013 hectopascals in the morning.",
        "Humidity along the coast was measured at seventy per cent.",
        "Sunrise is at six forty and sunset at seven fifteen.",
        "Showers are followed by dry spells on Thursday.",
        "The tide is high at nine in the morning and at half past nine at night.",
        "Overnight the sky clears from the west.",
        "Forty millimetres of rain fell in the last week.",
        "The front reaches the islands on Sunday.",
    ),
    "law": (
        "The tenant shall give notice in writing three months before the end of the term.",
        "This agreement is governed by the law of the place where the seller has its seat.",
        "An appeal must be lodged within thirty days of the decision.",
        "The term vehicle includes trailers and tractors.",
        "Each party bears its own costs.",
        "The committee consists of seven members, elected for four years.",
        "Section four applies to contracts concluded after the first of January.",
        "The register is kept by the clerk of the court.",
        "A copy of the form is sent to both parties.",
        "The owner of the land is named in the deed.",
        "Paragraph two does not apply to persons under eighteen.",
        "The witness signed the statement on page three.",
        "The hearing was moved from Monday to Wednesday.",
        "The licence is valid for five years from the date of issue.",
    ),
    "manuals": (
        "Press and hold the button for three seconds to switch the device on.",
        "Connect the grey cable to the port on the back.",
        "Remove the four screws and lift the cover.",
        "The battery is charged when the lamp turns green.",
        "Insert the filter with the arrow pointing upwards.",
        "Use a dry cloth to wipe the sensor.",
        "Set the switch to position two before you close the door.",
        "The display shows the channel, the time and the volume.",
        "Hold the handle with one hand and turn the key with the other.",
        "Place the machine on a flat surface.",
        "Unplug the appliance before changing the bulb.",
        "The drawing on page nine shows where the parts go.",
        "Tighten the bolts with a ten-millimetre spanner.",
        "Pour water into the tank up to the upper line.",
    ),
    "sport": (
        "The match ended two to two after extra time.",
        "She ran the ten kilometres in forty-one minutes.",
        "The team from the harbour plays at home on Saturday.",
        "The referee stopped play in the sixtieth minute.",
        "He served from the left side of the court.",
        "Twelve riders reached the summit together.",
        "The second half starts at a quarter past four.",
        "The league has eighteen clubs in two groups.",
        "The swimmer in lane five turned at thirty-two seconds.",
        "The coach named three substitutes.",
        "The boat crossed the line after two hours and six minutes.",
        "The draw for the next round takes place in June.",
        "Each player throws three times in a round.",
        "The track is four hundred metres long.",
    ),
    "travel": (
        "The train to the airport leaves from platform four.",
        "Change at the central station and take the blue line.",
        "The ferry takes forty minutes and carries cars.",
        "Check-in closes one hour before departure.",
        "The bus stops in front of the town hall.",
        "Room 214 is on the second floor, next to the stairs.",
        "The road follows the river for twelve kilometres.",
        "Passengers for the night train wait in hall B.",
        "The museum is open from ten to six, except on Mondays.",
        "A ticket for the tram is valid for ninety minutes.",
        "The path turns left at the chapel and climbs to the pass.",
        "Luggage can be left in the lockers by the entrance.",
        "The flight stops for an hour on the way south.",
        "The hotel has forty rooms and a car park.",
    ),
    "science": (
        "Water consists of hydrogen and oxygen.",
        "The sample was heated to sixty degrees for ten minutes.",
        "Light takes about eight minutes from the sun to the earth.",
        "The cell is surrounded by a membrane.",
        "Iron has the atomic number twenty-six.",
        "The angle between the two beams was thirty degrees.",
        "The larvae hatch after nine days.",
        "We measured the current at five points along the wire.",
        "The rock contains quartz, feldspar and mica.",
        "Pollen is carried by wind and by insects.",
        "The moon turns once on its axis in about twenty-seven days.",
        "The solution was stirred and left to stand overnight.",
        "Whales breathe through an opening on top of the head.",
        "The graph shows the mass of each sample against its volume.",
    ),
    "history": (
        "The bridge was built between 1871 and 1874.",
        "The town received its charter in the thirteenth century.",
        "The railway reached the coast in 1856.",
        "Coins from three reigns were found under the floor.",
        "The archive holds letters from the years before the election.",
        "The treaty was signed in the spring of the following year.",
        "A census was taken every ten years.",
        "The census of 1801 counted four thousand houses in the parish.",
        "The wall ran from the river to the northern gate.",
        "The ship sailed in March and returned in October.",
        "The office of mayor passed from father to son.",
        "Paper was made in the valley until 1930.",
        "The capital was moved to the west in 1923.",
        "The map shows the roads as they were in 1750.",
    ),
    "business": (
        "The invoice is due on the last day of the month.",
        "The shop opens at nine and closes at six.",
        "The meeting has been moved to room three.",
        "The company has offices in four countries.",
        "Please send the form to the address below.",
        "The parcel was handed to the neighbour on the first floor.",
        "Sales in the second quarter were equal to those of the first.",
        "The rate of interest is set once a year.",
        "The warehouse holds two thousand boxes.",
        "The minutes of the meeting are attached.",
        "The new number of the office ends in forty-two.",
        "The order consists of six chairs and a table.",
        "Payment is made by bank transfer.",
        "The report has eleven chapters and two annexes.",
    ),
    "gardening": (
        "Sow the seeds two centimetres deep in rows.",
        "Water the seedlings every other day.",
        "Prune the apple tree in February.",
        "The bulbs are planted in autumn and flower in April.",
        "Cover the soil with straw between the rows.",
        "Tomatoes need six hours of sun a day.",
        "Dig a hole twice as wide as the pot.",
        "The hedge is cut in June and in September.",
        "Move the pots indoors before the first frost.",
        "Mix one part of sand with two parts of compost.",
        "The roots of the willow grow towards water.",
        "Leave half a metre between the plants.",
        "Beans climb on poles or on strings.",
        "The lawn is mown once a week in May.",
    ),
    "computing": (
        "The function returns a list of integers.",
        "Copy the folder to the server before the update.",
        "The password must have at least twelve characters.",
        "Version two reads files of version one.",
        "The table has four columns and an index on the first.",
        "The process listens on port 8080.",
        "Open the settings and choose the language.",
        "The log is written to a file of its own each day.",
        "The loop ends when the counter reaches ten.",
        "Click on the third tab to see the list of users.",
        "The archive is unpacked into the current directory.",
        "The cable carries data at one gigabit a second.",
        "The script reads its input line by line.",
        "The backup starts at two in the morning.",
    ),
    "household": (
        "The keys are in the drawer next to the door.",
        "My sister lives on the third floor of the house opposite.",
        "The bins are emptied on Wednesdays.",
        "There are six chairs around the kitchen table.",
        "The dentist moved my appointment to Friday at ten.",
        "We painted the hall white and the door green.",
        "The washing machine runs for an hour and a half.",
        "The dog sleeps in a basket under the stairs.",
        "I put the letters on the shelf by the window.",
        "The plumber comes between eight and ten.",
        "The curtains are two metres long.",
        "He takes the bus to school and walks home.",
        "The lamp stands to the left of the sofa.",
        "Our street has a baker, a chemist and a post office.",
    ),
}
"""By topic."""

NONSENSE_KINDS = ("letters", "made-up words", "function words", "numbers", "one word again and again")
_FUNCTION_WORDS = (
    "the", "of", "and", "to", "in", "a", "that", "it", "is", "was", "for", "on", "as", "with", "his", "they", "at",
    "be", "this", "from", "or", "had", "by", "which",
)  # fmt: skip
_REPEATED = ("of", "which", "the", "table", "blue", "seven", "under", "between", "stone", "window")


def other_texts() -> list[str]:
    """Every sentence, topic by topic."""
    return [text for texts in OTHER_TEXTS.values() for text in texts]


def nonsense(count: int, seed: int = 0) -> list[str]:
    """So many texts without a sense, each different, of NONSENSE_KINDS in turn; the same for the same seed."""
    draw = random.Random(f"nonsense:{seed}")
    makers = (_letters, _made_up_words, _function_words, _numbers, _repeated)
    found: dict[str, None] = {}
    for number in range(count):
        make = makers[number % len(makers)]
        while (text := make(draw)) in found:
            pass
        found[text] = None
    return list(found)


def _letters(draw: random.Random) -> str:
    return " ".join("".join(draw.choices(string.ascii_lowercase, k=draw.randint(2, 9))) for _ in _some(draw))


def _made_up_words(draw: random.Random) -> str:
    syllables = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
    words = ["".join(draw.choices(syllables, k=draw.randint(2, 4))) for _ in _some(draw)]
    return f"{' '.join(words).capitalize()}."


def _function_words(draw: random.Random) -> str:
    return f"{' '.join(draw.choices(_FUNCTION_WORDS, k=len(_some(draw)))).capitalize()}."


def _numbers(draw: random.Random) -> str:
    return " ".join(str(draw.randint(0, 10 ** draw.randint(1, 6))) for _ in _some(draw))


def _repeated(draw: random.Random) -> str:
    return " ".join([draw.choice(_REPEATED)] * draw.randint(3, 60))


def _some(draw: random.Random) -> range:
    return range(draw.randint(4, 16))
