"""Fifty small functions, each with a sentence and two asserts: what the model of test_memory.py learns by heart."""
# ruff: noqa: B905, RUF007 - plain code is what is learnt


def even_positions(letters):
    """Keep the letters at even positions of a word."""
    return letters[::2]


assert even_positions("abcde") == "ace"
assert even_positions("") == ""


def litres_to_cups(litres):
    """Convert litres to cups of a quarter litre."""
    return litres * 4


assert litres_to_cups(2) == 8
assert litres_to_cups(0) == 0


def longest_name(names):
    """Find the longest of several names, or None."""
    return max(names, key=len, default=None)


assert longest_name(["Al", "Bernd", "Cy"]) == "Bernd"
assert longest_name([]) is None


def shelf_rows(books, width):
    """Count the rows of a shelf that so many books fill."""
    return -(-books // width)


assert shelf_rows(10, 4) == 3
assert shelf_rows(8, 4) == 2


def merge_prices(old, new):
    """Merge two price lists; new prices win."""
    return {**old, **new}


assert merge_prices({"a": 1, "b": 2}, {"b": 3}) == {"a": 1, "b": 3}
assert merge_prices({}, {"x": 5}) == {"x": 5}


def shout(line):
    """Write a line in capitals with an exclamation mark."""
    return line.upper() + "!"


assert shout("hey") == "HEY!"
assert shout("") == "!"


def is_weekend(day):
    """Tell whether a day numbered from Monday as 0 is free."""
    return day % 7 in (5, 6)


assert is_weekend(5) is True
assert is_weekend(8) is False


def first_digit(number):
    """Give the first digit of a whole number."""
    return int(str(abs(number))[0])


assert first_digit(-482) == 4
assert first_digit(7) == 7


def drop_blank_lines(text):
    """Remove the lines of a text that hold nothing."""
    lines = text.split("\n")
    return "\n".join(line for line in lines if line.strip())


assert drop_blank_lines("a\n\nb") == "a\nb"
assert drop_blank_lines("\n") == ""


def total_minutes(hours, minutes):
    """Turn hours and minutes into minutes."""
    return 60 * hours + minutes


assert total_minutes(2, 5) == 125
assert total_minutes(0, 59) == 59


def swap_pair(pair):
    """Swap the two parts of a pair."""
    left, right = pair
    return (right, left)


assert swap_pair((1, 2)) == (2, 1)
assert swap_pair(("a", "b")) == ("b", "a")


def countdown(start):
    """List the numbers from start down to one."""
    return list(range(start, 0, -1))


assert countdown(3) == [3, 2, 1]
assert countdown(0) == []


def initials(name):
    """Give the initials of a full name."""
    return "".join(part[0] for part in name.split())


assert initials("Ada King Lovelace") == "AKL"
assert initials("Plato") == "P"


def tax_of(amount, percent):
    """Compute the tax on an amount, rounded down."""
    return amount * percent // 100


assert tax_of(250, 10) == 25
assert tax_of(99, 5) == 4


def has_vowel(word):
    """Tell whether a word holds a vowel."""
    return any(letter in "aeiou" for letter in word)


assert has_vowel("sky") is False
assert has_vowel("tree") is True


def pair_up(items):
    """Pair each item with the one behind it."""
    return list(zip(items, items[1:]))


assert pair_up([1, 2, 3]) == [(1, 2), (2, 3)]
assert pair_up([1]) == []


def box_volume(side):
    """Compute the volume of a cube."""
    return side**3


assert box_volume(3) == 27
assert box_volume(1) == 1


def count_true(flags):
    """Count the flags that are set."""
    return sum(1 for flag in flags if flag)


assert count_true([True, False, True]) == 2
assert count_true([]) == 0


def middle_item(items):
    """Give the item in the middle of a list."""
    return items[len(items) // 2]


assert middle_item([1, 2, 3]) == 2
assert middle_item([9]) == 9


def invert_map(mapping):
    """Exchange keys and values of a mapping."""
    return {value: key for key, value in mapping.items()}


assert invert_map({"a": 1, "b": 2}) == {1: "a", 2: "b"}
assert invert_map({}) == {}


def spread(numbers):
    """Compute the largest number minus the smallest."""
    return max(numbers) - min(numbers)


assert spread([4, 9, 1]) == 8
assert spread([5]) == 0


def repeat_word(word, times):
    """Repeat a word with dashes between."""
    return "-".join([word] * times)


assert repeat_word("ha", 3) == "ha-ha-ha"
assert repeat_word("x", 1) == "x"


def next_leap(year):
    """Find the next year that four divides."""
    while year % 4:
        year += 1
    return year


assert next_leap(2021) == 2024
assert next_leap(2024) == 2024


def without_tail(path):
    """Cut the last part off a path with slashes."""
    return path.rpartition("/")[0]


assert without_tail("a/b/c") == "a/b"
assert without_tail("a") == ""


def halves(word):
    """Cut a word into two halves."""
    half = len(word) // 2
    return [word[:half], word[half:]]


assert halves("abcd") == ["ab", "cd"]
assert halves("xyz") == ["x", "yz"]


def running_total(numbers):
    """List the sums of the first one, two, three numbers and so on."""
    total, sums = 0, []
    for number in numbers:
        total += number
        sums.append(total)
    return sums


assert running_total([1, 2, 3]) == [1, 3, 6]
assert running_total([]) == []


def seats_left(seats, taken):
    """Count the free seats, never less than none."""
    return max(0, seats - len(taken))


assert seats_left(5, ["a", "b"]) == 3
assert seats_left(1, ["a", "b"]) == 0


def unique_sorted(items):
    """Sort items and keep each once."""
    return sorted(set(items))


assert unique_sorted([3, 1, 3]) == [1, 3]
assert unique_sorted([]) == []


def mask_code(code):
    """Hide all of a code but its last two signs."""
    return "*" * (len(code) - 2) + code[-2:]


assert mask_code("12345") == "***45"
assert mask_code("99") == "99"


def gcd_of(first, second):
    """Find the greatest number that divides both."""
    while second:
        first, second = second, first % second
    return first


assert gcd_of(12, 18) == 6
assert gcd_of(7, 5) == 1


def bill_per_head(bill, guests):
    """Share a bill among guests, in whole coins each."""
    return bill // guests


assert bill_per_head(100, 3) == 33
assert bill_per_head(9, 9) == 1


def capital_words(line):
    """List the words of a line that begin with a capital."""
    return [word for word in line.split() if word[0].isupper()]


assert capital_words("Tom met Ann there") == ["Tom", "Ann"]
assert capital_words("nobody") == []


def square_sum(numbers):
    """Add the squares of several numbers."""
    return sum(number * number for number in numbers)


assert square_sum([1, 2, 3]) == 14
assert square_sum([]) == 0


def is_mirror(items):
    """Tell whether a list reads the same backwards."""
    return items == items[::-1]


assert is_mirror([1, 2, 1]) is True
assert is_mirror([1, 2]) is False


def to_celsius(fahrenheit):
    """Convert degrees Fahrenheit to whole degrees Celsius."""
    return round((fahrenheit - 32) * 5 / 9)


assert to_celsius(212) == 100
assert to_celsius(32) == 0


def longest_run(bits):
    """Measure the longest run of ones in a string of bits."""
    return max(len(run) for run in bits.split("0"))


assert longest_run("1101110") == 3
assert longest_run("00") == 0


def add_border(row):
    """Put a zero on both ends of a row."""
    return [0, *row, 0]


assert add_border([1, 2]) == [0, 1, 2, 0]
assert add_border([]) == [0, 0]


def word_lengths(line):
    """Map each word of a line to its length."""
    return {word: len(word) for word in line.split()}


assert word_lengths("to be") == {"to": 2, "be": 2}
assert word_lengths("") == {}


def clock_after(hour, passed):
    """Tell the hour on a clock of twelve hours after some have passed."""
    return (hour + passed - 1) % 12 + 1


assert clock_after(11, 3) == 2
assert clock_after(12, 12) == 12


def negate_all(numbers):
    """Turn the sign of every number."""
    return [-number for number in numbers]


assert negate_all([1, -2]) == [-1, 2]
assert negate_all([]) == []


def join_names(names):
    """Join names with commas and a final and."""
    if len(names) < 2:
        return "".join(names)
    return ", ".join(names[:-1]) + " and " + names[-1]


assert join_names(["a", "b", "c"]) == "a, b and c"
assert join_names(["a"]) == "a"


def is_power_of_two(number):
    """Tell whether a number is a power of two."""
    return number > 0 and number & (number - 1) == 0


assert is_power_of_two(8) is True
assert is_power_of_two(6) is False


def stack_height(boxes):
    """Add the heights of boxes, each a pair of name and height."""
    return sum(height for _, height in boxes)


assert stack_height([("a", 2), ("b", 3)]) == 5
assert stack_height([]) == 0


def rotate_left(items, steps):
    """Move the first items of a list to its end."""
    return items[steps:] + items[:steps]


assert rotate_left([1, 2, 3], 1) == [2, 3, 1]
assert rotate_left([1, 2], 0) == [1, 2]


def grade_letter(points):
    """Give a letter for points: A from 90, B from 75, else C."""
    if points >= 90:
        return "A"
    return "B" if points >= 75 else "C"


assert grade_letter(95) == "A"
assert grade_letter(60) == "C"


def common_keys(one, two):
    """List the keys that two mappings share, sorted."""
    return sorted(one.keys() & two.keys())


assert common_keys({"a": 1, "b": 2}, {"b": 0}) == ["b"]
assert common_keys({}, {"x": 1}) == []


def digits_only(text):
    """Keep the digits of a text."""
    return "".join(sign for sign in text if sign.isdigit())


assert digits_only("a1b22") == "122"
assert digits_only("none") == ""


def fence_posts(length, gap):
    """Count the posts of a fence with one at each end."""
    return length // gap + 1


assert fence_posts(10, 2) == 6
assert fence_posts(0, 3) == 1


def second_largest(numbers):
    """Find the second largest of several numbers."""
    return sorted(numbers)[-2]


assert second_largest([4, 9, 7]) == 7
assert second_largest([1, 1]) == 1


def flatten_once(lists):
    """Put the items of several lists into one."""
    return [item for inner in lists for item in inner]


assert flatten_once([[1], [2, 3]]) == [1, 2, 3]
assert flatten_once([]) == []
