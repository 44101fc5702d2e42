"""The secrets of the test PBX: made once, completed in a state of an earlier version, each only where it is needed."""

from __future__ import annotations

import subprocess
from pathlib import Path

from docker.lab.stack import DOCKER, read_env

OF_OPERATORS = {"KEEPLINE_WEB_TOKEN", "KEEPLINE_WEBHOOK_MONITORING_TOKEN", "KEEPLINE_TENANT_ACME_PIN"}


def made(state: Path) -> dict[str, dict[str, str]]:
    """What each file holds after an `up` has seen to the secrets."""
    script = f'set -euo pipefail; HOME_DIR={DOCKER} STATE={state}; . "$HOME_DIR/shell/settings.sh"; secrets_make'
    subprocess.run(["bash", "-c", script], check=True)
    return {file.stem: read_env(file.read_text(encoding="utf-8")) for file in state.iterdir()}


def test_the_asterisks_do_not_hold_what_operators_give_orders_with(tmp_path: Path) -> None:
    files = made(tmp_path)
    assert set(files) == {"secrets", "operators", "keepline"}
    assert set(files["operators"]) == OF_OPERATORS
    assert not OF_OPERATORS & set(files["secrets"])
    assert set(files["keepline"]) == {*OF_OPERATORS, "KEEPLINE_AGI_TOKEN", "KEEPLINE_PBX_LAB_SECRET"}
    assert len(files["operators"]["KEEPLINE_TENANT_ACME_PIN"]) == 6
    assert files["operators"]["KEEPLINE_TENANT_ACME_PIN"].isdecimal()
    assert all(file.stat().st_mode & 0o077 == 0 for file in tmp_path.iterdir())


def test_a_state_of_an_earlier_version_is_completed_and_nothing_in_it_changes(tmp_path: Path) -> None:
    before = {"KEEPLINE_AGI_TOKEN": "kept-agi", "KEEPLINE_PBX_LAB_SECRET": "kept-ami"}
    for name in ("secrets", "keepline"):
        (tmp_path / f"{name}.env").write_text("".join(f"{key}={value}\n" for key, value in before.items()))
    files = made(tmp_path)
    assert files["secrets"].items() > before.items()
    assert files["keepline"].items() > before.items()
    assert set(files["operators"]) == OF_OPERATORS
    assert made(tmp_path) == files
