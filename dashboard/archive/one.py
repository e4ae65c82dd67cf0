"""One archive: how far it is while it is taken, and what is in it once it is proven."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard.app import brand, permits, read, refusals, runtime, state_keys, unreadable
from dashboard.archive import proofs, remove, tables
from dashboard.draw import cards, job_steps
from dashboard.draw.formatting import age, escaped, markdown, moment, size, visible
from dashboard.draw.links import copy_link
from services.access.viewer import Action
from services.archive.models import Archive, Manifest, State
from services.errors import AccessDenied, KatoTenantsError, NotSignedIn
from services.jobs.models import Job, JobState

_SHOWN, _LINKS = 200, 5


def draw(archive_id: str) -> Archive | None:
    """Draw the archive that a link names, and return it where it is proven."""
    st.button("All archives", icon=":material/arrow_back:", type="tertiary", on_click=_back)
    archives = runtime.desk().archives
    try:
        archive = archives.archive(archive_id)
        job = archives.job(archive.id)
    except (AccessDenied, NotSignedIn):
        raise
    except KatoTenantsError as exc:
        st.warning(f"This archive cannot be shown: {markdown(str(exc))}.",
                   icon=":material/search_off:")  # fmt: skip
        return None
    _head(archive)
    refusals.draw(state_keys.ARCHIVE_REFUSED, "Nothing was done")
    if job is not None and job.state is JobState.RUNNING:
        st.fragment(_follow, run_every="1s")(archive.id)
    elif archive.state in (State.PROVEN, State.BROKEN):
        _whole(archive)
        remove.draw(archive)
    elif archive.state is State.REMOVED:
        remove.gone(archive)
    else:
        _halted(archive, job)
    return archive if archive.state is State.PROVEN else None


def _back() -> None:
    st.query_params.pop(state_keys.ARCHIVE, None)


def _head(archive: Archive) -> None:
    whose = visible(str(archive.target))
    words, color, icon = tables.STATES[archive.state]
    brand.name_tab("Archive", f"{words}: {whose}")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(escaped(whose), width="stretch")
        st.badge(words, color=color, icon=icon)
        copy_link({state_keys.ARCHIVE: archive.id})
    if archive.target.tenant is not None:
        cards.beside(read.card(archive.target.tenant))
    st.caption(f"Asked for by {markdown(archive.by)} {age(archive.created_at)} · "
               f"{markdown(archive.reason)}")  # fmt: skip
    with st.container(horizontal=True):
        for tenant in archive.tenants[:_LINKS]:
            name = visible(tenant)
            permits.link("tenant", escaped(name), {state_keys.TENANT: name})


def _follow(archive_id: str) -> None:
    """Draw how far it is; read anew every second."""
    found = unreadable.followed(lambda: (runtime.desk().archives.job(archive_id),))
    if found is None:
        return
    (job,) = found
    if job is None or job.state is not JobState.RUNNING:
        st.rerun()
    st.progress(job_steps.share_done(job.steps), text=markdown(job_steps.step_of(job)))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("This tab can be closed: it goes on, and this address leads back to it.",
                   width="stretch")  # fmt: skip
        permits.button(
            "Stops soon…" if job.stop_asked else "Stop", Action.STOP_ARCHIVE, key="archive_stop",
            icon=":material/stop:", disabled=job.stop_asked, on_click=_do,
            args=("stop", archive_id), tip="Nothing of it is kept; it can go on later.",
        )  # fmt: skip
    _steps(job)


def _steps(job: Job) -> None:
    st.table(job_steps.steps_frame(job.steps, tables.STEPS), border="horizontal", hide_index=True,
             alt="The steps of taking it: state, and why one failed")  # fmt: skip


def _halted(archive: Archive, job: Job | None) -> None:
    why = archive.problem or (job.problem if job is not None else "")
    st.error(f"It was not taken{': ' + markdown(why) if why else ''}. Nothing of it is kept.",
             icon=":material/error:")  # fmt: skip
    if job is not None:
        permits.button("Go on", Action.ARCHIVE, icon=":material/play_arrow:", key="archive_resume",
                       on_click=_do, args=("resume", archive.id),
                       disabled=not job_steps.halted(job))  # fmt: skip
        _steps(job)


def _do(deed: str, archive_id: str) -> None:
    """Stop or resume it; a refusal is said with the next drawing."""
    archives = runtime.desk().archives
    deeds: dict[str, Callable[[str], object]] = {
        "stop": archives.stop, "resume": archives.resume,
    }  # fmt: skip
    try:
        deeds[deed](archive_id)
    except KatoTenantsError as exc:
        refusals.keep(state_keys.ARCHIVE_REFUSED, exc)


# --- one that is whole ---


def _whole(archive: Archive) -> None:
    if archive.problem:
        st.error(f"{markdown(archive.problem)}.", icon=":material/broken_image:")
    if said := tables.empty_words(archive):
        st.warning(said, icon=":material/inbox:")
    facts = {
        "File": escaped(visible(archive.name)),
        **({"Place": escaped(visible(archive.place))} if archive.place else {}),
        "Size": size(archive.bytes),
        "Taken": moment(archive.created_at),
        "Last proven": age(archive.proven_at),
        "Encrypted": "yes" if archive.encrypted else "no",
        "Sessions ended first": "yes" if archive.quiesced else "no",
        "Changed while it was taken": tables.changed_words(archive),
        **({} if archive.left_out is None else {"Left out": tables.left_words(archive)}),
    }  # fmt: skip
    st.table(facts, border="horizontal", width="content", alt="What is known of this archive")
    st.caption("SHA-256")
    st.code(archive.sha256, language=None, wrap_lines=True)
    manifest = proofs.draw(archive)
    st.subheader("What is in it")
    st.dataframe(
        tables.parts_frame(archive, manifest), hide_index=True, key="archive_parts",
        alt="The parts of this archive: how many rows, keys, points or records",
        column_config={"Count": st.column_config.NumberColumn(format="localized"),
                       "Content": st.column_config.NumberColumn(format="bytes")},
    )  # fmt: skip
    if manifest is not None:
        _told(manifest)


def _told(manifest: Manifest) -> None:
    """Draw what is not in it, and what changed meanwhile."""
    if manifest.changes:
        st.subheader("Changed while it was taken")
        st.dataframe(tables.changes_frame(manifest.changes[:_SHOWN]), hide_index=True,
                     key="archive_changes", alt="What two looks saw otherwise")  # fmt: skip
    if manifest.left_out or manifest.disclosed:
        st.subheader("Not in it")
    if manifest.left_out:
        st.dataframe(tables.left_frame(manifest.left_out[:_SHOWN]), hide_index=True,
                     key="archive_left", alt="kb_ids that were left out, and why")  # fmt: skip
    for text in tables.disclosed_words(manifest):
        st.markdown(f"- {markdown(text)}")
