"""What is logged or printed of a URL holds no secret, however it was written."""

from __future__ import annotations

import pytest

from dock_server.urls import masked, place_of

SECRET = "se-cret"


@pytest.mark.parametrize(
    ("url", "place", "shown"),
    [
        ("postgresql://db/dock", "postgresql://db/dock", "postgresql://db/dock"),
        ("postgresql://ann@db:5432/dock", "postgresql://db:5432/dock", "postgresql://ann@db:5432/dock"),
        ("postgresql+psycopg2://ann:{}@db/dock", "postgresql+psycopg2://db/dock", "postgresql+psycopg2://ann:******@db/dock"),
        ("postgresql://ann:a/{}@db/dock", "postgresql://db/dock", "postgresql://ann:******@db/dock"),
        ("postgresql://ann:a?{}#b@db/dock", "postgresql://db/dock", "postgresql://ann:******@db/dock"),
        ("postgresql://ann:a@{}@db/dock", "postgresql://db/dock", "postgresql://ann:******@db/dock"),
        ("postgresql://ann:x@db/dock?password={}", "postgresql://db/dock", "postgresql://ann:******@db/dock?password=******"),
        ("postgresql://db/dock?password=a@{}", "postgresql://db/dock", "postgresql://db/dock?password=******"),
        ("s3://key:{}/b@store:9000/dock?secure=false", "s3://store:9000/dock", "s3://key:******@store:9000/dock?secure=false"),
        ("nats://{}@bus:4222", "nats://bus:4222", "nats://******@bus:4222"),
        ("nats://one:1,nats://ann:a/{}@two:2", "nats://one:1,nats://two:2", "nats://one:1,nats://ann:******@two:2"),
        ("nats://ann:{}@one:1,nats://two:2", "nats://one:1,nats://two:2", "nats://ann:******@one:1,nats://two:2"),
        ("a folder/with@sign", "a folder/with@sign", "a folder/with@sign"),
    ],
)  # fmt: skip
def test_a_url_is_shown_without_its_secrets(url, place, shown):
    written = url.format(SECRET)
    assert place_of(written) == place
    assert masked(written) == shown
    assert SECRET not in place_of(written) + masked(written)
