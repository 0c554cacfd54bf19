"""What users see: text and JSON printers, progress, pager, colours."""
