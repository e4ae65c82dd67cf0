"""What a person does at a widget: the state that a browser sends of it, made up."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from streamlit.proto.WidgetStates_pb2 import WidgetState


def _text(proto: Any, chance: random.Random) -> WidgetState:
    return WidgetState(id=proto.id, string_value=chance.choice(("t00", "t01", "bob", "")))


def _choice(proto: Any, chance: random.Random) -> WidgetState:
    return WidgetState(id=proto.id, string_value=chance.choice(proto.options))


def _pills(proto: Any, chance: random.Random) -> WidgetState:
    state = WidgetState(id=proto.id)
    state.string_array_value.data.append(chance.choice(proto.options).content)
    return state


def _number(proto: Any, chance: random.Random) -> WidgetState:
    return WidgetState(id=proto.id, int_value=chance.randint(1, proto.num_pages))


def _tick(proto: Any, chance: random.Random) -> WidgetState:
    return WidgetState(id=proto.id, bool_value=chance.random() < 0.5)


CLICKS: Mapping[str, Callable[[Any, random.Random], WidgetState]] = {
    "text_input": _text, "selectbox": _choice, "button_group": _pills, "pagination": _number,
    "checkbox": _tick, "radio": _choice,
}  # fmt: skip
CHOSEN = frozenset({"selectbox", "button_group", "radio"})  # of what may have no option
