"""The page of a flow: its graph with live statuses, and its actions."""
