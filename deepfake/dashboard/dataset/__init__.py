"""The page Dataset: a folder of labeled clips, and its analysis in the background."""
