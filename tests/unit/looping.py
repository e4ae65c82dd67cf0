"""What a test needs that does in a loop what would be hundreds of tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.unit.access.desks import World


@contextmanager
def told(where: str) -> Iterator[None]:
    """Say where a loop was, with what fails there."""
    try:
        yield
    except BaseException as exc:  # what pytest.raises fails with is no Exception
        exc.add_note(where)
        raise


def forget(world: World) -> None:
    """Forget every call so far. To reset a stand-in that was not called would take as long."""
    for mock in world.mocks():
        if mock.mock_calls:
            mock.reset_mock()
