import pytest

from ami_bridge.web.guard import allowed, names

OURS = names("192.0.2.7", ("status.example.net", "2001:db8::7"))


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "[::1]:8080", "192.0.2.7", "Status.Example.net:443",
        "[2001:db8::7]:8080"],
)  # fmt: skip
def test_loopback_the_own_address_and_configured_names_are_answered(host: str) -> None:
    assert allowed(host, OURS)


@pytest.mark.parametrize(
    "host",
    [None, "", "evil.example", "localhost.evil.example", "evil.example:8080", "localhost:8080:8080", "localhost:port",
        "127.0.0.1.evil.example", "localhost@evil.example", "127.0.0.2", "::1"],
)  # fmt: skip
def test_any_other_name_is_refused(host: str | None) -> None:
    assert not allowed(host, OURS)


def test_listening_everywhere_does_not_answer_to_everyone() -> None:
    assert not allowed("0.0.0.0:8080", names("0.0.0.0", ()))
    assert not allowed("192.0.2.7", names("0.0.0.0", ()))
