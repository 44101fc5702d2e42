"""Callers without an Asterisk, against a PBX of a few lines: what they say on the wire and what they keep."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from docker.lab import sip
from docker.lab.following import follow
from docker.lab.playout import MULAW, played
from docker.lab.storm import Leg, Storm

HOST = "127.0.0.1"


def rtp(number: int, payload: bytes, *, kind: int = 0, ssrc: int = 7, frame: int = 160) -> bytes:
    return struct.pack(">BBHII", 0x80, kind, number & 0xFFFF, number * frame, ssrc) + payload


class Pbx(threading.Thread):
    """Answers each request as `reply` says, with a port for audio from which it sends a few packets."""

    def __init__(self, reply: Callable[[sip.Message, int], list[str]]) -> None:
        super().__init__(daemon=True)
        self.reply, self.seen = reply, list[str]()
        self.sip, self.audio = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for one in (self.sip, self.audio):
            one.bind((HOST, 0))
        self.port = self.sip.getsockname()[1]
        self.heard = 0

    def run(self) -> None:
        while True:
            data, sender = self.sip.recvfrom(4096)
            if not data:
                return
            request = sip.parse(data)
            self.seen.append(request.method if not request.status else request.first)
            if request.method == "ACK" or request.status:
                continue
            for status in self.reply(request, self.seen.count(request.method)):
                self._answer(request, status, sender)

    def _answer(self, request: sip.Message, status: str, sender: tuple[str, int]) -> None:
        kept = [(n, f"{v};tag=pbx" if n == "To" else v) for n, v in request.headers if n in ("Via", "From", "To")]
        kept += [("Call-ID", request["Call-ID"])]
        if status == "BYE":
            address = request.contact
            self.sip.sendto(sip.message(f"BYE {address} SIP/2.0", [*kept, ("CSeq", "9 BYE")]), sender)
            return
        kept += [("CSeq", request["CSeq"]), ("Contact", f"<sip:pbx@{HOST}:{self.port}>")]
        body = sip.offer(HOST, self.audio.getsockname()[1]) if status.startswith("200") else ""
        self.sip.sendto(sip.message(f"SIP/2.0 {status}", kept, body), sender)
        if request.method == "INVITE" and body:
            for number in range(5):
                self.audio.sendto(rtp(number, bytes([number]) * 160), (HOST, request.audio_port))


@contextmanager
def pbx(reply: Callable[[sip.Message, int], list[str]]) -> Iterator[Pbx]:
    one = Pbx(reply)
    one.start()
    try:
        yield one
    finally:
        one.sip.sendto(b"", (HOST, one.port))
        one.join(5)
        one.sip.close()
        one.audio.close()


def call(one: Pbx, listens: float = 0.1) -> Leg:
    (leg,) = Storm(HOST, HOST, one.port).run("5550100", ["15551250001"], 0, listens)
    return leg


def test_a_caller_dials_listens_talks_and_hangs_up() -> None:
    with pbx(lambda request, _: ["100 Trying", "200 OK"] if request.method == "INVITE" else ["200 OK"]) as one:
        leg = call(one)
        assert one.seen == ["INVITE", "ACK", "BYE"]
        one.audio.settimeout(5)
        said = one.audio.recv(2048)
    assert (leg.failure, len(leg.packets)) == ("", 5)
    assert 0 < leg.answered < leg.ended
    assert (len(said), said[1], said[12:]) == (172, 0, b"\xff" * 160)


def test_a_request_that_is_lost_is_sent_again() -> None:
    with pbx(lambda _, times: ["200 OK"] if times > 1 else []) as one:
        leg = call(one)
        assert one.seen == ["INVITE", "INVITE", "ACK", "BYE", "BYE"]
    assert leg.failure == ""


def test_an_answer_that_comes_again_is_acknowledged_again() -> None:
    with pbx(lambda request, _: ["200 OK", "200 OK"] if request.method == "INVITE" else ["200 OK"]) as one:
        leg = call(one)
        assert sorted(one.seen) == ["ACK", "ACK", "BYE", "INVITE"]
    assert leg.failure == ""


def test_a_refused_call_is_a_failure_with_its_reason() -> None:
    with pbx(lambda _, __: ["503 Service Unavailable"]) as one:
        leg = call(one)
    assert (leg.failure, leg.answered) == ("503 Service Unavailable", 0.0)


def test_a_pbx_that_hangs_up_first_is_told_so() -> None:
    with pbx(lambda _, __: ["200 OK", "BYE"]) as one:
        leg = call(one, listens=5)
    assert leg.failure.startswith("the PBX hung up after")
    assert leg.ended - leg.answered < 5


@pytest.mark.parametrize("garbage", [b"", b"hello", b"INVITE x SIP/2.0\r\nno header\r\n\r\n"])
def test_what_is_no_sip_is_refused(garbage: bytes) -> None:
    with pytest.raises(ValueError, match="not SIP"):
        sip.parse(garbage)


# What a listener hears.


def stream(*came: float, **more: int) -> list[tuple[float, bytes]]:
    return [(at, rtp(number, bytes([0x80]) * 160, **more)) for number, at in enumerate(came)]


def test_mu_law_is_that_of_g711() -> None:
    assert [int(MULAW[code]) for code in (0xFF, 0x7F, 0x80, 0x00, 0xFE)] == [0, 0, 32124, -32124, 8]


def test_packets_are_heard_in_their_place_however_unevenly_they_come() -> None:
    heard = played(stream(10.0, 10.05, 10.04, 10.061), 9.98, 10.1)
    assert np.flatnonzero(heard).tolist() == list(range(160, 800))


def test_a_stream_that_stops_and_comes_late_is_a_silence() -> None:
    heard = played(stream(10.0, 10.02, 11.04), 10.0, 12.0)
    assert np.flatnonzero(heard).tolist() == [*range(320), *range(8320, 8480)]


def test_a_new_source_and_what_is_no_audio_are_told_apart() -> None:
    packets = [*stream(10.0), (10.01, rtp(1, b"\x01" * 4, kind=101)), (10.5, rtp(90_000, b"\x80" * 160, ssrc=8))]
    assert np.flatnonzero(played(packets, 10.0, 11.0)).tolist() == [*range(160), *range(4000, 4160)]


# Whether it was the announcement.

WORDS = np.random.default_rng(5).normal(0, 0.1, (2, 8, 4000))


def speech(voice: int) -> np.ndarray:
    """Bursts with pauses between them, a different noise for each voice."""
    return np.concatenate([np.concatenate([word, np.zeros(800)]) for word in WORDS[voice]])


def test_an_announcement_is_followed_to_its_end() -> None:
    found = follow(speech(0), np.concatenate([np.zeros(4321), speech(0), np.zeros(8000)]))
    assert found is not None
    assert found.covered == 1
    assert found.first_s == pytest.approx(4321 / 8000, abs=0.001)
    assert found.last_s == pytest.approx((4321 + len(speech(0))) / 8000, abs=0.5)


def test_another_announcement_is_not_taken_for_it() -> None:
    assert follow(speech(0), np.concatenate([np.zeros(4321), speech(1), np.zeros(8000)])) is None


@pytest.mark.parametrize("part", [slice(0, 12_000), slice(19_200, 38_400)])
def test_a_part_of_it_is_not_the_whole(part: slice) -> None:
    found = follow(speech(0), np.concatenate([np.zeros(20_000), speech(0)[part], np.zeros(8000)]))
    assert found is not None
    assert found.covered < 0.7


def test_a_gap_in_it_is_followed_over() -> None:
    cut = np.concatenate([speech(0)[:19_200], np.zeros(2000), speech(0)[19_200:]])
    found = follow(speech(0), cut)
    assert found is not None
    assert found.covered > 0.9
