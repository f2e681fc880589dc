from __future__ import annotations

import pytest

from learndock.errors import InvalidInput
from learndock.package.refusal import refuse


@pytest.mark.parametrize(
    ("reason", "hint", "told"),
    [
        ("YAML_INVALID", "", "dock init"),
        ("ZIP_CORRUPT", "", "dock check"),
        ("ZIP_CORRUPT", "Pack it again.", "Pack it again."),
    ],
)
def test_every_refusal_says_what_next(reason, hint, told):
    with pytest.raises(InvalidInput) as refused:
        refuse(reason, "It is wrong.", hint=hint, field="name")
    assert told in refused.value.hint
    assert refused.value.details == {"field": "name"}
