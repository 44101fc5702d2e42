"""POST /hooks/alertmanager/{name} and /hooks/plain/{name}: what other systems report, each with a token of its own.

The answer says what was taken. Alerts that no rule speaks of are no fault of the sender, who could do nothing about it:
they are counted, logged, named in the answer, and answered with 200. docs/webhooks.md describes both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from ami_bridge.domain.orders import Orders, Refused
from ami_bridge.integrations import hooks
from ami_bridge.integrations.hooks import Heard, HookSettings
from ami_bridge.web.answers import NoAnswer, failed, raw, said, spoken
from ami_bridge.web.masking import clean_and_mask
from ami_bridge.web.signing import Attempts, NotLetIn, bearer
from ami_bridge.web.words import counted

log = structlog.get_logger(__name__)

NAMED = 20  # unmatched alerts and refusals told of in one answer

Reader = Callable[[HookSettings, bytes, datetime], Heard]


class HookDoor:
    """Takes webhooks for `orders`. `unmatched` counts, per hook, the alerts that no rule spoke of."""

    def __init__(
        self,
        orders: Orders | None,
        settings: Sequence[HookSettings],
        attempts: Attempts,
        clock: Callable[[], datetime],
        patience: float,
    ) -> None:
        self._orders, self._attempts, self._clock, self._patience = orders, attempts, clock, patience
        self._hooks = {hook.name: hook for hook in settings}
        self.unmatched: Counter[str] = Counter()

    def routes(self) -> list[web.RouteDef]:
        def take(reader: Reader) -> Handler:
            async def handler(request: web.Request) -> web.Response:
                return await self._take(request, reader)

            return spoken(handler, self._patience)

        readers: dict[str, Reader] = {"alertmanager": hooks.alertmanager, "plain": hooks.plain}
        return [web.post(f"/hooks/{shape}/{{name}}", take(reader)) for shape, reader in readers.items()]

    async def _take(self, request: web.Request, reader: Reader) -> web.Response:
        hook = self._hooks.get(request.match_info["name"])
        if hook is None or self._orders is None:
            raise NoAnswer(404, "There is no webhook of that name; add a [[webhook]] to the settings, or mend the URL.")
        shown = bearer(request)
        if shown is None:
            raise NotLetIn(f"Webhook {hook.name} needs its token: send Authorization: Bearer and the token.")
        self._attempts.check(request, hook.token, shown)
        heard = reader(hook, await raw(request), self._clock())
        return await self._report(hook, heard, self._orders)

    async def _report(self, hook: HookSettings, heard: Heard, orders: Orders) -> web.Response:
        """Pass on every report, whatever becomes of the others; 409 when one was refused."""
        refused: list[str] = []
        for report in heard.reports:
            try:
                await orders.report(report)
            except Refused as why:
                refused.append(f"{report.subject} on {report.pbx}: {why}")
        unmatched = [clean_and_mask(labels) for labels in heard.unmatched]
        if unmatched:
            self.unmatched[hook.name] += len(unmatched)
            log.warning("Alerts that no rule speaks of", hook=hook.name, alerts=len(unmatched), first=unmatched[0])
        if heard.truncated:
            log.warning("The sender left alerts out", hook=hook.name, alerts=heard.truncated)
        if refused:
            log.warning("Reports were refused", hook=hook.name, reports=len(refused), first=refused[0])
            return failed(409, "; ".join(refused[:NAMED]))
        words = f"{counted(len(heard.reports), 'report')} taken"
        if unmatched:
            words += f"; {counted(len(unmatched), 'alert')} matched by no rule of webhook {hook.name}"
        return said(f"{words}.", taken=len(heard.reports), unmatched=unmatched[:NAMED], unmatched_count=len(unmatched))
