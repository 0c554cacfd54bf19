"""The story of one run for others, in the formats of their tools."""
