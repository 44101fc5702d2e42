"""Where a PBX finds recordings."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

from ami_bridge.domain.names import AnnouncementHash
from ami_bridge.sounds import Sounds
from ami_bridge.voice.errors import LibraryUnwritable
from ami_bridge.voice.library import Recording

BASE = "http://192.0.2.1:8081"
A, B = AnnouncementHash("a" * 64), AnnouncementHash("b" * 64)


def a_recording(folder: Path, hash_: AnnouncementHash = A) -> Recording:
    narrow, wide = folder / f"{hash_}.wav", folder / f"{hash_}.wav16"
    narrow.write_bytes(b"narrow")
    wide.write_bytes(b"wide")
    return Recording(hash=hash_, path=narrow, wide=wide, seconds=1.0, text="x", language="en")


def test_recordings_are_fetched_in_the_rate_of_the_channel_where_the_pbx_plays_both(tmp_path: Path) -> None:
    recording = a_recording(tmp_path)
    narrow, wide = f"{BASE}/announcements/{A}.wav", f"{BASE}/announcements/{A}.wav16"
    both, one = Sounds(audio_url=BASE, wide=True), Sounds(audio_url=BASE)
    assert [sounds.address(recording, wide=True) for sounds in (both, one)] == [wide, narrow]
    assert [sounds.address(recording) for sounds in (both, one)] == [narrow, narrow]
    assert (both.addresses(recording), one.addresses(recording)) == ((narrow, wide), (narrow,))


async def test_in_a_shared_directory_the_pbx_takes_what_fits(tmp_path: Path) -> None:
    library, shared = tmp_path / "library", tmp_path / "shared"
    library.mkdir()
    recording = a_recording(library)
    sounds = Sounds(audio_url=BASE, wide=True, here=shared, there="/var/sounds/keepline/")
    assert sounds.addresses(recording) == (f"/var/sounds/keepline/{A}",)
    await sounds.publish(recording)
    await sounds.publish(recording)
    assert {file.name: file.read_bytes() for file in shared.iterdir()} == {f"{A}.wav": b"narrow", f"{A}.wav16": b"wide"}
    assert {file.stat().st_mode & 0o777 for file in shared.iterdir()} == {0o644}, "the PBX is another user"


async def test_a_directory_that_cannot_be_written_is_named_with_its_setting(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("x")
    sounds = Sounds(audio_url=BASE, here=blocked / "shared", there="/x")
    with pytest.raises(LibraryUnwritable, match=r"^pbx\.sounds\.here: recordings cannot be written"):
        await sounds.publish(a_recording(tmp_path))


async def test_only_old_recordings_of_ours_that_nobody_needs_are_deleted(tmp_path: Path) -> None:
    library, shared = tmp_path / "library", tmp_path / "shared"
    library.mkdir()
    sounds = Sounds(audio_url=BASE, here=shared, there="/x")
    for hash_ in (A, B):
        await sounds.publish(a_recording(library, hash_))
    (shared / "theirs.wav").write_bytes(b"")
    old = time.time() - 3 * 86400
    for file in shared.iterdir():
        os.utime(file, (old, old))
    await sounds.tidy({A}, timedelta(days=4))
    assert len(list(shared.iterdir())) == 5
    await sounds.publish(a_recording(library, B))  # wanted again
    await sounds.tidy({A}, timedelta(days=2))
    assert len(list(shared.iterdir())) == 5
    for file in shared.iterdir():
        os.utime(file, (old, old))
    await sounds.tidy({A}, timedelta(days=2))
    assert sorted(file.name for file in shared.iterdir()) == [f"{A}.wav", f"{A}.wav16", "theirs.wav"]
