"""Who is at the page, where the application asks visitors to log in (Streamlit's OIDC login, see docs/settings.md)."""

import streamlit as st


def owner() -> str:
    """Return what tells the visitor from all others, at every visit alike, or "" where nobody has to log in.

    It is the issuer and the subject of the identity token, which OpenID Connect Core 1.0, section 2, promises to be
    unique and never given to somebody else; an e-mail address is neither.
    """
    visitor = st.user.to_dict()
    return f"{visitor['iss']} {visitor['sub']}" if visitor.get("is_logged_in") else ""
