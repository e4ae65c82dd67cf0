import streamlit as st

from dashboard.app import runtime, state_keys, unreadable
from dashboard.app.ending import end_page
from dashboard.archive import listing, one, take
from dashboard.draw import figures
from dashboard.restore import ask, listing as restores, one as restore

restoring = st.query_params.get(state_keys.RESTORE, "")
if restoring:
    figures.head("Archives")
    restore.draw(restoring)
    end_page()

asked = st.query_params.get(state_keys.ARCHIVE, "")
if asked:
    snapshot = figures.head("Archives").snapshot
    archive = one.draw(asked)
    if archive is not None:
        ask.of_archive(archive, snapshot)
        with unreadable.said("Restores of it"):
            of_it = [job for job in runtime.desk().restore.jobs()
                     if job.plan["archive_id"] == archive.id]  # fmt: skip
            if of_it:
                restores.draw(of_it, "Restores of it")
    end_page()

snapshot = figures.snapshot_or_stop("Archives")
st.caption("An archive holds all that the stores have of one tenant, node or user, as one file "
           "that is read back before it counts.")  # fmt: skip
take.draw(snapshot)
ask.by_address(snapshot)
with unreadable.said("Archives so far"):
    listing.draw(runtime.desk().archives.archives())
with unreadable.said("Restores so far"):
    restores.draw(runtime.desk().restore.jobs())
