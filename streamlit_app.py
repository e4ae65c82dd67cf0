"""Entry point of the dashboard: `kato-tenants run` or `streamlit run streamlit_app.py`."""

import streamlit as st

from dashboard.app import (
    alert_count,
    brand,
    current,
    glossary,
    navigation,
    permits,
    runtime,
    sign_in,
    switcher,
    unreadable,
)
from dashboard.app.ending import drawn_to_its_end
from dashboard.deployments import listing
from dashboard.draw.formatting import markdown
from dashboard.find import sidebar
from services.errors import KatoTenantsError

brand.begin()
let_in = sign_in.gate()
viewer, settings, is_new = let_in.viewer, current.settings(), current.is_new()
if not is_new:
    switcher.draw(let_in.deployments)
page = navigation.build(viewer, approvals=bool(settings.two_persons), firing=alert_count.firing())
row = navigation.row(page.url_path or navigation.PAGES[0].name)
brand.draw(row, settings)
if is_new:
    switcher.again(row.title)
elif viewer is None or row is navigation.DEPLOYMENTS:
    with unreadable.calmly():
        brand.sidebar(settings)
        sign_in.sidebar(viewer)
        listing.draw(row)
else:
    switcher.strip()
    try:
        with st.spinner("Starting the stores…"):
            runtime.services()
    except KatoTenantsError as exc:
        what = switcher.no_start(row.title)
        st.error(f"{what} cannot start. {markdown(str(exc))}", icon=":material/error:")
        st.stop()
    with unreadable.calmly():
        sidebar.draw(row.name)
        glossary.sidebar()
        brand.sidebar(settings)
        sign_in.sidebar(viewer)
        with drawn_to_its_end():
            permits.page_or_stop(row.name)
            page.run()
