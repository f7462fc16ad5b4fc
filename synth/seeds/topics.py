"""What seeds are combined from beside the corpus: settings, kinds of result, levels, audiences and techniques.

phi-1 found that a teacher repeats itself unless the prompt brings the variety (Gunasekar et al. 2023, section 2.2).
Topics come from the corpus (synth/seeds/seeds.py); these lists, multiplied with them, are the rest. Every kind of
result is a plain value, so that an exercise can be run and checked.
"""

SETTINGS = (
    "a library that lends books", "a bakery's orders", "a weather station", "a railway timetable", "a chess club",
    "a garden with beds and seeds", "a post office", "a cinema's seats", "a swimming race", "a hiking trail",
    "a music playlist", "a recipe collection", "a bus company", "a school's grades", "a museum's catalogue",
    "a football league", "a chemist's shelf", "a hotel's rooms", "a farm's harvest", "a bicycle workshop",
    "a telescope's observations", "a harbour with ships", "a spelling contest", "a stamp collection",
    "a vending machine",
    "an elevator", "a parking garage", "a phone's call list", "a choir's rehearsals", "a warehouse with crates",
    "a treasure map", "a card game", "a board game with dice", "a robot on a grid", "a traffic light", "a coffee bar",
    "a theatre's tickets", "a river's water levels", "a bird watcher's notes", "a printing shop", "a power meter",
    "a text editor", "a log file's lines", "a chat room", "a spreadsheet's cells", "a shop's barcodes", "a calendar",
    "a clock shop", "a language course", "a crossword puzzle", "a DNA sequence", "a thermostat", "a running diary",
    "a zoo's feeding plan", "a fishing boat", "a paint mixer", "a knitting pattern", "a drum machine", "a mail server",
    "a package manager", "a file tree", "a version number", "a web address", "a colour palette", "a photo album",
    "a bank's statements", "a piggy bank", "an airport's gates", "a taxi meter", "a blood donor list", "a fire station",
    "a space probe", "a mine's tunnels", "an orchard", "a beekeeper's hives", "a glacier survey", "a radio schedule",
    "a puzzle of tiles", "a maze", "a word game", "a secret message", "a quiz show", "a voting office", "a class trip",
    "a toy train", "a kitchen scale", "a sewing kit", "a lottery", "a marathon's checkpoints", "a snow report",
    "plain numbers", "plain text", "plain lists", "nested lists", "tables as lists of rows", "pairs of values",
)  # fmt: skip

RESULTS = (
    "an integer", "a float", "a string", "a boolean", "a list of integers", "a list of strings",
    "a list of tuples", "a list of lists", "a tuple of several values", "a dictionary that maps strings to integers",
    "a dictionary that maps to lists", "a string in a fixed format",
)  # fmt: skip

LEVELS = (
    "easy: one idea in three to six lines of code",
    "medium: two ideas that work together",
    "medium: a loop that has to remember something",
    "hard: several conditions that have to be kept apart",
)

TECHNIQUES = (
    "a for loop",
    "a while loop",
    "a list comprehension",
    "a dictionary",
    "a set",
    "slicing",
    "a conditional expression",
    "an early return",
    "recursion",
    "sorting with a key",
    "tuple unpacking",
    "enumerate",
    "zip",
    "string methods",
    "a generator expression",
    "an f-string",
)
"""What a textbook section shows; each can be found in a syntax tree (synth/teacher/claims.py)."""

AUDIENCES = (
    "a student in the first week of a course",
    "a high-school student",
    "a self-taught programmer",
    "someone who comes from spreadsheets",
    "a scientist who is new to Python",
    "a student preparing for an exam",
    "a candidate before an interview",
    "a programmer who knows another language",
)
