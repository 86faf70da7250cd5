"""The web server: a worker of gunicorn that keeps slow clients away from the threads that pages need."""
