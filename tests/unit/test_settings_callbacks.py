"""The settings of callbacks: whom, when, how often and at what price; what is said about what cannot be meant."""

# ruff: noqa: E501 - a mistake and what is said about it read best side by side
from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ami_bridge.app import policy_of
from ami_bridge.domain.promise import Policy
from ami_bridge.loading import load
from ami_bridge.settings import Callback, Settings, SettingsError

GOOD = """
[callback]
[[tenant]]
name = "acme"
spoken = "Acme Hosting"
callback_regions = ["DE", "AT"]
[[pbx]]
name = "lab"
host = "pbx.example"
[[pbx.trunk]]
name = "main"
spoken = "our main line"
[[line]]
name = "support"
tenant = "acme"
pbx = "lab"
dids = ["5550100"]
ring = ["PJSIP/101"]
callback_trunks = ["main"]
caller_id = "5550100"
[[site]]
name = "hq"
tenant = "acme"
pbx = "lab"
spoken = "our office"
phones = ["PJSIP/101", "PJSIP/102"]
"""
TENANT, LINE, SITE, CALLBACK = 'spoken = "Acme Hosting"\n', 'name = "support"\n', 'name = "hq"\n', "[callback]\n"
SECRET = "whsec_" + "c2VjcmV0" * 5
ENVIRONMENT = {"KEEPLINE_AGI_TOKEN": "token-of-the-test", "KEEPLINE_PBX_LAB_SECRET": "sesame"}
POP = {**ENVIRONMENT, "KEEPLINE_TENANT_ACME_SCREEN_POP_SECRET": SECRET}


def read(tmp_path: Path, after: str = TENANT, extra: str = "", environment: dict[str, str] | None = None) -> Settings:
    assert GOOD.count(after) == 1
    file = tmp_path / "keepline.toml"
    file.write_text(GOOD.replace(after, f"{after}{extra}\n"), encoding="utf-8")
    return load(file, ENVIRONMENT if environment is None else environment)


def test_what_nobody_sets_is_careful(tmp_path: Path) -> None:
    settings = read(tmp_path)
    tenant, line = settings.tenant[0], settings.line[0]
    assert tenant.home == "DE"
    assert tenant.callback_types == ("fixed", "mobile", "voip")
    assert (tenant.calling, tenant.calling_uninvited) == (("mon-sat 09:00-20:00",), ("mon-sat 10:00-19:00",))
    assert (tenant.calls_per_number, tenant.calls_per_day, tenant.spend_per_day) == (6, 500, None)
    assert (line.callback_way, line.missed_calls) == ("customer-first", False)
    assert (settings.callback.missed_attempts, settings.callback.busy_seconds) == (2, 180)


