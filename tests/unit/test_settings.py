"""What may stand in the settings, and what is said about what may not: the setting, the remedy, never the value."""

# ruff: noqa: E501 - a mistake and what is said about it read best side by side
from __future__ import annotations

from pathlib import Path

import pytest

from ami_bridge.loading import load
from ami_bridge.settings import Settings, SettingsError

GOOD = """
[[tenant]]
name = "acme"
spoken = "Acme Hosting"
timezone = "Europe/Berlin"
callback_numbers = ["+4930*"]

[[tenant]]
name = "beta"
spoken = "Beta"

[[pbx]]
name = "lab-1"
host = "pbx.example"
[[pbx.trunk]]
name = "main"
spoken = "our main line"
[[pbx.trunk]]
name = "spare"
spoken = "our second line"

[[line]]
name = "support"
tenant = "acme"
pbx = "lab-1"
dids = ["5550100", "5550101"]
queue = "support"
trunks = ["main"]
callback_trunks = ["main", "spare"]
caller_id = "5550100"

[[line]]
name = "sales"
tenant = "beta"
pbx = "lab-1"
dids = ["5550200"]
ring = ["PJSIP/101"]
callback_trunks = ["main"]
caller_id = "5550200"
"""
SECRET = "sesame-of-the-test"
TOKEN = "token-of-the-test"
ENVIRONMENT = {"KEEPLINE_AGI_TOKEN": TOKEN, "KEEPLINE_PBX_LAB_1_SECRET": SECRET}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keepline.toml"


def read(file: Path, text: str = GOOD, **environment: str) -> Settings:
    file.write_text(text, encoding="utf-8")
    return load(file, {**ENVIRONMENT, **environment})


def complaints(file: Path, text: str, environment: dict[str, str] | None = None) -> list[str]:
    """What is said about `text`, a line per problem, without the file's name before it."""
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as error:
        load(file, ENVIRONMENT if environment is None else environment)
    lines = str(error.value).splitlines()
    assert SECRET not in str(error.value)
    assert TOKEN not in str(error.value)
    return [line.removeprefix(f"{file}: ") for line in lines]


def test_settings_that_can_be_used(file: Path) -> None:
    settings = read(file)
    assert [line.name for line in settings.lines_of("lab-1")] == ["support", "sales"]
    assert settings.tenant_named("acme").zone.key == "Europe/Berlin"
    assert settings.pbx[0].secret.get_secret_value() == SECRET
    assert (settings.store.url, settings.store.keep_days) == ("sqlite:///keepline.db", 90)


