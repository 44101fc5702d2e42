"""How many calls come and go in an hour: a profile over the week, and what each kind of tenant makes of it."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

from benchmarks.simulator.calendar import HOUR, WEEK, company_closed, local
from benchmarks.simulator.topology import TenantPlan, Traffic

# Share of the busiest hour, by hour of the day on the wall.
_OFFICE = {7: 0.1, 8: 0.7, 9: 1.0, 10: 1.0, 11: 0.9, 12: 0.5, 13: 0.6, 14: 0.9, 15: 0.9, 16: 0.8, 17: 0.4, 18: 0.1}
_SATURDAY = {9: 0.05, 10: 0.08, 11: 0.08, 12: 0.05}
_ELSE = 0.01
_ROUND_THE_CLOCK = [0.12, 0.08, 0.06, 0.06, 0.08, 0.12, 0.25, 0.45, 0.7, 0.9, 1.0, 1.0,
                    0.9, 0.9, 0.95, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]  # fmt: skip
GROWTH = 1.02  # a week
BURST_SHAPE = 3.0  # of the gamma by which an hour's rate varies: a standard deviation of 58 %
MAIL_SHOTS_A_WEEK = 0.5


def profile(tenant: TenantPlan, at: float) -> float:
    """The share of the busiest hour's calls at `at`, by the clock and the calendar alone."""
    wall = local(at, tenant.zone)
    if not tenant.office:
        return _ROUND_THE_CLOCK[int(wall.hour)] * (1.0 if wall.weekday < 5 else 0.6)
    if tenant.traffic is Traffic.HOLIDAY and company_closed(wall.day, tenant.summer_week):
        return _ELSE
    if wall.weekday < 5:
        return _OFFICE.get(int(wall.hour), _ELSE)
    return _SATURDAY.get(int(wall.hour), _ELSE) if wall.weekday == 5 else _ELSE


def is_open(tenant: TenantPlan, at: float) -> bool:
    """Whether somebody is there to answer, by the clock and the calendar."""
    if not tenant.office:
        return True
    wall = local(at, tenant.zone)
    closed = tenant.traffic is Traffic.HOLIDAY and company_closed(wall.day, tenant.summer_week)
    return wall.weekday < 5 and 8 <= wall.hour < 18 and not closed


@dataclass(slots=True)
class Series:
    """A tenant's weather: what its rates are multiplied by in the hour that begins."""

    tenant: TenantPlan
    dice: random.Random
    burst: float = field(default=1.0, init=False)
    mail_shot: float = field(default=0.0, init=False)  # times the normal rate of callers, in addition

    def hour(self, at: float) -> tuple[float, float]:
        """Callers and calls out to expect in the hour from `at` on."""
        share, growth = profile(self.tenant, at), 1.0
        self.mail_shot *= 0.3
        if self.tenant.traffic is Traffic.GROWING:
            growth = GROWTH ** (at / WEEK)
        if self.tenant.traffic is Traffic.BURSTY:
            self.burst = self.dice.gammavariate(BURST_SHAPE, 1 / BURST_SHAPE)
            office_hours = 50 if self.tenant.office else 100
            if share > 0.3 and self.dice.random() < MAIL_SHOTS_A_WEEK / office_hours:
                self.mail_shot = self.dice.uniform(0.8, 2.2)
        rate = share * growth * self.burst
        return self.tenant.callers * (rate + share * growth * self.mail_shot), self.tenant.calls_out * rate


def poisson(dice: random.Random, mean: float) -> int:
    """A Poisson variate; by the normal approximation where the mean is large."""
    if mean > 60:
        return max(0, round(dice.gauss(mean, math.sqrt(mean))))
    limit, n, product = math.exp(-mean), 0, dice.random()
    while product > limit:
        n += 1
        product *= dice.random()
    return n


def arrivals(dice: random.Random, mean: float, begin: float, span: float = HOUR) -> list[float]:
    """Moments in `span` seconds from `begin` on, as many as a Poisson variate of `mean`, at random."""
    return [begin + span * dice.random() for _ in range(poisson(dice, mean))]
