"""Forms generated from payload classes.

``field_factory`` creates a form field for each field of the payload class, nested models become sections,
``payload_form`` binds the input, ``validation_messages`` explains errors. ``streaming_uploads`` and
``upload_staging`` receive files. Only pydantic decides what is valid; nothing is validated twice.
"""
