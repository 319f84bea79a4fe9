"""What the pages share: worker processes, results kept on disk, uploads, the choice of a clip, panels.

The only room of the package that knows Streamlit. `jobs`, `workers`, `progress`, `cache`, `uploads` and `tasks` do not
import it: they also run in worker processes and in tests without a page.
"""
