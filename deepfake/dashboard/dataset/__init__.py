"""The page Dataset: a folder of labelled clips, and its analysis in the background."""
