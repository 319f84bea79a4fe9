"""The page Methods: what is measured, how, and what it is worth."""
