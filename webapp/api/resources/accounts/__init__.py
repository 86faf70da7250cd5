"""Operations on users, their groups and their API tokens."""
