"""Git for compute pods."""

__version__ = "0.1.0"
