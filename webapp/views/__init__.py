"""The pages, one blueprint per resource. Views find, authorise and render. Nothing below them imports Flask."""