def test_no_secret_shows_in_them(file: Path) -> None:
    settings = read(file)
    for text in (repr(settings), str(settings), settings.model_dump_json()):
        assert SECRET not in text
        assert TOKEN not in text


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('host = "pbx.example"', 'hosst = "x"\nhost = "pbx.example"', "pbx[1].hosst: there is no such setting; check its spelling"),
        ('host = "pbx.example"', "", "pbx[1].host: this setting is needed"),
        ('host = "pbx.example"', 'host = ""', "pbx[1].host: a host name or address is needed"),
        ('host = "pbx.example"', 'host = "x"\nport = 70000', "pbx[1].port: Input should be less than or equal to 65535"),
        ('host = "pbx.example"', 'host = "x"\npermit = ["10.0.0.1/8"]', "pbx[1].permit[1]: a network such as 10.0.0.0/8, or one address, is needed"),
        ('host = "pbx.example"', 'host = "x"\npermit = [5]', "pbx[1].permit[1]: a network such as 10.0.0.0/8, or one address, is needed"),
        ('name = "lab-1"', 'name = "Lab 1"', "pbx[1].name: a name of up to 40 small letters, digits, - and _ that begins with no sign is needed"),
        ("Europe/Berlin", "Europe/Atlantis", "tenant[1]: timezone is not one of the IANA names, such as Europe/Berlin"),
        ("Europe/Berlin", "../../etc/passwd", "tenant[1]: timezone is not one of the IANA names, such as Europe/Berlin"),
        ("Europe/Berlin", "Europe", "tenant[1]: timezone is not one of the IANA names, such as Europe/Berlin"),
        ('["+4930*"]', '["*"]', "tenant[1]: callback_numbers: '*' is not a number or a prefix such as +4930* or 5551234"),
        ('["5550200"]', '["5550101"]', "settings: line support: did 5550101 belongs to line sales too"),
        ('["5550200"]', '["5550200", "5550200"]', "line[2]: dids must differ: 5550200 is there twice"),
        ('["5550200"]', '["112"]', "line[2]: dids: 112 is an emergency number; those never pass through a line"),
        ('["5550200"]', '["_X."]', "line[2].dids[1]: a number of 2 to 15 digits, with a + before it or not, is needed"),
        ('["5550200"]', "[]", "line[2].dids: at least one is needed"),
        ('ring = ["PJSIP/101"]', "", "line[2]: a line has either a `queue` or phones to `ring`, and not both"),
        ('ring = ["PJSIP/101"]', 'ring = ["PJSIP/101"]\nqueue = "q"', "line[2]: a line has either a `queue` or phones to `ring`, and not both"),
        ('ring = ["PJSIP/101"]', 'ring = ["PJSIP/101&SIP/9"]', "line[2].ring[1]: a device such as PJSIP/101 is needed"),
        ('ring = ["PJSIP/101"]', 'queue = "support"', "settings: line support: queue support belongs to line sales too"),
        ('queue = "support"', 'queue = "a,b"', "line[1].queue: a queue's name of letters, digits, - and _ is needed"),
        ('tenant = "beta"', 'tenant = "gamma"', "settings: line sales: there is no [[tenant]] gamma"),
        ('name = "beta"', 'name = "acme"', "settings: [[tenant]] names must differ: acme is there twice"),
        ('name = "sales"', 'name = "support"', "settings: [[line]] names must differ: support is there twice"),
        ('name = "spare"', 'name = "main"', "pbx[1]: trunk names must differ: main is there twice"),
        ('["main", "spare"]', '["main", "other"]', "settings: line support: [[pbx]] lab-1 has no [[pbx.trunk]] other"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_line_that_names_the_setting(file: Path, before: str, after: str, said: str) -> None:
    assert GOOD.count(before) == 1 or before.startswith("name")
    assert complaints(file, GOOD.replace(before, after, 1)) == [said]


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("[agi]\nurl = 'http://x:1'", "agi.url: an address such as agi://192.0.2.1:4573, without a path, is needed"),
        ("[agi]\nurl = 'agi://x:1/a,b'", "agi.url: an address such as agi://192.0.2.1:4573, without a path, is needed"),
        ("[audio]\nurl = 'file:///etc'", "audio.url: an address such as http://192.0.2.1:8081, without a path, is needed"),
        ("[web]\nlisten = '8080'", "web.listen: an address and port such as 127.0.0.1:8080 is needed"),
        ("[web]\nlisten = 8080", "web.listen: an address and port such as 127.0.0.1:8080 is needed"),
        ("[callback]\nattempts = 0", "callback.attempts: Input should be greater than or equal to 1"),
        ("[store]\nurll = 'x'", "store.urll: there is no such setting; check its spelling"),
        ("[store]\nkeep_days = 7", "store.keep_days: Input should be greater than or equal to 8"),
        ("[stroe]\nurl = 'x'", "stroe: there is no such setting; check its spelling"),
        ("[agi]\nallow = 5", "agi.allow: Input should be a valid tuple"),
        ("agi = 5", "agi: a section is needed"),
    ],
)  # fmt: skip
def test_the_sections_are_held_to_their_forms(file: Path, extra: str, said: str) -> None:
    assert complaints(file, f"{extra}\n{GOOD}") == [said]


def test_every_problem_is_told_at_once(file: Path) -> None:
    text = GOOD.replace('host = "pbx.example"', "port = 0").replace('"5550200"', '"x"')
    assert len(complaints(file, text)) == 4


@pytest.mark.parametrize("token", ["", "short", "with,comma-and-more", "with space in it", "${SHELL(id)}xx", "a" * 201])
def test_a_token_a_dialplan_would_read_is_refused_and_not_shown(file: Path, token: str) -> None:
    [said] = complaints(file, GOOD, {**ENVIRONMENT, "KEEPLINE_AGI_TOKEN": token})
    assert said == (
        "agi.token: 8 to 200 letters, digits or _.~+=- are needed; set KEEPLINE_AGI_TOKEN to a random text of them"
    )


