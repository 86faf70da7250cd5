"""Charts as SVG made on the server: geometry in percent, so a picture fits any width and its texts keep their size.

Pure except for translated labels. Every chart stands before a table of the same numbers, which screen readers read.
"""
