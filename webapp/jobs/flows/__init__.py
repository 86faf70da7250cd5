"""Flows: graphs of jobs that are created together, whole or not at all. Every job of a flow is a root."""
