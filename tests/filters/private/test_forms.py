"""Secrets in every form in which files hold them, and ordinary text beside each."""

import random
from collections.abc import Callable

import pyarrow as pa
import pytest

from curate.filters.private.secrets import Secrets, redact, secrets
from curate.stage import Context

Shard = Callable[..., pa.Table]
draw = random.Random(11)
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
VALUE = "9f8b7c6d5e4a3b2c1d0e9f8b7c6d5e4a"


def letters(count: int) -> str:
    return "".join(draw.choices(LETTERS, k=count))


def clean(text: str) -> str:
    return redact(text.encode(), secrets(text.encode())).decode()


NAMED = [
    "api_key: str = '{}'\n",
    "api_key = os.environ.get('API_KEY', '{}')\n",
    "x = os.getenv('API_KEY', default='{}')\n",
    "os.environ.setdefault('API_KEY', '{}')\n",
    "os.environ['API_KEY'] = u'{}'\n",
    "connect(host, password='{}')\n",
    "connect(dict(host=1, token=b'{}'))\n",
    "x = {{'host': 1, **more, 'client_secret': r'{}'}}\n",
    "x = {{'auth': {{'value': '{}'}}}}\n",
    "def f(a, password='{}'): pass\n",
    "f = lambda *, secret='{}': 0\n",
    "if (token := '{}'): pass\n",
    "if request.token == '{}': pass\n",
    "if '{}' != password: pass\n",
    'api_key = """{}"""\n',
    "api_key = ('{}')\n",
    "api_key = f'{}'\n",
    "headers = {{'Authorization': f'Bearer {}'}}\n",
    "user, password = 'jo', '{}'\n",
    "PAIRS = [('password', '{}')]\n",
    "self.config.password = given or '{}'\n",
    "password = given if given else '{}'\n",
    "password = '{}'.encode()\n",
    "password = str('{}')\n",
    "class C:\n    password: str = field(default='{}')\n",
    "class C(Base, secret='{}'): pass\n",
    "def password():\n    return '{}'\n",
    "for password in ['a', '{}']: pass\n",
    "parser.add_argument('--api-key', default='{}')\n",
    "setattr(x, 'password', '{}')\n",
    "client.login('jo', password='{}')\n",
    "größe = 'ü'; password = '{}'\n",
    "# API_KEY={}\n",
    "# password: '{}', or ask\n",
    '"""\nexport AWS_SECRET_ACCESS_KEY={}\n"""\n',
    "API_KEY = '{}'\nprint 'x'\n",
    "api_key = os.environ.get('API_KEY', '{}')\nprint 'x'\n",
]
UNNAMED = [
    "digest = '{}'\n",
    "token_id = '{}'\n",
    "x = {{'password': other, 'etag': '{}'}}\n",
    "password, digest = read(), '{}'\n",
    "def f(password=None, digest='{}'): pass\n",
    "# commit {} of the token branch\n",
    "def password():\n    x = '{}'\n    return x\n",
    "password_hash = '{}'\n",
    "x = {{'{}': password}}\n",
]


@pytest.mark.parametrize("form", NAMED)
def test_a_random_string_is_a_key_however_a_name_that_says_so_is_given_it(form: str) -> None:
    text = form.format(VALUE)
    assert clean(text) == text.replace(VALUE, "<KEY>")


@pytest.mark.parametrize("form", UNNAMED)
def test_a_random_string_that_no_such_name_is_given_stays(form: str) -> None:
    assert clean(form.format(VALUE)) == form.format(VALUE)


@pytest.mark.parametrize(
    "value",
    [
        "w3!k@9t^b+b*7)&q2a5^=8_9&xcdii8@6h^_*wphl-(fu9)",
        "django-insecure-%8f#k2!x_qz@7w$0v&b^m*c(e)r-t=y+u1i3o5p",
        "q7Rk2Lm9Xw4Zt8Vb",
        "nsmZOENadEaFQSGaIDnCrWUmBBgkWIGJxR",
        "c5e1c9b4-5c3a-4c51-9d4e-1d1a7f0b6c2e",
        "hT7!xk2P",
    ],
)
def test_what_looks_random_is_a_secret_under_such_a_name(value: str) -> None:
    assert clean(f"PASSWORD = {value!r}\n") == "PASSWORD = '<KEY>'\n"


@pytest.mark.parametrize(
    "value",
    [
        "user_name_of_a_person", "InvalidTokenException", "https://corp.io/oauth2/token", "%(password)s", "{password1}",
        "sha256_password", "0123456789abcdef0123", "your-api-key-2-goes-here", "xxxxxxxxxxxxxxxx1", "correct horse",
        "access_token_2_legged", "AKIAIOSFODNN7_EXAMPLE", "aaaaaaaaaaaa1111", "password1", "django.contrib.auth.v2",
    ],
)  # fmt: skip
def test_what_people_write_is_no_secret_under_any_name(value: str) -> None:
    assert clean(f"PASSWORD = {value!r}\n") == f"PASSWORD = {value!r}\n"


