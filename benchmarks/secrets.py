"""Secrets: how many of 200 planted ones `filter.secrets` finds, and what it finds in 1,000 real files.

    python -m benchmarks.secrets [--corpus FOLDER] [--findings FILE]

The planted secrets are drawn at random: passwords, keys of many alphabets and issued tokens, 30 kinds, in the forms of
FORMS, PLAIN and URLS, each in a file of its own between other code. A secret is found if nothing of it is left and the
rest of the file is what it was. The real files are drawn from a corpus of public packages (beside the checkout, or
$CURATE_CORPUS); each finding is written to FILE, with what stands around it, to be read by eye: JUDGED says what a
reader found of those that this draw gives. Prints both and writes benchmarks/results/secrets.json.
"""

import argparse
import base64
import json
import os
import random
import re
import string
from collections import Counter
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import pyarrow.parquet as pq

from curate.filters.private.secrets import redact, secrets

HERE = Path(__file__).parent
CORPUS = Path(os.environ.get("CURATE_CORPUS", HERE.parent.parent / "shared" / "data" / "corpus"))
PLANTED, FILES, SEED = 200, 1000, 17
JUDGED: dict[str, str] = {}
"""Findings in real files, as `id kind text`, that a reader called false, and why."""
LETTERS = string.ascii_letters
BASE62 = LETTERS + string.digits
HEX = "0123456789abcdef"
URL = BASE62 + "-_"
DJANGO = "abcdefghijklmnopqrstuvwxyz0123456789!@#$%^&*(-_=+)"


def _drawn(alphabet: str, size: int) -> Callable[[random.Random], str]:
    return lambda draw: "".join(draw.choices(alphabet, k=size))


def _marked(mark: str, alphabet: str, size: int) -> Callable[[random.Random], str]:
    return lambda draw: mark + "".join(draw.choices(alphabet, k=size))


def _password(draw: random.Random) -> str:
    parts = [draw.choice(string.ascii_lowercase), draw.choice(string.ascii_uppercase), draw.choice(string.digits)]
    rest = draw.choices(BASE62 + "!@#%^&*-_=+?", k=draw.randint(8, 17))
    word = [*parts, draw.choice("!@#%^&*-_=+?"), *rest]
    draw.shuffle(word)
    return "".join(word)


def _web_token(draw: random.Random) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
    body = base64.urlsafe_b64encode(json.dumps({"sub": _drawn(BASE62, 12)(draw)}).encode()).decode().rstrip("=")
    return f"{head}.{body}.{_drawn(URL, 43)(draw)}"


