"""Forms made from payload classes: a payload class asks questions, a form puts them to people.

``questions`` reads the payload class, ``fields`` makes a form field of each spec,
``form`` binds what was typed, ``sentences`` says what is wrong. ``uploads``, ``incoming`` and
``staged`` bring files in. pydantic decides alone what is valid; nothing here validates twice.
"""
