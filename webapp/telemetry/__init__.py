"""What a process tells about itself: its log, and, if they are switched on, traces and error reports."""
