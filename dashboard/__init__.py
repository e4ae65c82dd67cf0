"""Everything that imports streamlit."""
