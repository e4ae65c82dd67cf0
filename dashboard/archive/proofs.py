"""Proving an archive: the buttons, how far it is, and what it came to last."""

from __future__ import annotations

import streamlit as st

from dashboard.app import permits, refusals, runtime, state_keys, unreadable
from dashboard.archive import tables
from dashboard.draw import jobs, looks
from services.access.viewer import Action
from services.archive.models import Archive, Manifest
from services.archive.verify import Proof
from services.jobs.looks import LookState


def draw(archive: Archive) -> Manifest | None:
    """Draw them, and return what the archive says of itself, where it was read of late."""
    manifest = None
    with unreadable.said("The proof"):
        manifest = _draw(archive)
    return manifest  # noqa: RET504  none where it cannot be read


def _draw(archive: Archive) -> Manifest | None:
    desk, off = runtime.desk().archives, bool(permits.why_not(Action.VERIFY_ARCHIVE))

    def of(*, stores: bool) -> looks.Looks[Proof]:
        return looks.Looks(
            lambda: None if off else desk.proof(archive.id),
            lambda: desk.ask_proof(archive.id, stores=stores), lambda: desk.stop_proof(archive.id),
            Action.VERIFY_ARCHIVE, "archive_proof", state_keys.ARCHIVE_REFUSED,
        )  # fmt: skip

    def buttons() -> None:
        with st.container(horizontal=True):
            _button("Verify", "archive_verify", ":material/verified:", "Reads all of it back.",
                    of(stores=False))  # fmt: skip
            _button("Compare with the stores", "archive_compare", ":material/compare_arrows:",
                    "Reads all of it back, and the stores too.", of(stores=True))  # fmt: skip
        refusals.draw(state_keys.ARCHIVE_REFUSED, "Nothing was read")

    look, proof = looks.newest(of(stores=False), buttons) or (None, None)
    if proof is not None:
        _compared(proof)
    is_said = look is not None and look.state is LookState.FAILED and bool(archive.problem)
    if look is not None and not is_said:
        looks.ended(look, "Read back" if proof else "Reading it back")
    return None if proof is None else proof.manifest


def _button(label: str, key: str, icon: str, tip: str, proofs: looks.Looks[Proof]) -> None:
    permits.button(label, proofs.action, icon=icon, key=key, tip=tip, on_click=jobs.do,
                   args=(proofs.ask, proofs.refused))  # fmt: skip


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
