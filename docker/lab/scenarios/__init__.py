"""What people do with telephones, one file per theme. Importing this package registers all of it."""

from docker.lab.scenarios import (
    attended,
    blind,
    clicking,
    codes,
    forwarding,
    groups,
    mobile,
    onward,
    parking,
    pickup,
    plain,
    queues,
)
from docker.lab.scenarios.registry import SCENARIOS, VERSIONS, Scenario

__all__ = [
    "SCENARIOS",
    "VERSIONS",
    "Scenario",
    "attended",
    "blind",
    "clicking",
    "codes",
    "forwarding",
    "groups",
    "mobile",
    "onward",
    "parking",
    "pickup",
    "plain",
    "queues",
]
