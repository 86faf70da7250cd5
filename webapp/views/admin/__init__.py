"""The admin pages: one module and one blueprint per resource."""
