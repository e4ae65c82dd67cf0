"""Entry point of the dashboard: `kato-tenants run` or `streamlit run streamlit_app.py`."""

import streamlit as st

from dashboard import components, find_entry, navigation, runtime
from dashboard.formatting import markdown
from services.errors import KatoTenantsError

st.set_page_config(page_title="KATO tenants", page_icon=":material/hub:", layout="wide")
page = navigation.build()
try:
    with st.spinner("Starting the stores…"):
        runtime.services()
except KatoTenantsError as exc:
    st.error(f"The dashboard cannot start. {markdown(str(exc))}", icon=":material/error:")
    st.stop()
find_entry.draw(page.url_path)
components.sidebar()
page.run()
