"""Users, roles, permissions, sign-in sessions. Knows no Streamlit."""
