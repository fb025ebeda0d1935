"""The media process that the contract tests of a line share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lines.shared_media import SharedMedia


@pytest.fixture(scope="module")
def shared_media() -> Iterator[SharedMedia]:
    media = SharedMedia()
    yield media
    media.close()
