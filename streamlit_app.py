"""Entry point of the dashboard: `kato-tenants run` or `streamlit run streamlit_app.py`."""

import streamlit as st

from dashboard.app import navigation, permits, runtime, sign_in, unreadable
from dashboard.draw import figures
from dashboard.draw.formatting import markdown
from dashboard.find import sidebar
from services.errors import KatoTenantsError
from services.settings.environment import load_settings

st.set_page_config(page_title="KATO tenants", page_icon=":material/hub:", layout="wide")
viewer = sign_in.gate()
page = navigation.build(viewer, approvals=bool(load_settings().two_persons))
try:
    with st.spinner("Starting the stores…"):
        runtime.services()
except KatoTenantsError as exc:
    st.error(f"The dashboard cannot start. {markdown(str(exc))}", icon=":material/error:")
    st.stop()
with unreadable.calmly():
    sidebar.draw(page.url_path)
    figures.sidebar()
    sign_in.sidebar(viewer)
    permits.page_or_stop(page.url_path or navigation.PAGES[0].name)
    page.run()