def test_the_secret_of_the_screen_pop_comes_from_the_environment(tmp_path: Path) -> None:
    settings = read(tmp_path, extra='screen_pop = "https://crm.example/keepline?x=1"', environment=POP)
    held = settings.tenant[0].screen_pop_secret
    assert held is not None
    assert held.get_secret_value() == SECRET
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("after", "extra", "said"),
    [
        (TENANT, 'region = "de"', "tenant[1].region: a country's two capital letters are needed, such as DE"),
        (TENANT, 'region = "XX"', "tenant[1].region: a country's two capital letters are needed, such as DE"),
        (TENANT, 'callback_types = ["satellite"]', "tenant[1].callback_types[1]: Input should be 'fixed', 'mobile', 'voip', 'toll-free', 'shared-cost', 'premium', 'personal', 'pager', 'uan' or 'voicemail'"),
        (TENANT, 'do_not_call = ["nobody"]', "tenant[1]: do_not_call: 'nobody' is not a number or a prefix such as +4930* or 5551234"),
        (TENANT, 'calling = ["all day"]', 'tenant[1].calling[1]: opening hours "all day" cannot be read: write days and times such as "mon-fri 08:00-18:00", "sat,sun 22:00-04:00" or "daily 00:00-24:00"'),
        (TENANT, "calling = []", "tenant[1].calling: at least one is needed"),
        (TENANT, "calling_uninvited = []", "tenant[1].calling_uninvited: at least one is needed"),
        (TENANT, 'holidays = ["DE-XX"]', "tenant[1].holidays[1]: a country, or a part of one, whose holidays are known is needed, such as DE or DE-BY"),
        (TENANT, "calls_per_number = 0", "tenant[1].calls_per_number: Input should be greater than or equal to 1"),
        (TENANT, "calls_per_day = 0", "tenant[1].calls_per_day: Input should be greater than or equal to 1"),
        (TENANT, "spend_per_day = 5", "tenant[1]: spend_per_day needs `rates`: what a minute costs"),
        (TENANT, "spend_per_day = 0\nrates = { '+49' = 0.02 }", "tenant[1].spend_per_day: Input should be greater than 0"),
        (TENANT, "rates = { '49' = 0.02 }", "tenant[1].rates.49.[key]: a prefix such as +4915 is needed"),
        (TENANT, "rates = { '+49' = -1 }", "tenant[1].rates.+49: Input should be greater than or equal to 0"),
        (TENANT, "rates = { '+49' = nan }", "tenant[1].rates.+49: Input should be a finite number"),
        (TENANT, 'screen_pop = "ftp://x"', "tenant[1].screen_pop: an address such as https://crm.example/hook is needed"),
        (TENANT, 'screen_pop = "https://crm.example"', "tenant[1]: screen_pop needs its secret, KEEPLINE_TENANT_<NAME>_SCREEN_POP_SECRET, and that needs it"),
        (LINE, 'callback_way = "any"', "line[1].callback_way: Input should be 'customer-first' or 'agent-first'"),
        (LINE, 'missed_calls = "maybe"', "line[1].missed_calls: Input should be a valid boolean, unable to interpret input"),
        (SITE, 'numbers = ["+49*30"]', "site[1]: numbers: '+49*30' is not a number or a prefix such as +4930* or 5551234"),
        (CALLBACK, "busy_seconds = 0", "callback.busy_seconds: Input should be greater than 0"),
        (CALLBACK, "failed_seconds = 0", "callback.failed_seconds: Input should be greater than 0"),
        (CALLBACK, "missed_attempts = 0", "callback.missed_attempts: Input should be greater than or equal to 1"),
        (CALLBACK, "missed_lifetime_seconds = 0", "callback.missed_lifetime_seconds: Input should be greater than 0"),
        (CALLBACK, "at_once_seconds = -1", "callback.at_once_seconds: Input should be greater than or equal to 0"),
        (CALLBACK, "news_per_second = 0", "callback.news_per_second: Input should be greater than 0"),
        (CALLBACK, "channels = 0", "callback.channels: Input should be greater than or equal to 1"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_line_that_names_the_setting(tmp_path: Path, after: str, extra: str, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        read(tmp_path, after, extra)
    assert str(error.value).split(": ", 1)[1] == said


def test_a_list_that_cannot_be_read_is_told_before_anything_starts(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    with pytest.raises(SettingsError, match=r"do_not_call_file: .*nowhere cannot be read"):
        read(tmp_path, extra=f'do_not_call_file = "{missing}"')


@pytest.mark.parametrize("secret", ["", "short", "whsec_c2hvcnQ=", "whsec_" + "!" * 40, "whsec_" + "A" * 200])
def test_a_weak_secret_is_refused_and_not_shown(tmp_path: Path, secret: str) -> None:
    environment = {**ENVIRONMENT, "KEEPLINE_TENANT_ACME_SCREEN_POP_SECRET": secret}
    with pytest.raises(SettingsError) as error:
        read(tmp_path, extra='screen_pop = "https://crm.example/hook"', environment=environment)
    assert "screen_pop" in str(error.value)
    assert not secret or secret not in str(error.value)


def test_how_often_and_how_long_is_tried_is_heeded_setting_by_setting() -> None:
    usual = policy_of(Callback())
    assert usual == Policy()
    for number, (setting, part) in enumerate(
        {
            "attempts": "attempts",
            "spacing_seconds": "spacing",
            "busy_seconds": "busy",
            "failed_seconds": "failed",
            "lifetime_seconds": "lifetime",
            "missed_attempts": "missed_attempts",
            "missed_lifetime_seconds": "missed_lifetime",
        }.items(),
        start=7,
    ):
        set_ = policy_of(Callback.model_validate({setting: number}))
        value = timedelta(seconds=number) if setting.endswith("seconds") else number
        assert set_ == replace(usual, **{part: value})
