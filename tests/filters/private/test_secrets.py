import ast
import random
import time
from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.filters.private.secrets import Secrets, redact, secrets
from curate.filters.signals.heuristics import Heuristics, Signals
from curate.stage import Context

Shard = Callable[..., pa.Table]
draw = random.Random(7)
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def letters(count: int) -> str:
    return "".join(draw.choices(LETTERS, k=count))


KEYS = {
    "AWS": "AK" + "IA" + "Q3EGMX7LTV2NBZKD",
    "GitHub": "gh" + "p_" + letters(36),
    "GitLab": "gl" + "pat-" + letters(20),
    "Slack": "xo" + "xb-123456789012-" + "abcdef0123456789",
    "Stripe": "sk" + "_live_" + letters(24),
    "SendGrid": "S" + "G." + letters(22) + "." + letters(43),
    "a web token": "ey" + "J" + letters(30) + "." + letters(40) + "." + letters(30),
}


@pytest.mark.parametrize("issuer", KEYS)
def test_issued_keys_are_replaced(issuer: str, shard: Shard, context: Context) -> None:
    kept, _ = Secrets().judge(table := shard(f"x = '{KEYS[issuer]}'\n"), context).split(table)
    assert kept.column("text").to_pylist() == ["x = '<KEY>'\n"]
    assert kept.column("secret_key").to_pylist() == [1]


def test_a_random_string_is_a_key_where_its_line_names_one(shard: Shard, context: Context) -> None:
    value = "q7Rk2Lm9Xw4Zt8Vb"
    table = shard(
        f"API_KEY = '{value}'\n",
        f"headers['token'] = \"{value}\"\n",
        f"digest = '{value}'\n",
        "key = 'user_name_of_a_person'\n",
    )
    kept, _ = Secrets().judge(table, context).split(table)
    assert kept.column("secret_key").to_pylist() == [1, 1, 0, 0]
    assert kept.column("text").to_pylist()[1] == "headers['token'] = \"<KEY>\"\n"


def test_every_line_of_a_private_key_goes(shard: Shard, context: Context) -> None:
    lines = [letters(64) for _ in range(5)]
    block = "\n".join(["-----BEGIN RSA PRIVATE KEY-----", *lines, "-----END RSA PRIVATE KEY-----"])
    table = shard(f'KEY = """{block}"""\nafter = "{letters(64)}"\n')
    text = Secrets().judge(table, context).columns["text"][0].as_py()
    assert text.count("<KEY>") == 5
    assert not any(line in text for line in lines)
    assert len(text.splitlines()[-1]) == len('after = ""') + 64


FOUND = {
    "# Jane Doe <jane.doe+x@physics.uni-x.de>\n": "# Jane Doe <<EMAIL>>\n",
    "'''mail a@corp.io, b@corp.io.'''\n": "'''mail <EMAIL>, <EMAIL>.'''\n",
    "HOST = '93.184.215.14:80'\n": "HOST = '<IP_ADDRESS>:80'\n",
    "HOST = f'http://93.184.215.14/{path}'\n": "HOST = f'http://<IP_ADDRESS>/{path}'\n",
    "# see 2a00:1450:4001:82b::200e\n": "# see <IP_ADDRESS>\n",
}
LEFT = [
    "# ask@example.com, me@host.test, git@github.com, noreply@corp.io, you@domain.com\n",
    "x = 'icon@2x.png', 'aes256-gcm@openssh.com', 'mysql://user:word@db.corp.io'\n",
    "product = left@right.transpose\n",
    "@decorator.of.some\ndef f(): pass\n",
    "HOSTS = '127.0.0.1', '10.1.2.3', '192.168.0.1', '0.0.0.0', '255.255.255.0', '8.8.8.8', '192.0.2.7'\n",
    "# version 2.0.11.1, section 1.2.3.4, 1.2.3.4.5, 300.1.2.3, 12.34.56.78, 224.0.0.251, 1.3.101.112\n",
    "# time 12:30:45, 00:1b:44:11:3a:b7, ::1, fe80::1, 1:2::3:4\n",
    "x = a[1::2], b[::3], 1.5, 93.184\n",
]


@pytest.mark.parametrize("text", FOUND)
def test_addresses_of_others_are_replaced(text: str, shard: Shard, context: Context) -> None:
    assert Secrets().judge(shard(text), context).columns["text"].to_pylist() == [FOUND[text]]


@pytest.mark.parametrize("text", LEFT)
def test_what_is_nobodys_address_is_left_alone(text: str, shard: Shard, context: Context) -> None:
    verdict = Secrets().judge(shard(text), context)
    assert "text" not in verdict.columns
    assert verdict.reasons.to_pylist() == [None]


def test_each_kind_may_drop_or_stay(shard: Shard, context: Context) -> None:
    table = shard("# jane@corp.io\n", "x = '93.184.215.14'\n", f"x = '{KEYS['AWS']}'  # jane@corp.io\n", "x = 1\n")
    verdict = Secrets(email="keep", ip_address="drop", key="drop").judge(table, context)
    assert verdict.reasons.to_pylist() == [None, "holds an ip address", "holds a key", None]
    assert verdict.metrics == {"secrets_email": 0, "secrets_ip_address": 1, "secrets_key": 1}
    kept, dropped = verdict.split(table)
    assert kept.column("text").to_pylist() == ["# jane@corp.io\n", "x = 1\n"]
    assert dropped.column("text").to_pylist() == table.column("text").to_pylist()[1:3]


PIECES = [
    "x = 1\n", "'jane@corp.io'", '"""93.184.215.14\n"""', "# jane@corp.io\n", "f'{x}jane@corp.io'", "b'jane@corp.io'\n",
    "r'\\jane@corp.io'", "(", ")", "\n", " + ", "jane@corp.io", KEYS["AWS"], "'", "%s ",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@settings(max_examples=300, deadline=None)
def test_redaction_keeps_a_text_parseable(text: str) -> None:
    try:
        ast.parse(text)
    except SyntaxError:
        return
    clean = redact(text.encode(), secrets(text.encode())).decode()
    ast.parse(clean)
    assert not any(secrets(clean.encode()).values())


def test_a_changed_text_loses_the_stamp_of_its_signals(shard: Shard, context: Context) -> None:
    table = shard(
        "def f():\n    return 1  # " + "jane@corp.io " * 20 + "\n",
        "def f():\n    return 12345678901234567890  # twelve\n",
    )
    measured, _ = Signals().judge(table, context).split(table)
    clean, _ = Secrets().judge(measured, context).split(measured)
    assert clean.column("signals_version").to_pylist() == [None, Signals.VERSION]
    again = Heuristics().judge(clean, context).columns["signal_bytes"]
    assert again.to_pylist() == [len(text) for text in clean.column("text").to_pylist()]


@pytest.mark.parametrize(
    "text",
    [
        "x = '" + "a" * 50_000_000 + "'",
        "1.2.3." * 330_000,
        "a@b." * 490_000,
        "'" + "aA1:" * 490_000,
        "token = '" * 220_000,
        "'" + "AKIA" * 490_000 + "'",
        "\0'\n" * 9,
    ],
    ids=["50 MB", "dots", "ats", "colons", "tokens", "marks of keys", "null bytes"],
)
def test_hostile_texts_get_a_verdict_fast(text: str, shard: Shard, context: Context) -> None:
    table = shard(text)
    start = time.process_time()
    assert len(Secrets().judge(table, context).reasons) == 1
    assert time.process_time() - start < 10


def test_an_empty_shard_stays_empty(shard: Shard, context: Context) -> None:
    assert len(Secrets().judge(shard(), context).reasons) == 0