def test_missing_secrets_are_named_by_their_variables(file: Path) -> None:
    assert sorted(complaints(file, GOOD, {})) == [
        "agi.token: the token is missing; set KEEPLINE_AGI_TOKEN (any long random text, the same as when rendering)",
        "pbx[1].secret: the AMI secret is missing; set KEEPLINE_PBX_<NAME>_SECRET or KEEPLINE_PBX_<NAME>_SECRET_FILE",
    ]


@pytest.mark.parametrize("secret", ["two\nlines", "nul\0"])
def test_a_secret_that_would_break_the_protocol_is_refused_and_not_shown(file: Path, secret: str) -> None:
    [said] = complaints(file, GOOD, {**ENVIRONMENT, "KEEPLINE_PBX_LAB_1_SECRET": secret})
    assert said.startswith("pbx[1].secret: it is empty or has characters that cannot be printed")


def test_a_secret_comes_from_a_file_without_its_last_newline(file: Path, tmp_path: Path) -> None:
    kept = tmp_path / "secret"
    kept.write_text("from-the-file\n", encoding="utf-8")
    file.write_text(GOOD, encoding="utf-8")
    settings = load(file, {"KEEPLINE_AGI_TOKEN": TOKEN, "KEEPLINE_PBX_LAB_1_SECRET_FILE": str(kept)})
    assert settings.pbx[0].secret.get_secret_value() == "from-the-file"


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_secret_file_that_cannot_be_read_is_named_by_its_variable(
    file: Path, tmp_path: Path, content: bytes | None
) -> None:
    kept = tmp_path / "secret"
    if content is not None:
        kept.write_bytes(content)
    [said] = complaints(file, GOOD, {"KEEPLINE_AGI_TOKEN": TOKEN, "KEEPLINE_PBX_LAB_1_SECRET_FILE": str(kept)})
    assert said.startswith("KEEPLINE_PBX_LAB_1_SECRET_FILE: the file it names cannot be read")


def test_what_differs_from_host_to_host_comes_from_the_environment(file: Path) -> None:
    settings = read(
        file,
        KEEPLINE_STORE_URL="sqlite:////var/x.db",
        KEEPLINE_AGI_URL="hagi://keepline.example",
        KEEPLINE_AUDIO_URL="https://[2001:db8::1]:8081",
    )
    assert (settings.store.url, settings.agi.url) == ("sqlite:////var/x.db", "hagi://keepline.example")
    assert settings.audio.url == "https://[2001:db8::1]:8081"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no such file; name the settings with --config"),
        (b"[[line]", "is not valid TOML"),
        (b"\xff", "cannot be read"),
        (b'secret = "' + SECRET.encode() + b'"\nsecret = 1', "is not valid TOML"),
    ],
)
def test_a_file_that_is_none_is_said_in_one_line(file: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=said) as error:
        load(file, ENVIRONMENT)
    assert len(str(error.value).splitlines()) == 1
    assert SECRET not in str(error.value)


def test_a_value_in_the_wrong_place_is_not_repeated(file: Path) -> None:
    text = GOOD.replace('host = "pbx.example"', f'host = "{SECRET} {TOKEN}"').replace("5550200", SECRET)
    assert complaints(file, text.replace("PJSIP/101", TOKEN).replace("Europe/Berlin", SECRET))


def test_the_records_of_a_pbx_are_optional_and_named_one_by_one(file: Path) -> None:
    [pbx] = read(file).pbx
    assert (pbx.records.cel, pbx.records.queue_log, pbx.records.cdr) == (None, None, None)
    some = GOOD.replace('host = "pbx.example"', 'host = "pbx.example"\nrecords = { queue_log = "/mnt/pbx/queue_log" }')
    [pbx] = read(file, some).pbx
    assert (pbx.records.cel, pbx.records.queue_log) == (None, Path("/mnt/pbx/queue_log"))
    wrong = some.replace("queue_log =", "queues =")
    assert complaints(file, wrong) == ["pbx[1].records.queues: there is no such setting; check its spelling"]
