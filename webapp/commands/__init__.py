"""The commands, one module per group; they ask the same verbs as the pages do."""
