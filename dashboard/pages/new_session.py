from contextlib import suppress

import streamlit as st

from dashboard.app import permits, read, refusals, runtime, state_keys
from dashboard.app.ending import end_page
from dashboard.draw import cards, figures
from dashboard.draw.formatting import markdown, unseen
from dashboard.new_session import form, limits
from dashboard.sessions import listing
from services.access.viewer import Action
from services.errors import KatoTenantsError, NamingError
from services.sessions.create import TTL_MAX, TTL_MIN
from services.tenancy.kb_ids import TenantKey
from services.tenancy.schemes import NamingScheme

snapshot = figures.head("New session").snapshot
off = permits.why_not(Action.CREATE_SESSION)
if off:
    st.info(off, icon=":material/lock:")
    end_page()

sessions = runtime.desk().sessions
schemes = {scheme.template: scheme for scheme in runtime.schemes().schemes}

if runtime.is_embedded():
    st.caption("Demo: KATO is simulated; sessions work, learning does not.")


def preset() -> tuple[int, dict[str, str]]:
    """Return the scheme and the field that the tenant in the URL asks for."""
    try:
        asked = TenantKey.parse(unseen(st.query_params.get(state_keys.TENANT, "")))
    except NamingError:
        return 0, {}
    fitting = [i for i, scheme in enumerate(schemes.values()) if scheme.kind == asked.kind]
    return (fitting[0], {asked.kind: asked.id}) if fitting else (0, {})


first, values = preset()
halves = st.grid(2, gap=("small", "large"), min_column_width=380)
left, right = halves.cell(), halves.cell()
with left:
    template = st.selectbox(
        "Naming scheme", list(schemes), index=first, key="scheme", filter_mode="contains"
    )
    scheme: NamingScheme = schemes[template]
    fields = {name: form.text_field(scheme, name, values.get(name, "")) for name in scheme.fields}
    ttl = listing.duration(
        "Time to live",
        hint="From 1 minute to 30 days. Every access through KATO sets it back to this.",
        key="ttl",
    )
    metadata, sensitive = form.metadata_rows(can_seal=sessions.can_seal)
    config = form.options_form()

landing, problem, word, over = None, None, "", ""
if not TTL_MIN <= ttl <= TTL_MAX:
    problem = "The time to live has to be from 1 minute to 30 days."
elif all(fields.values()):
    try:
        landing = sessions.landing(scheme, fields)
    except KatoTenantsError as exc:
        problem = str(exc)

with right:
    st.header("Target memory")
    if problem:
        st.error(markdown(problem), icon=":material/block:")
    elif landing is None:
        st.caption("Fill every field to see the node_id and the kb_id that KATO makes of it.")
    else:
        form.offer(landing, scheme)
        silent = snapshot is not None and snapshot.kato_problem is not None
        form.landing_words(landing, "KATO was not asked which node_ids it has" if silent else "")
        cards.beside(read.card(landing.tenant))
        word = form.word(landing)
        over = limits.word(landing, refuses=sessions.refuses_over)
    again = form.asked_again(landing)
    lacking = (landing is None or landing.refusal or not again
               or (landing.older is not None and not word)
               or (landing.exceeded and sessions.refuses_over and not over))  # fmt: skip
    create = permits.button(
        "Create session", Action.CREATE_SESSION, type="primary", icon=":material/add:",
        disabled=bool(lacking),
    )  # fmt: skip

if create and landing is not None:
    try:
        answer = sessions.create(
            scheme,
            fields,
            ttl_seconds=ttl,
            metadata=metadata,
            sensitive=sensitive,
            config=config,
            word=word,
            again=again,
            over=over,
        )
        st.session_state[state_keys.CREATED] = form.Asked(
            ttl, metadata, bool(sensitive), config, answer
        )
        with suppress(KatoTenantsError):  # it is created all the same
            runtime.desk().fleet.refresh()
        form.forget_metadata()
        st.rerun()
    except KatoTenantsError as exc:
        st.session_state.pop(state_keys.CREATED, None)
        refusals.show(refusals.of(exc), "No session was created as far as is known")

created = st.session_state.get(state_keys.CREATED)
if created is not None:
    form.answer(created)
