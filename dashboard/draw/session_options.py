"""KATO's options of a session: inputs for them, and what KATO made of what was asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.draw.formatting import visible, words_of
from services.sessions.options import OPTIONS, Answered, Option, OptionKind, effects

_ON, _OFF = "on", "off"


def inputs(prefix: str, now: Mapping[str, object] | None = None) -> dict[str, object]:
    """Draw an input an option, empty for what it is already; return what was chosen.

    `now` is what a session that is there has set; without it, KATO's own defaults are shown.
    """
    with st.grid(2, min_column_width=240):
        for option in OPTIONS:
            _input(option, f"{prefix}_{option.name}", _as_it_is(option, now or {}))
    found = chosen(prefix)
    for effect in effects(found):
        st.warning(visible(effect), icon=":material/info:")
    return found


def chosen(prefix: str) -> dict[str, object]:
    """Return what such inputs hold now, without those left empty."""
    held = {option.name: _held(option, f"{prefix}_{option.name}") for option in OPTIONS}
    return {name: value for name, value in held.items() if value not in (None, [], "")}


def _held(option: Option, key: str) -> object:
    value = st.session_state.get(key)
    if value is None:
        return None
    match option.kind:
        case OptionKind.FLAG:
            return value == _ON
        case OptionKind.WHOLE | OptionKind.NUMBER:
            return _kind(option)(value)
        case OptionKind.TEXT:
            return str(value).strip()
        case _:
            return value


def _as_it_is(option: Option, now: Mapping[str, object]) -> str:
    if now.get(option.name) is not None:
        return f"Now {visible(words_of(now[option.name]))}"
    return f"KATO's own ({words_of(option.default)})"


def _input(option: Option, key: str, hint: str) -> None:
    match option.kind:
        case OptionKind.FLAG:
            st.selectbox(option.name, [_ON, _OFF], index=None, placeholder=hint, key=key,
                         help=option.help, filter_mode="contains")  # fmt: skip
        case OptionKind.CHOICE:
            st.selectbox(option.name, option.choices, index=None, placeholder=hint, key=key,
                         help=option.help, filter_mode="contains")  # fmt: skip
        case OptionKind.LIST:
            st.multiselect(option.name, option.choices, placeholder=hint, key=key,
                           help=option.help, filter_mode="contains")  # fmt: skip
        case OptionKind.TEXT:
            st.text_input(option.name, placeholder=hint, key=key, help=option.help)
        case _:
            _number(option, key, hint)


def _number(option: Option, key: str, hint: str) -> None:
    kind = _kind(option)
    fine = option.most is not None and option.most < 1
    step = 1 if kind is int else 0.001 if fine else 0.05
    st.number_input(
        option.name, min_value=kind(option.least), value=None, step=step,
        max_value=None if option.most is None else kind(option.most),
        format="%d" if kind is int else "%g", placeholder=hint, key=key, help=option.help,
    )  # fmt: skip


def _kind(option: Option) -> Any:
    return int if option.kind is OptionKind.WHOLE else float


def answers_frame(answers: Iterable[Answered]) -> pd.DataFrame:
    """Return one row a thing asked of KATO, beside what it accepted."""
    rows = [
        {
            "What": visible(answer.name),
            "Asked": "" if answer.along else words_of(answer.asked),
            "Accepted": words_of(answer.accepted),
            "Verdict": _verdict(answer),
        }
        for answer in answers
    ]
    return pd.DataFrame(rows, columns=["What", "Asked", "Accepted", "Verdict"])


def _verdict(answer: Answered) -> str:
    if answer.along:
        return "changed along"
    return "as asked" if answer.kept else "KATO did otherwise"
