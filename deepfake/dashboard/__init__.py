"""What the pages share: the choice of a clip, waiting for results, tabs. The only package that knows Streamlit."""
