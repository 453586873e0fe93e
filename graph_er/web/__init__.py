"""The web page on this machine alone: a conversation in, its timeline, reasons and files out."""
