"""What is shown of predictions: the timeline as PNG and as a page, reasons of chosen turns."""
