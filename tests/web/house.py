"""A house to look at, and the real page server showing it on loopback."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ami_bridge.domain.incident import Cause, Incident, IncidentState, Story
from ami_bridge.domain.names import (
    AnnouncementHash,
    IncidentId,
    LineName,
    MaintenanceId,
    PbxName,
    PromiseId,
    SiteName,
    TenantName,
    TrunkName,
)
from ami_bridge.domain.orders import Maintenance
from ami_bridge.domain.promise import Kind, Promise, State
from ami_bridge.domain.signal import Evidence, Source, Subject
from ami_bridge.domain.signal import Kind as Of
from ami_bridge.domain.status import (
    BlindSpot,
    LineStatus,
    Link,
    PbxStatus,
    SiteStatus,
    Status,
    TrunkStatus,
    WaitingCaller,
)
from ami_bridge.web.board import LiveBoard
from ami_bridge.web.page import PageServer
from ami_bridge.web.promises import Book
from ami_bridge.web.settings import PageSettings
from tests.web.keeping import Keeping, Knowing
from tests.web.taking import Taking

CHROMIUM = Path("/usr/bin/chromium")
ACME, PBX1 = TenantName("acme"), PbxName("pbx1")
OWN_WORDS = AnnouncementHash("5e" * 32)


class House:
    """Makes states as the companion would publish them. `now` is real, so that waits on the page are believable."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def ago(self, **span: float) -> datetime:
        return self.now - timedelta(**span)

    def hence(self, **span: float) -> datetime:
        return self.now + timedelta(**span)

    def caller(self, number: str = "+15551230142", **waited: float) -> WaitingCaller:
        return WaitingCaller(number=number, since=self.ago(**waited or {"minutes": 2}))

    def line(self, name: str = "support", **changes: object) -> LineStatus:
        base = LineStatus(name=LineName(name), tenant=ACME, pbx=PBX1, verdict="answered", free_agents=2, agents=4)
        return replace(base, **changes)  # type: ignore[arg-type]

    def promise(self, number: str = "+15551230142", **changes: object) -> Promise:
        base = Promise(
            id=PromiseId(f"p-{number}"), tenant=ACME, pbx=PBX1, line=LineName("support"), kind=Kind.IN_TURN,
            number=number, origin="1763.1", arrived=self.ago(minutes=9), expires=self.hence(hours=95),
            not_before=self.ago(minutes=9), reason="pressed 1 while waiting",
        )  # fmt: skip
        return replace(base, **changes)  # type: ignore[arg-type]

    def incident(self, **changes: object) -> Incident:
        base = Incident(
            id=IncidentId("i-1"), tenants=(ACME,), pbx=PBX1, causes=(self.cause(),), lines=(LineName("support"),),
            story=Story.OUTAGE, what="our main telephone line", told=True,
            state=IncidentState.IDENTIFIED, since=self.ago(minutes=14), changed=self.ago(minutes=13),
            next_word=self.hence(minutes=16), evidence=self.seen("the trunk does not answer", "503 from the carrier"),
        )  # fmt: skip
        return replace(base, **changes)  # type: ignore[arg-type]

    def cause(self, kind: Of = Of.TRUNK, name: str = "acme-primary", *, over: bool = False) -> Cause:
        return Cause(subject=Subject(kind, name), since=self.ago(minutes=14), lines=(LineName("support"),), over=over)

    def seen(self, *said: str, source: Source = Source.QUALIFY) -> tuple[Evidence, ...]:
        return tuple(
            Evidence(at=self.ago(minutes=14) + timedelta(seconds=i), source=source, words=words)
            for i, words in enumerate(said)
        )

    def maintenance(self, **changes: object) -> Maintenance:
        base = Maintenance(
            id=MaintenanceId("m-1"), pbx=PBX1, subject=Subject(Of.TRUNK, "acme-backup"), begin=self.hence(hours=2),
            end=self.hence(hours=4), what="our second telephone line", announced=True, by="Ada",
        )  # fmt: skip
        return replace(base, **changes)  # type: ignore[arg-type]

    def site(self, name: str = "vienna", **changes: object) -> SiteStatus:
        base = SiteStatus(name=SiteName(name), tenant=ACME, pbx=PBX1, verdict="up", since=self.ago(hours=3))
        return replace(base, **changes)  # type: ignore[arg-type]

    def pbx(self, name: str = "pbx1", **changes: object) -> PbxStatus:
        base = PbxStatus(
            name=PbxName(name), link=Link.UP, since=self.ago(hours=3), version="22.10.1", calls=7, lag_ms=1.4
        )
        return replace(base, **changes)  # type: ignore[arg-type]

    def trunk(self, name: str = "acme-primary", **changes: object) -> TrunkStatus:
        base = TrunkStatus(name=TrunkName(name), pbx=PBX1, health="up", since=self.ago(hours=3))
        return replace(base, **changes)  # type: ignore[arg-type]

    def quiet(self) -> Status:
        """One PBX, watched, one line, one trunk and one site, all well, and nobody there."""
        return Status(
            now=self.now, pbxs=(self.pbx(),), lines=(self.line(),), trunks=(self.trunk(),), sites=(self.site(),)
        )

    def busy(self) -> Status:
        """Everything the page knows how to show, at once."""
        said = (
            "We know that calls to our support line fail since this afternoon. Our provider is repairing it. "
            "You will hear more from us by half past two. Press 2 and we call you when it is fixed."
        )
        gesagt = (
            "Wir wissen, dass Anrufe bei uns seit heute Nachmittag nicht gelingen. Unser Anbieter arbeitet daran. "
            "Bis halb drei hören Sie mehr von uns. Drücken Sie die 2, und wir rufen an, wenn es behoben ist."
        )
        numbers = [f"+1555123{i:04}" for i in range(100, 112)]
        states = [State.WAITING, State.RINGING, State.CONFIRMING, State.WAITING, State.CONNECTING]
        reasons = ["pressed 1 while waiting", "an agent is free", "the call was answered",
            "busy at the second attempt", "pressed 1 when called"]  # fmt: skip
        owed = [
            self.promise(numbers[i], state=states[i], reason=reasons[i], attempts=i, arrived=self.ago(minutes=20 - i),
                kind=Kind.RESTORED if i == 0 else Kind.IN_TURN,
                not_before=self.hence(minutes=6) if i == 3 else self.ago(minutes=20 - i))
            for i in range(5)
        ]  # fmt: skip
        over = [(State.KEPT, "bridged with agent 101"), (State.WITHDRAWN, "the customer got through by themselves"),
            (State.EXHAUSTED, "five attempts, never answered"), (State.BLOCKED, "premium-rate number")]  # fmt: skip
        ended = [
            self.promise(numbers[5 + i], state=state, reason=why, attempts=i + 1, arrived=self.ago(hours=2, minutes=i))
            for i, (state, why) in enumerate(over)
        ]
        return Status(
            now=self.now,
            pbxs=(
                self.pbx(),
                self.pbx("pbx2", link=Link.REFUSED, since=self.ago(minutes=26), calls=0,
                    detail="AMI login refused: check pbx.pbx2.secret, then permit in manager.conf"),
            ),
            trunks=(
                self.trunk(health="down", since=self.ago(minutes=14),
                    evidence=(*self.seen("the trunk does not answer"),
                        *self.seen("3 calls in a row failed: no route (cause 3)", source=Source.CALLS))),
                self.trunk("acme-backup"),
                self.trunk("globex-sip", pbx=PbxName("pbx2")),
            ),
            sites=(
                self.site(verdict="suspect", since=self.ago(minutes=3),
                    evidence=self.seen("3 of 5 phones gone within 90 s", source=Source.PHONES)),
                self.site("graz"),
            ),
            maintenance=(
                self.maintenance(),
                self.maintenance(id=MaintenanceId("m-2"), subject=Subject(Of.PBX, "pbx2"), pbx=PbxName("pbx2"), what="",
                    begin=self.ago(minutes=20), end=self.hence(minutes=40), announced=False),
            ),
            lines=(
                self.line(verdict="unanswered", free_agents=0, announcing={"en": said, "de": gesagt}, told_waiting=1,
                    announced_until=self.hence(minutes=16),
                    waiting=(self.caller(minutes=4, seconds=12), self.caller("+15551230977", seconds=48))),
                self.line("sales"),
                self.line("billing", verdict="unanswered", free_agents=0, agents=2, health="suspect",
                    evidence=self.seen("one caller in two gave up in the last 30 minutes", source=Source.ABANDONS),
                    waiting=(self.caller("anonymous", seconds=9),)),
                self.line("helpdesk", pbx=PbxName("pbx2"), tenant=TenantName("globex"), free_agents=1),
            ),
            incidents=(
                self.incident(causes=(self.cause(), self.cause(Of.LINE, "support", over=True)),
                    until=self.hence(minutes=90), expected=self.hence(minutes=40), recording=OWN_WORDS),
                self.incident(id=IncidentId("i-3"), causes=(self.cause(Of.TENANT, "globex"),), what="our service",
                    expected=self.ago(minutes=5), evidence=self.seen("all calls fail", source=Source.OPERATOR)),
                self.incident(id=IncidentId("i-2"), state=IncidentState.SUSPECTED, told=False,
                    causes=(self.cause(Of.SITE, "vienna"),), what="our office in Vienna",
                    evidence=self.seen("3 of 5 phones gone within 90 s", source=Source.PHONES)),
                self.incident(id=IncidentId("i-0"), state=IncidentState.RESOLVED, since=self.ago(hours=30),
                    changed=self.ago(hours=29), causes=(self.cause(name="acme-backup", over=True),)),
            ),
            promises=(*owed, *ended),
            blind_spots=(
                BlindSpot(pbx=PbxName("pbx2"), begin=self.ago(minutes=26), end=None, reason="AMI login refused"),
                BlindSpot(pbx=PBX1, begin=self.ago(hours=3, seconds=41), end=self.ago(hours=3),
                    reason="connection reset by peer"),
            ),
        )  # fmt: skip


class Running:
    """The page served from `board`, whose settings a test may choose; stopped and started again at the same port."""

    def __init__(self, board: LiveBoard, settings: PageSettings, directory: Path, book: Book | None = None) -> None:
        self.board, self.settings = board, settings
        self.orders, self.callers, self.book = Taking(), Knowing(), book
        self.recordings: Keeping | None = Keeping(directory)
        self.later = 0.0  # seconds by which sessions and attempts are older than they are
        self.server = self._make()

    def _make(self) -> PageServer:
        return PageServer(
            self.board, self.settings, orders=self.orders, recordings=self.recordings, callers=self.callers,
            book=self.book, monotonic=lambda: time.monotonic() + self.later,
        )  # fmt: skip

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    async def restart(self) -> None:
        self.server = self._make()
        await self.server.start()
        self.settings = replace(self.settings, port=self.server.port)

    async def stop(self) -> None:
        await self.server.close()