MARKED = {
    "Hugging Face": "hf" + "_" + "nsmZOENadEaFQSGaIDnCrWUmBBgkWIGJxR",
    "Google": "AI" + "za" + letters(35),
    "Anthropic": "sk-" + "ant-api03-" + letters(90),
    "OpenAI": "sk-" + "proj-" + letters(60),
    "GitHub, fine-grained": "github" + "_pat_" + letters(82),
    "npm": "npm" + "_" + letters(36),
    "PyPI": "py" + "pi-AgEIcHlwaS5vcmc" + letters(120),
    "Slack's hook": "https://hooks.sl" + "ack.com/services/T0AB12CD/B0AB12CD/" + letters(24),
    "Stripe, for tests": "sk" + "_test_" + letters(24),
    "DigitalOcean": "do" + "p_v1_" + "0123456789abcdef" * 4,
    "Shopify": "sh" + "pat_" + "0123456789abcdef" * 2,
    "Google's client": "GOC" + "SPX-" + letters(28),
    "AWS": "AK" + "IA" + "Q3EGMX7LTV2NBZKD",
    "GitLab": "gl" + "pat-" + letters(20),
    "Slack": "xo" + "xb-123456789012-abcdef0123456789",
    "Stripe": "sk" + "_live_" + letters(24),
    "SendGrid": "S" + "G." + letters(22) + "." + letters(43),
    "Telegram": "123456789:AA" + letters(33),
    "Discord": "M" + letters(23) + "." + letters(6) + "." + letters(27),
    "Mailchimp": "0123456789abcdef" * 2 + "-us12",
    "Twilio": "SK" + "0123456789abcdef" * 2,
    "Azure": "AccountKey=" + letters(86) + "==",
    "a web token": "ey" + "J" + letters(30) + "." + letters(40) + "." + letters(30),
}


@pytest.mark.parametrize("issuer", MARKED)
def test_keys_with_their_issuers_mark_need_no_name(issuer: str, shard: Shard, context: Context) -> None:
    forms = ["x = '{}'\n", "# {}\n", "f(b'{}')\n", "'''a {} b'''\n", "print 'x', '{}'\n", "x = 'a\\n{}\\n'\n"]
    verdict = Secrets().judge(shard(*(form.format(MARKED[issuer]) for form in forms)), context)
    assert verdict.columns["text"].to_pylist() == [form.format("<KEY>") for form in forms]


@pytest.mark.parametrize("url", ["postgres://svc:{}@db.corp.io:5432/x", "redis://:{}@cache/0", "https://jo:{}@corp.io"])
def test_a_password_in_a_url_goes_and_a_word_that_stands_for_one_stays(url: str) -> None:
    for password in ("Xk29fjd93", "hunter2pass", "correcthorse"):
        assert clean(f"x = '{url.format(password)}'\n") == f"x = '{url.format('<KEY>')}'\n"
    for word in ("password", "{password}", "%s", "<pw>", "${PASS}", "pass", "secret", "xxxx", "***", "changeme"):
        assert clean(f"x = '{url.format(word)}'\n") == f"x = '{url.format(word)}'\n"


KEY_FORMS: dict[str, Callable[[list[str]], str]] = {
    "in three quotes": lambda lines: 'KEY = """' + "\n".join(lines) + '"""\n',
    "in escapes": lambda lines: 'KEY = "' + "\\n".join(lines) + '\\n"\n',
    "in escapes of JSON": lambda lines: 'KEY = \'{"key": "' + "\\\\n".join(lines) + "\\\\n\"}'\n",
    "in pieces": lambda lines: "KEY = (\n" + "".join(f'    "{line}\\n"\n' for line in lines) + ")\n",
    "in a sum": lambda lines: "KEY = " + " + \\\n  ".join(f"b'{line}\\n'" for line in lines) + "\n",
    "in comments": lambda lines: "".join(f"# {line}\n" for line in lines),
    "with carriage returns": lambda lines: 'KEY = """' + "\r\n".join(lines) + '"""\n',
    "indented": lambda lines: 'KEY = """\n    ' + "\n    ".join(lines) + '\n    """\n',
}


