"""What people and programs see: text and JSON, colours, progress, pager. Knows no option and reads no environment."""
