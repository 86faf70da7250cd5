"""The operations of the API, one module per resource. They ask the policy and call the verbs of the pages."""
