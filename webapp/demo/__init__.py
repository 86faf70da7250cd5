"""The demonstration: people, jobs in every status, and a month behind them. Knows no pages."""
