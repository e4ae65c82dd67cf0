"""Entry point of the dashboard: `kato-tenants run` or `streamlit run streamlit_app.py`."""

import streamlit as st

from dashboard.app import (
    alert_count,
    brand,
    glossary,
    navigation,
    permits,
    runtime,
    sign_in,
    unreadable,
)
from dashboard.app.ending import drawn_to_its_end
from dashboard.draw.formatting import markdown
from dashboard.find import sidebar
from services.errors import KatoTenantsError
from services.settings.environment import load_settings

brand.begin()
viewer = sign_in.gate()
settings = load_settings()
page = navigation.build(viewer, approvals=bool(settings.two_persons), firing=alert_count.firing())
row = navigation.row(page.url_path or navigation.PAGES[0].name)
brand.draw(row, settings)
try:
    with st.spinner("Starting the stores…"):
        runtime.services()
except KatoTenantsError as exc:
    st.error(f"The dashboard cannot start. {markdown(str(exc))}", icon=":material/error:")
    st.stop()
with unreadable.calmly():
    sidebar.draw(row.name)
    glossary.sidebar()
    brand.sidebar(settings)
    sign_in.sidebar(viewer)
    with drawn_to_its_end():
        permits.page_or_stop(row.name)
        page.run()
