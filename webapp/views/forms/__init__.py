"""Forms generated from payload classes.

``questions`` reads the payload class, ``field_factory`` creates a form field for each of its fields,
``payload_form`` binds the input, ``validation_messages`` explains errors. ``streaming_uploads`` and
``upload_staging`` receive files. Only pydantic decides what is valid; nothing is validated twice.
"""
