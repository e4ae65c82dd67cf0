"""Proving an archive: the buttons, how far it is, and what it came to last."""

from __future__ import annotations

from functools import partial

import streamlit as st

from dashboard.app import permits, refusals, runtime, state_keys, unreadable
from dashboard.archive import tables
from dashboard.draw import jobs, looks
from services.access.viewer import Action
from services.archive.models import Archive, Manifest
from services.archive.verify import Proof
from services.jobs.looks import Look, LookState


def draw(archive: Archive) -> Manifest | None:
    """Draw them, and return what the archive says of itself, where it was read of late."""
    manifest = None
    with unreadable.said("The proof"):
        manifest = _draw(archive)
    return manifest  # noqa: RET504  none where it cannot be read


def _draw(archive: Archive) -> Manifest | None:
    newest = None
    if not permits.why_not(Action.VERIFY_ARCHIVE):
        newest = runtime.desk().archives.proof(archive.id)
    look, proof = newest or (None, None)
    if look is not None and look.state is LookState.RUNNING:
        looks.follow(
            partial(_newest, archive.id),
            lambda: runtime.desk().archives.stop_proof(archive.id),
            Action.VERIFY_ARCHIVE, key="archive_proof_stop", refused=state_keys.ARCHIVE_REFUSED,
        )  # fmt: skip
        return None
    with st.container(horizontal=True):
        _button("Verify", "archive_verify", ":material/verified:", "Reads all of it back.",
                archive.id, stores=False)  # fmt: skip
        _button("Compare with the stores", "archive_compare", ":material/compare_arrows:",
                "Reads all of it back, and the stores too.", archive.id, stores=True)  # fmt: skip
    refusals.draw(state_keys.ARCHIVE_REFUSED, "Nothing was read")
    if proof is not None:
        _compared(proof)
    is_said = look is not None and look.state is LookState.FAILED and bool(archive.problem)
    if look is not None and not is_said:
        looks.ended(look, "Read back" if proof else "Reading it back")
    return None if proof is None else proof.manifest


def _newest(archive_id: str) -> Look | None:
    found = runtime.desk().archives.proof(archive_id)
    return None if found is None else found[0]


def _button(label: str, key: str, icon: str, tip: str, archive_id: str, *, stores: bool) -> None:
    permits.button(
        label, Action.VERIFY_ARCHIVE, icon=icon, key=key, tip=tip, on_click=jobs.do,
        args=(lambda: runtime.desk().archives.ask_proof(archive_id, stores=stores),
              state_keys.ARCHIVE_REFUSED),
    )  # fmt: skip


def _compared(proof: Proof) -> None:
    st.success("It is as it was written.", icon=":material/verified:")
    if proof.manifest is None:
        st.caption("It is encrypted, and no identity is set here: its hash alone was compared.")
    if proof.differences is None:
        return
    if not proof.differences:
        st.success("The stores held the same.", icon=":material/compare_arrows:")
        return
    st.warning("The stores did not hold the same.", icon=":material/compare_arrows:")
    st.dataframe(tables.differences_frame(proof.differences), hide_index=True,
                 key="archive_differences", alt="What the stores held otherwise")  # fmt: skip
