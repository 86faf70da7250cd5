"""The JSON API: each operation is declared once; checks, the OpenAPI document and its page follow from that."""
