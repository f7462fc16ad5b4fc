"""Solutions of our own to some benchmark tasks, by other means than the reference's: what only running them can tell.

Keyed by task id; the docstring of each is the task's in paraphrases.py. Each passes its task's tests, which
tests/curate/decontam/test_behavioural.py checks.
"""

REWRITTEN = {
    "HumanEval/0": """
def crowded(values, gap):
    ranked = sorted(values)
    return any(high - low < gap for low, high in zip(ranked, ranked[1:]))
""",
    "HumanEval/7": """
def having(texts, part):
    kept = []
    for text in texts:
        if text.count(part) or not part:
            kept.append(text)
    return kept
""",
    "HumanEval/14": """
def heads(word):
    collected, head = [], ""
    for letter in word:
        head += letter
        collected.append(head)
    return collected
""",
    "HumanEval/28": """
from functools import reduce

def glue(parts):
    return reduce(lambda left, right: left + right, parts, "")
""",
    "HumanEval/35": """
def top(items):
    return sorted(items, reverse=True)[0]
""",
    "HumanEval/42": """
def plus_one(items):
    return list(map((1).__add__, items))
""",
    "HumanEval/49": """
def power_of_two(n, p):
    return pow(2, n, p)
""",
    "HumanEval/56": """
def matched(text):
    while "<>" in text:
        text = text.replace("<>", "")
    return not text
""",
    "HumanEval/63": """
def third_order(n):
    window = (0, 0, 1)
    for _ in range(n):
        window = (window[1], window[2], sum(window))
    return window[0]
""",
    "HumanEval/70": """
def zigzag(numbers):
    left, out = sorted(numbers), []
    while left:
        out.append(left.pop(0))
        left.reverse()
    return out
""",
    "HumanEval/77": """
def perfect(number):
    size, root = abs(number), 0
    while root * root * root < size:
        root += 1
    return root * root * root == size
""",
    "HumanEval/98": """
def loud(text):
    return len([c for c in text[::2] if c in "AEIOU"])
""",
    "HumanEval/112": """
def purge(text, unwanted):
    rest = text.translate({ord(letter): None for letter in unwanted})
    return rest, all(rest[i] == rest[-1 - i] for i in range(len(rest) // 2))
""",
    "HumanEval/133": """
def squares(values):
    total = 0
    for value in values:
        up = int(value) + (value > int(value))
        total += up ** 2
    return total
""",
    "HumanEval/154": """
def turns(word, part):
    doubled = part + part
    return any(doubled[i : i + len(part)] in word for i in range(len(part)))
""",
    "HumanEval/161": """
def mirror(text):
    return text.swapcase() if text.upper() != text.lower() else "".join(reversed(text))
""",
    "Mbpp/11": """
def without_ends(text, letter):
    at = [i for i, other in enumerate(text) if other == letter]
    return "".join(c for i, c in enumerate(text) if not at or i not in (at[0], at[-1]))
""",
    "Mbpp/29": """
def lonely(items, size):
    odd = set()
    for item in items[:size]:
        odd ^= {item}
    return odd.pop()
""",
    "Mbpp/101": """
def at_position(items, size, k):
    return next(item for place, item in enumerate(items, 1) if place == k)
""",
    "Mbpp/119": """
def single(items, size):
    return 2 * sum(set(items)) - sum(items)
""",
    "Mbpp/155": """
def flipped(number):
    bits = list(bin(number)[2:])
    for place in range(len(bits)):
        if (len(bits) - place) % 2 == 0:
            bits[place] = "10"[int(bits[place])]
    return int("".join(bits), 2)
""",
    "Mbpp/173": """
def letters_and_digits(text):
    return "".join(filter(str.isalnum, text))
""",
    "Mbpp/191": """
def short_month(name):
    return name in {"April", "June", "September", "November"}
""",
    "Mbpp/227": """
def lowest(a, b, c):
    return sorted((a, b, c))[0]
""",
    "Mbpp/263": """
def united(one, other):
    return {**one, **other}
""",
    "Mbpp/281": """
def no_repeats(items):
    seen = []
    for item in items:
        if item in seen:
            return False
        seen.append(item)
    return True
""",
    "Mbpp/335": """
def series(first, terms, step):
    return sum(range(first, first + terms * step, step))
""",
    "Mbpp/353": """
def narrowed(rows, column):
    return [row[:column] + row[column + 1 :] for row in rows]
""",
    "Mbpp/389": """
def lucas(n):
    pair = (2, 1)
    for _ in range(n):
        pair = (pair[1], pair[0] + pair[1])
    return pair[0]
""",
    "Mbpp/425": """
def holders(groups, item):
    return len([group for group in groups if item in group])
""",
    "Mbpp/443": """
def nearest_below_zero(numbers):
    return sorted(numbers)[0]
""",
    "Mbpp/479": """
def leading(number):
    return int(str(number)[0])
""",
}
