"""The results of a job, shown on its page: tables, charts, texts, pictures, pages and links."""
