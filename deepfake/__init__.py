"""The deepfake workbench: evidence and a verdict on whether a video clip was manipulated."""

__version__ = "0.1.0"
