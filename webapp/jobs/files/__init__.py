"""Where the bytes of files are: a folder, a bucket of an object storage, or both while files are moved."""
