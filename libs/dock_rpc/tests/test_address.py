"""What an address says, and what only looks as if it said it."""

from __future__ import annotations

import pytest

from dock_rpc.address import Address
from learndock.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "target", "secure", "hosts"),
    [
        ("127.0.0.1:50051", "127.0.0.1:50051", False, ("127.0.0.1",)),
        ("https://dock.example:443", "dock.example:443", True, ("dock.example",)),
        ("https://dock.example:443/", "dock.example:443", True, ("dock.example",)),
        ("http://[::1]:1", "[::1]:1", False, ("::1",)),
        ("dns:///dock.example:1", "dns:///dock.example:1", False, ("dock.example",)),
        ("dns://9.9.9.9/dock.example:1", "dns://9.9.9.9/dock.example:1", False, ("dock.example",)),
        ("ipv4:127.0.0.1:1,10.0.0.1:1", "ipv4:127.0.0.1:1,10.0.0.1:1", False, ("127.0.0.1", "10.0.0.1")),
        ("127.0.0.1:1,127.0.0.2:2", "ipv4:127.0.0.1:1,127.0.0.2:2", False, ("127.0.0.1", "127.0.0.2")),
        ("[::1]:1,[::1]:2", "ipv6:[::1]:1,[::1]:2", False, ("::1", "::1")),
        ("unix:/run/dock", "unix:/run/dock", False, ()),
    ],
)
def test_forms(text, target, secure, hosts):
    address = Address.parse(text)
    assert (address.target, address.secure, address.hosts) == (target, secure, hosts)


def test_what_says_nothing_of_tls_is_as_is_wanted_and_what_does_wins():
    assert Address.parse("a:1", secure=True).secure
    assert Address.parse("dns:///a:1", secure=True).secure
    assert not Address.parse("http://a:1", secure=True).secure


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("https://10.0.0.1:1,10.0.0.2:1", "10.0.0.1"), ("[::1]:1,[::2]:2", "[::1]"), ("ipv6:[::1]:1,[::2]:2", "[::1]"),
        ("https://a:1", ""), ("dns:///a:1", ""), ("unix:/x", ""),
    ],
)  # fmt: skip
def test_of_replicas_by_number_the_first_is_the_name(text, name):
    assert Address.parse(text).authority == name


@pytest.mark.parametrize("text", ["unix:/run/dock", "unix:///run/dock", "unix-abstract:dock"])
def test_a_socket_of_this_machine_is_spoken_to_in_clear_whatever_is_wanted_of_others(text):
    assert not Address.parse(text, secure=True).secure


@pytest.mark.parametrize(
    "text", ["", "dock", "dock:", ":", "dock:port", "dock:99999", "::1:50051", "ftp://dock:1", "https://dock",
             "https://user@dock:1", "https://dock:1/path", "https://a b:1", "dock:1?x=1"]
)  # fmt: skip
def test_what_is_no_address(text):
    with pytest.raises(InvalidInput) as caught:
        Address.parse(text)
    assert caught.value.reason == "ADDRESS_INVALID"


@pytest.mark.parametrize(
    ("text", "here"),
    [
        ("127.0.0.1:1", True), ("localhost:1", True), ("[::1]:1", True), ("127.9.9.9:1", True), ("unix:/x", True),
        ("ipv4:127.0.0.1:1", True), ("dns:///localhost:1", True), ("127.evil.example:1", False),
        ("localhost.evil:1", False),
        ("0.0.0.0:1", False), ("10.0.0.1:1", False), ("ipv4:127.0.0.1:1,10.0.0.1:1", False),
        ("dns:///127.evil:1", False),
        ("dns://127.0.0.1/evil:1", False),
    ],
)  # fmt: skip
def test_only_this_machine_is_this_machine(text, here):
    assert Address.parse(text).on_this_machine is here
