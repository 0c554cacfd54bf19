"""Explanations of what spans several commands: Markdown files that the program, its man pages and its site all show."""
