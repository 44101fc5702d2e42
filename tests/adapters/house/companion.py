"""A whole companion in a process of its own, so that a test can kill it.

python -m tests.adapters.house.companion DIRECTORY AMI_PORT
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from ami_bridge import app as composition
from tests.adapters.house.house import Pbx, QuickLibrary, settings


class OpenedLibrary(QuickLibrary):
    def __init__(self, *_where: object, **_how: object) -> None:
        super().__init__()

    def open(self) -> None:
        return None

    def get(self, hash: str) -> None:  # noqa: A002 - the library's own name for it
        return None


def main() -> None:
    directory, port = Path(sys.argv[1]), int(sys.argv[2])
    composition.AudioLibrary = OpenedLibrary  # type: ignore[assignment,misc]
    composition.BEAT = 0.1
    asyncio.run(composition.App(settings(directory, Pbx(port=port))).run())


if __name__ == "__main__":
    main()
