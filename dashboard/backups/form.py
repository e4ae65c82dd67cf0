"""A rule as it is written: for whom, when, and what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from dashboard.app import permits, read, refusals, rule_keys
from dashboard.backups import rules
from dashboard.draw.approval_status import draw_status
from dashboard.draw.formatting import escaped, moment, unseen, visible
from services.access.viewer import Action
from services.approvals.models import WHY
from services.backups.models import Changes, Keep, Kept, Rule
from services.backups.written import BackupError, keep_words, rule_written, words_of
from services.jobs.schedule import next_after
from services.usage.snapshot import Snapshot

_EVERY = "*"


def draw(snapshot: Snapshot, kept: Sequence[Kept]) -> None:
    """Draw the form; a rule is set by a click, and holds from then on."""
    st.header("Set a rule")
    halves = st.grid(2, gap=("small", "large"), min_column_width=380)
    left, right = halves.cell(), halves.cell()
    with left:
        scope = _scope(snapshot)
        cron = st.text_input(
            "Runs", key=rule_keys.BACKUP_CRON, live=True, placeholder="30 3 * * *",
            help="A cron expression: minute, hour, day, month, weekday; or never, whatever wider "
                 "rules say.",
        )  # fmt: skip
        zone = st.text_input("Time zone", "UTC", key=rule_keys.BACKUP_ZONE)
        keep = st.text_input(
            "Keep", keep_words(Keep()), key=rule_keys.BACKUP_KEEP, live=True,
            help="The newest (last), and the newest of each of so many days, weeks and months that "
                 "have one; days is how old one may be. The newest proven one always stays.",
        )  # fmt: skip
    with right:
        jitter = st.number_input(
            "Spread over minutes", 0, 1440, 0, key=rule_keys.BACKUP_JITTER,
            help="Each tenant begins so much later at most, always at the same time.",
        )  # fmt: skip
        quiesce = st.checkbox("End its sessions first", key=rule_keys.BACKUP_QUIESCE)
        to = st.text_input("Kept in", key=rule_keys.BACKUP_TO,
                           placeholder="Where archives are kept",
                           help="Another folder or URL than KATO_TENANTS_ARCHIVES.")  # fmt: skip
        asked = draw_status(Action.SET_BACKUPS)
        why = st.text_input(WHY, asked.details.get(WHY, "") if asked else "", max_chars=300,
                            key=rule_keys.BACKUP_WHY)  # fmt: skip
        if scope and (cron or "").strip():
            rule = _rule(
                scope, cron, zone=zone or "", keep=keep or "", jitter_minutes=int(jitter),
                quiesce=quiesce, to=to or "",
            )  # fmt: skip
            if rule is not None:
                _offer(rule, why or "", kept)
        else:
            st.caption("Say for whom, and when.")


def _scope(snapshot: Snapshot) -> str:
    """Return whom it is for, as it is written."""
    names = read.sorted_names(snapshot)
    kinds = sorted(f"{kind}/*" for kind in read.kinds(snapshot))
    typed = st.selectbox(
        "For", [_EVERY, *kinds, *names], format_func=_called, key=rule_keys.BACKUP_SCOPE,
        accept_new_options=True, filter_mode="contains",
        help="* for every tenant, org/* for every one of a kind, label:plan=gold for those with a "
        "label, tenant/acme for one.",
    )  # fmt: skip
    return unseen(typed) if typed else ""


def _called(scope: str) -> str:
    return "* (every tenant)" if scope == _EVERY else scope


def _rule(scope: str, cron: str, **how: Any) -> Rule | None:
    """Read a rule, or say why it cannot be."""
    try:
        return rule_written(scope, cron, **how)
    except BackupError as exc:
        refusals.say(exc)
        return None


def _offer(rule: Rule, why: str, kept: Sequence[Kept]) -> None:
    before = next((each.rule for each in kept if each.rule.scope == rule.scope), None)
    st.markdown(f"**{escaped(visible(words_of(rule)))}**")
    if before is not None and before != rule:
        st.caption(f"In place of {escaped(visible(words_of(before)))}.")
    if rule.schedule is not None:
        st.caption(f"It runs first on {moment(next_after(rule.schedule, datetime.now(UTC)))}.")
    permits.button(
        "Set rule", Action.SET_BACKUPS, type="primary", icon=":material/backup:",
        disabled=before == rule, on_click=_set, args=(rule, why), key="backup_set_rule",
    )  # fmt: skip


def _set(rule: Rule, why: str) -> None:
    if rules.change(Changes((rule,)), why):
        st.session_state[rule_keys.BACKUP_CRON] = ""