NAMED = {
    "password": _password,
    "api_key": _drawn(HEX, 32),
    "secret_key": _drawn(BASE62, 40),
    "access_token": _drawn(URL, 36),
    "client_secret": lambda draw: base64.b64encode(draw.randbytes(24)).decode(),
    "aws_secret_access_key": _drawn(BASE62 + "+/", 40),
    "SECRET_KEY": _drawn(DJANGO, 50),
    "auth_token": _drawn(HEX, 40),
    "db_password": _password,
    "private_key": _drawn(HEX, 64),
}
"""Kinds that only their name tells."""
ISSUED = {
    "Hugging Face": _marked("hf" + "_", LETTERS, 34),
    "Google": _marked("AI" + "za", URL, 35),
    "Anthropic": _marked("sk-" + "ant-api03-", URL, 93),
    "GitHub": _marked("gh" + "p_", BASE62, 36),
    "GitHub, fine-grained": _marked("github" + "_pat_", BASE62, 82),
    "GitLab": _marked("gl" + "pat-", URL, 20),
    "npm": _marked("npm" + "_", BASE62, 36),
    "PyPI": _marked("py" + "pi-AgEIcHlwaS5vcmc", URL, 120),
    "Slack": lambda draw: (
        "xox" + f"b-{draw.randrange(10**11, 10**12)}-{draw.randrange(10**11, 10**12)}-" + _drawn(BASE62, 24)(draw)
    ),
    "Slack's hook": lambda draw: (
        "https://hooks.sl"
        + f"ack.com/services/T{_drawn(HEX, 8)(draw)}/B{_drawn(HEX, 8)(draw)}/{_drawn(BASE62, 24)(draw)}"
    ),
    "Stripe": _marked("sk" + "_live_", BASE62, 24),
    "AWS": _marked("AK" + "IA", string.ascii_uppercase + "234567", 16),
    "SendGrid": lambda draw: "S" + f"G.{_drawn(URL, 22)(draw)}.{_drawn(URL, 43)(draw)}",
    "a web token": _web_token,
    "OpenAI": _marked("sk-" + "proj-", URL, 74),
    "DigitalOcean": _marked("do" + "p_v1_", HEX, 64),
    "Databricks": _marked("da" + "pi", HEX, 32),
    "Shopify": _marked("sh" + "pat_", HEX, 32),
    "Telegram": lambda draw: f"{draw.randrange(10**8, 10**10)}:AA" + _drawn(URL, 33)(draw),
    "Google's client": _marked("GOC" + "SPX-", URL, 28),
}
"""Kinds that carry a mark: they are planted in plain strings and comments, under a name that says nothing."""
FORMS: dict[str, str] = {
    "assigned": "{name} = {value!r}\n",
    "annotated": "{name}: str = {value!r}\n",
    "default of the environment": "{name} = os.environ.get({upper!r}, {value!r})\n",
    "getenv": "x = os.getenv({upper!r}, default={value!r})\n",
    "setdefault": "os.environ.setdefault({upper!r}, {value!r})\n",
    "subscript": "os.environ[{upper!r}] = {value!r}\n",
    "keyword": "client = Client(host, {name}={value!r})\n",
    "dictionary": "options = {{'host': 'db1', {name!r}: {value!r}, 'port': 1}}\n",
    "parameter": "def connect(host, {name}={value!r}, port=1):\n    return host\n",
    "keyword-only parameter": "def connect(host, *, {name}: str = {value!r}) -> str:\n    return host\n",
    "walrus": "if ({name} := {value!r}):\n    pass\n",
    "comparison": "if request.{name} == {value!r}:\n    pass\n",
    "bytes": "{name} = b{value!r}\n",
    "raw": "{name} = r{value!r}\n",
    "in three quotes": "{name} = '''{value}'''\n",
    "attribute": "self.{name} = {value!r}\n",
    "data class": "@dataclass\nclass Settings:\n    {name}: str = field(default={value!r}, repr=False)\n",
    "tuple": "user, {name} = 'jo', {value!r}\n",
    "alternative": "{name} = given or {value!r}\n",
    "condition": "{name} = given if given else {value!r}\n",
    "in brackets": "{name} = (\n    {value!r}\n)\n",
    "returned": "def {name}():\n    return {value!r}\n",
    "encoded": "{name} = {value!r}.encode()\n",
    "header": "headers = {{'Authorization': 'Bearer {value}'}}\n",
    "f-string": "{name} = f'{value}'\n",
    "option": "parser.add_argument('--{option}', default={value!r})\n",
    "comment": "# {name} = {value!r}\n",
    "settings in a string": "SETTINGS = '''\n[main]\n{name} = {value}\nport = 1\n'''\n",
    "broken": "{name} = {value!r}\nprint 'x'\n",
    "broken environment": "{name} = os.environ.get({upper!r}, {value!r})\nexec 'x'\n",
}  # fmt: skip
PLAIN = (
    "x = {value!r}\n",
    "# used to be {value}\n",
    "call(1, {value!r})\n",
    "'''Try {value} first.'''\n",
    "y = [b'{value}']\n",
)
URLS = ("URL = 'postgresql://svc:{value}@db1.quorl.de:5432/main'\n", "# redis://:{value}@cache.quorl.de/0\n")
BEFORE = '"""Some helpers."""\n\nimport os\n\n\ndef area(width, height):\n    return width * height\n\n\n'
AFTER = "\n\ndef mean(values):\n    return sum(values) / len(values)\n"


