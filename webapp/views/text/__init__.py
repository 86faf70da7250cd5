"""Every text that users read: translations, dates, numbers, status labels and sentences."""
