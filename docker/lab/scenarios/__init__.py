"""What people do with telephones, one file per theme. Importing this package registers all of it."""

from docker.lab.scenarios import plain
from docker.lab.scenarios.registry import SCENARIOS, VERSIONS, Scenario

__all__ = ["SCENARIOS", "VERSIONS", "Scenario", "plain"]