def planted() -> list[tuple[str, str, str]]:
    """Return form, secret, and the text that holds it."""
    draw = random.Random(SEED)
    cases = []
    names, forms, marks = cycle(NAMED), cycle(FORMS), cycle(ISSUED)
    for number in range(PLANTED):
        if number % 10 < 6:
            name, form = next(names), next(forms)
            value = NAMED[name](draw)
            fields = {"name": name, "upper": name.upper(), "option": name.replace("_", "-")}
            cases.append((form, value, FORMS[form].format(value=value, **fields)))
            if number % 30 == 0:
                next(names)  # else each form would meet the same few names
        elif number % 10 < 9:
            mark = next(marks)
            value = ISSUED[mark](draw)
            cases.append((mark, value, draw.choice(PLAIN).format(value=value)))
        else:
            value = _drawn(BASE62, draw.randint(10, 30))(draw)
            cases.append(("URL", value, draw.choice(URLS).format(value=value)))
    return cases


def is_found(value: str, text: str) -> bool:
    """Tell whether no piece of a secret is left and all else is."""
    whole = f"{BEFORE}{text}{AFTER}"
    clean = redact(whole.encode(), secrets(whole.encode())).decode()
    pieces = {value[at : at + 6] for at in range(len(value) - 5)}
    return clean.startswith(BEFORE) and clean.endswith(AFTER) and not any(piece in clean for piece in pieces)


def findings(corpus: Path) -> tuple[int, list[dict[str, str]]]:
    """Return how many real files were read, and each finding: file, kind, what was found, what stands around it."""
    rows = []
    for path in sorted(corpus.glob("*.parquet")):
        table = pq.read_table(path, columns=["id", "text"])
        rows += list(zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True))
    if not rows:
        raise SystemExit(f"no corpus at {corpus}; set CURATE_CORPUS to its folder")
    chosen = random.Random(SEED).sample(sorted(rows), FILES)
    found = []
    for name, text in chosen:
        data = text.encode()
        for kind, spans in secrets(data).items():
            for start, stop in spans:
                line = data[max(start - 60, 0) : start], data[start:stop], data[stop : stop + 20]
                before, value, after = (part.decode("utf-8", "replace") for part in line)
                around = f"{before.splitlines()[-1] if before else ''}[{value}]{(after.splitlines() or [''])[0]}"
                found.append({"id": name, "kind": kind, "value": value, "around": re.sub(r"\s+", " ", around)})
    return len(chosen), found


def main() -> None:
    """Measure, print, keep."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--corpus", type=Path, default=CORPUS)
    arguments.add_argument("--findings", type=Path)
    given = arguments.parse_args()
    cases = planted()
    missed = [(form, text) for form, value, text in cases if not is_found(value, text)]
    share = 1 - len(missed) / len(cases)
    forms = len({form for form, _, _ in cases})
    print(f"planted  {len(cases)} in {forms} forms, found {len(cases) - len(missed)} ({share:.1%})")
    for form, text in missed:
        print(f"  missed  {form}: {text.strip()[:100]}")
    files, found = findings(given.corpus)
    false = Counter(each["kind"] for each in found if f"{each['id']} {each['kind']} {each['value']}" in JUDGED)
    kinds = Counter(each["kind"] for each in found)
    for kind in ("email", "ip_address", "key"):
        print(f"{kind:<11} {kinds[kind]:>4} found in {files} files, {false[kind]} of them false")
    if given.findings:
        lines = (f"{each['kind']:<11} {each['id'][:60]:<60} {each['around']}" for each in found)
        given.findings.write_text("\n".join(lines) + "\n", encoding="utf-8")
    result = {
        "planted": len(cases), "found": len(cases) - len(missed), "missed": [form for form, _ in missed],
        "files": files, "findings": dict(kinds), "false": dict(false),
    }  # fmt: skip
    (HERE / "results" / "secrets.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
