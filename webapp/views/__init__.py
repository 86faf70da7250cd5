"""The pages: one blueprint per resource, thin: find, ask, render. Flask lives here and above, nowhere below."""
