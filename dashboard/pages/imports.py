import streamlit as st

from dashboard.draw import figures

figures.head("Import")
st.caption("")
