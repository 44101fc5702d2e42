"""From the settings to what a tenant's numbers are judged by: one rulebook for each tenant."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ami_bridge.calendars import Calendars
from ami_bridge.denylist import DoNotCall
from ami_bridge.domain.numbers import NumberFacts, NumberType
from ami_bridge.domain.permission import CallingRules, Rules
from ami_bridge.numbering import Numbering
from ami_bridge.places import Tenant
from ami_bridge.settings import Settings, seconds

MONEY = 10_000  # parts of the currency's unit in which costs are counted


@dataclass(frozen=True, slots=True)
class Rulebook:
    """What a tenant's callers' numbers are, and whether they may be called."""

    numbering: Numbering
    rules: CallingRules

    def facts(self, number: str | None) -> NumberFacts:
        return self.numbering.facts(number)


def rulebook_of(settings: Settings, name: str) -> Rulebook:
    """The rulebook of the tenant `name`. Raise BadList if its do-not-call file cannot be read."""
    tenant = settings.tenant_named(name)
    numbering = Numbering(tenant.home, own_numbers(settings))
    listed = DoNotCall(tenant.do_not_call, tenant.do_not_call_file, numbering.facts)
    calendars = Calendars(tenant.holidays)
    rules = _rules(settings, tenant)
    if tenant.calling_on_holidays:
        return Rulebook(numbering, CallingRules(rules, denied=listed.has))
    return Rulebook(numbering, CallingRules(rules, denied=listed.has, holiday=calendars.holiday))


def own_numbers(settings: Settings) -> frozenset[str]:
    """The numbers of the house: what is dialled to reach its lines and phones, and what it shows when it calls."""
    own = {number for line in settings.line for number in (*line.dids, line.caller_id)}
    phones = [phone for line in settings.line for phone in line.ring]
    phones += [phone for site in settings.site for phone in site.phones]
    return frozenset(own | {found[0] for phone in phones if (found := re.search(r"[0-9]+$", phone))})


def _rules(settings: Settings, tenant: Tenant) -> Rules:
    return Rules(
        regions=frozenset(tenant.callback_regions),
        types=frozenset(NumberType(word) for word in tenant.callback_types),
        numbers=tenant.numbers,
        calling=tenant.calling,
        uninvited=tenant.calling_uninvited,
        zone=tenant.zone,
        calls_per_number=tenant.calls_per_number,
        calls_per_day=tenant.calls_per_day,
        spend_per_day=None if tenant.spend_per_day is None else round(tenant.spend_per_day * MONEY),
        rates={prefix: round(rate * MONEY) for prefix, rate in tenant.rates.items()},
        at_once=seconds(settings.callback.at_once_seconds),
    )
