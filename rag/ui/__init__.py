"""Page scripts and what they draw with."""
