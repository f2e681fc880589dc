"""What an operator allows is allowed at every stage, and what is not allowed is told with the setting."""

from __future__ import annotations

import numpy as np
import pytest

from learndock.errors import InvalidInput
from tests.packages.models import build_package

pytestmark = pytest.mark.e2e


def test_a_raised_limit_lets_a_package_through_every_stage(new_dock, tmp_path):
    """Two MiB of zeros unpack to a thousand times their size, which by default nobody takes."""
    dock = new_dock().start(DOCK_PACKAGE_RATIO="5000", DOCK_PACKAGE_ENTRIES="6")
    client = dock.client()
    dense = build_package(tmp_path / "dense.zip", extra={"weights.bin": bytes(2 << 20)})
    record = client.wait(client.push(dense).learnware_id, timeout=120)
    assert record.state == "INDEXED", record.reason_text
    labels = client.predict([record], np.array([[-1.0, 0.0], [1.0, 0.0]]))
    np.testing.assert_array_equal(np.ravel(labels), [0, 1])
    many = build_package(tmp_path / "many.zip", extra={f"part{n}.txt": b"x" for n in range(9)})
    with pytest.raises(InvalidInput) as refused:
        client.push(many)
    assert refused.value.reason == "ZIP_TOO_MANY_ENTRIES"
    assert refused.value.details["limit"] == "6"
    assert refused.value.details["setting"] == "DOCK_PACKAGE_ENTRIES"
    assert "DOCK_PACKAGE_ENTRIES" in str(refused.value)
