"""The page Analyze: the verdict on one clip, and a tab for each way of looking at it."""
