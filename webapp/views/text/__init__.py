"""Every word that people read: translations, dates, numbers, status labels and sentences."""
