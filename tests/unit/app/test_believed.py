"""A token that was verified is believed for a second, by the same settings, and no longer."""

from __future__ import annotations

from dashboard.app.callers import BELIEVED_SECONDS, Believed
from services.settings.environment import Settings
from tests.unit.app.test_newest import Clock

ANN = {"email": "ann@example.com"}


def test_a_token_is_believed_for_a_second() -> None:
    clock, settings = Clock(), Settings()
    believed = Believed(clock)
    assert believed.of("token", settings) is None
    believed.add("token", settings, ANN)
    clock.now += BELIEVED_SECONDS / 2
    assert believed.of("token", settings) is ANN
    assert believed.of("another", settings) is None
    clock.now += BELIEVED_SECONDS / 2
    assert believed.of("token", settings) is None


def test_other_settings_verify_it_anew() -> None:
    believed, settings = Believed(Clock()), Settings()
    believed.add("token", settings, ANN)
    assert believed.of("token", Settings()) is None


def test_tokens_of_before_are_forgotten() -> None:
    clock, settings = Clock(), Settings()
    believed = Believed(clock)
    for at in range(5):
        believed.add(f"token {at}", settings, ANN)
    clock.now += BELIEVED_SECONDS
    believed.add("the last", settings, ANN)
    assert list(believed._found) == ["the last"]
