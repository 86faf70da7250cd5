"""What users save under a name, for themselves or shared: filters of lists, and values of forms."""