@pytest.mark.parametrize("form", KEY_FORMS)
@pytest.mark.parametrize(("head", "width"), [("PRIVATE KEY", 64), ("RSA PRIVATE KEY", 32), ("OPENSSH PRIVATE KEY", 70)])
@pytest.mark.parametrize("has_end", [True, False])
def test_every_line_of_a_private_key_goes(form: str, head: str, width: int, has_end: bool) -> None:
    key = [*(letters(width) for _ in range(5)), letters(8) + "="]
    text = KEY_FORMS[form]([f"-----BEGIN {head}-----", *key, *([f"-----END {head}-----"] if has_end else [])])
    text += f"# What follows is code.\nafter = '{letters(64)}'\n"
    expected = text
    for line in key:
        expected = expected.replace(line, "<KEY>")
    assert clean(text) == expected


def test_long_keys_and_those_of_other_tools_go_too() -> None:
    lines = ["Version: GnuPG v1", "", *(letters(64) for _ in range(200)), "=aB3d"]
    block = "\n".join(["-----BEGIN PGP PRIVATE KEY BLOCK-----", *lines, "-----END PGP PRIVATE KEY BLOCK-----"])
    found = clean(f"KEY = '''{block}'''\n")
    assert found.count("<KEY>") == 201 and "Version: GnuPG v1" in found and "=aB3d" not in found
    secret = [letters(64), letters(64), letters(64), letters(20), letters(64), letters(12), "0a1b" * 10]
    told = ["PuTTY-User-Key-File-2: ssh-rsa", "Encryption: none", "Comment: rsa-key-20240101", "Public-Lines: 4"]
    lines = [*told, *secret[:4], "Private-Lines: 2", *secret[4:6], f"Private-MAC: {secret[6]}"]
    for text in ("KEY = '''" + "\n".join(lines) + "'''\n", 'KEY = "' + "\\n".join(lines) + '\\n"\n'):
        assert not any(line in clean(text) for line in secret)
        assert all(line in clean(text) for line in [*told, "Private-Lines: 2"])


@pytest.mark.parametrize(
    "text",
    [
        "if '-----BEGIN RSA PRIVATE KEY-----' in text:\n    kind = 'traditional'\n",
        "x = '-----BEGIN PRIVATE KEY-----\\n' + body + '\\n-----END PRIVATE KEY-----'\n",
        "# -----BEGIN PRIVATE KEY----- begins a key, and implementations of everything know it\n",
        '"""\n-----BEGIN PRIVATE KEY-----\n(your key here)\n-----END PRIVATE KEY-----\n"""\n',
        "BEGIN = '-----BEGIN PRIVATE KEY-----'\nEND = '-----END PRIVATE KEY-----'\n",
        "x = '-----BEGIN PUBLIC KEY-----\\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIB\\n-----END PUBLIC KEY-----'\n",
    ],
)
def test_what_only_speaks_of_private_keys_stays(text: str) -> None:
    assert clean(text) == text


ADDRESSES = {
    "MAIL = 'mailto:jane@corp.io'\n": "MAIL = 'mailto:<EMAIL>'\n",
    "# Author:jane@corp.io, /jane@corp.io, %jane@corp.io, =jane@corp.io\n": (
        "# Author:<EMAIL>, /<EMAIL>, %<EMAIL>, =<EMAIL>\n"
    ),
    "x = '%3Cjane@corp.io%3E'\n": "x = '%3C<EMAIL>%3E'\n",
    "x = 'To:\\njane@corp.io\\n'\n": "x = 'To:\\n<EMAIL>\\n'\n",
    "x = 'a\\tjane@corp.io\\x00b'\n": "x = 'a\\t<EMAIL>\\x00b'\n",
    "x = '{\\\\njane@corp.io}'\n": "x = '{\\\\n<EMAIL>}'\n",
    "HOSTS = '88.99.12.40\\n88.99.12.41\\n'\n": "HOSTS = '<IP_ADDRESS>\\n<IP_ADDRESS>\\n'\n",
    "# host:88.99.12.40, 88.99.12.40-88.99.12.43\n": "# host:<IP_ADDRESS>, <IP_ADDRESS>-<IP_ADDRESS>\n",
}
NO_ADDRESSES = [
    "# fitted = X@beta.hat + W@self.hidden, W@self.name, A@model.is, app@router.get for the route\n",
    "x = 'hero@2x.webp', 'icon@3x.ai', 'backup@home.timer', 'unit@run.service', 'a@b.py'\n",
    "x = 'git+ssh://jane@corp.io/x.git', 'https://me:{pw}@corp.io', 'pkg@1.2.io2'\n",
]


@pytest.mark.parametrize("text", ADDRESSES)
def test_nothing_before_an_address_hides_it_and_no_escape_is_broken(text: str) -> None:
    assert clean(text) == ADDRESSES[text]


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_not_all_with_an_at_sign_and_a_dot_is_an_address(text: str) -> None:
    assert clean(text) == text
